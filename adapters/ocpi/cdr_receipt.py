"""Where a partner says that a CDR which it accepted can be read back (OCPI 2.2.1 cdrs, POST)."""

from typing import Final

from adapters.contract import UnsafeUrl
from adapters.transport.address_guard import same_origin
from adapters.transport.envelope import Answer, Envelope
from canonical.model import Finding

_LONGEST: Final = 1000


def location(answer: Answer, data: bytes | None) -> tuple[str | None, tuple[Finding, ...]]:
    """The address in the Location header, or in the body of partners that put it there; and what was odd.

    An address elsewhere is not used, but it does not undo the acceptance either: the CDR has been taken.
    """
    header = answer.headers.get("location")
    stated = header or _text(data)
    if not stated:
        return None, (_finding("missing", "the receipt of the CDR does not say where it can be read back"),)
    try:
        url = same_origin(stated, answer.url)
    except UnsafeUrl as error:
        return None, (_finding("unsafe", f"the address of the CDR is not called: {error}"),)
    if header:
        return url, ()
    return url, (_finding("in_body", "the address of the CDR came in the body, not in the header"),)


def words(said: Envelope) -> tuple[Finding, ...]:
    """What the partner says to a CDR that it takes, if it says anything."""
    if not said.status_message:
        return ()
    return (Finding(code="receipt.message", message=said.status_message[:_LONGEST], where="status_message"),)


def _finding(what: str, message: str) -> Finding:
    return Finding(code=f"tolerance.cdr_location_{what}", message=message, where="Location")


def _text(data: bytes | None) -> str | None:
    """A JSON string that looks like a URL, or None."""
    if data is None or not data.startswith(b'"'):
        return None
    text = data.decode()[1:-1].replace("\\/", "/")
    return text if "/" in text and "\\" not in text else None
