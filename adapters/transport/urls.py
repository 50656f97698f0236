"""URLs below a partner's endpoint."""

from datetime import datetime, timedelta
from urllib.parse import quote, urlencode, urlsplit, urlunsplit


def below(endpoint: str, *segments: str, query: dict[str, str] | None = None) -> str:
    """`endpoint/segment/…?query`. Ids may hold any printable character, a slash too: each segment is quoted
    whole.

    A query that the endpoint came with stays.
    """
    parts = urlsplit(endpoint)
    path = "/".join((parts.path.rstrip("/") if segments else parts.path, *map(_quoted, segments)))
    joined = "&".join(q for q in (parts.query, urlencode(query or {})) if q)
    return urlunsplit((parts.scheme, parts.netloc, path, joined, ""))


def instant(at: datetime, *, round_up: bool = False) -> str:
    """A moment as a query parameter: UTC with `Z`, to the millisecond, which is what 25 characters hold."""
    if round_up and at.microsecond % 1000:
        at += timedelta(milliseconds=1)
    spec = "milliseconds" if at.microsecond >= 1000 else "seconds"
    return at.replace(tzinfo=None).isoformat(timespec=spec) + "Z"


def _quoted(segment: str) -> str:
    # A segment of dots would climb up the path instead of naming an object.
    return segment.replace(".", "%2E") if segment in (".", "..") else quote(segment, safe="")
