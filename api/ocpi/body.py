"""Reading a request's body, up to a limit. The content type is not asked: the bytes say what they are."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request

from api.errors import BodyTooLarge

MAX_BODY_BYTES: Final = 4 * 1024 * 1024


async def read_body(request: Request, headers: Mapping[str, str]) -> bytes:
    """All of it. Raises BodyTooLarge as soon as that is known, before the rest is read."""
    announced = headers.get("content-length", "")
    if announced.isdigit() and int(announced) > MAX_BODY_BYTES:
        raise BodyTooLarge(f"the body is larger than {MAX_BODY_BYTES} bytes")
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise BodyTooLarge(f"the body is larger than {MAX_BODY_BYTES} bytes")
        chunks.append(chunk)
    return b"".join(chunks)
