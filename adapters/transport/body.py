"""Read an answer's body with a limit on what it may grow to, packed or not."""

import zlib

import httpx

_GZIP_WINDOW = 31
"""zlib's notation for: largest window, gzip header."""


class BodyRefusedError(Exception):
    """The body is larger than allowed, or packed in a way that was not asked for."""


async def read_body(response: httpx.Response, max_bytes: int) -> bytes:
    """The whole body of a streamed response, unpacked. Raises BodyRefusedError as soon as it is too large."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity", "gzip"):
        raise BodyRefusedError(f"content encoding {encoding[:20]!r} was not asked for")
    unpack = zlib.decompressobj(_GZIP_WINDOW) if encoding == "gzip" else None
    body = bytearray()
    async for chunk in response.aiter_raw():
        try:
            # One byte more than is left: enough to see that it is too much, too little for a bomb to go off.
            body += unpack.decompress(chunk, max_bytes - len(body) + 1) if unpack else chunk
        except zlib.error:
            raise BodyRefusedError("the body is not gzip, although its header says so") from None
        if len(body) > max_bytes:
            raise BodyRefusedError(f"the body is larger than {max_bytes} bytes")
    return bytes(body)
