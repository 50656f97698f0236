"""Lists in pages (OCPI 2.2.1 transport, pagination): what was asked, and the way to the next page."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar
from urllib.parse import urlencode

from adapters.contract import CannotWrite
from api.errors import InvalidInput
from api.ocpi.addresses import object_url
from api.ocpi.call import Answer, Call
from canonical.model import CanonicalModel
from canonical.store import StoredPage

_LOG = logging.getLogger("roamwork.api.ocpi")
MAX_LIMIT: Final = 100
_MAX_OFFSET: Final = 2**53

T = TypeVar("T", bound=CanonicalModel)


@dataclass(frozen=True)
class PageRequest:
    """`since` is inclusive and `until` exclusive, both on the objects' last change."""

    since: datetime | None
    until: datetime | None
    offset: int
    limit: int

    @classmethod
    def of(cls, query: Mapping[str, str], *, needs_since: bool = False) -> "PageRequest":
        """Read the query. Raises InvalidInput that names the parameter."""
        since = _instant(query, "date_from")
        until = _instant(query, "date_to")
        if needs_since and since is None:
            raise InvalidInput.of("date_from", "is required on this list")
        if since is not None and until is not None and until < since:
            raise InvalidInput.of("date_to", "is before date_from")
        return cls(
            since=since,
            until=until,
            offset=_integer(query, "offset", least=0, default=0),
            limit=min(_integer(query, "limit", least=1, default=MAX_LIMIT), MAX_LIMIT),
        )


def page_answer(call: Call, asked: PageRequest, page: StoredPage[T]) -> Answer:
    """The items as the adapter writes them, with the headers that lead on."""
    headers = {"X-Total-Count": str(page.total), "X-Limit": str(MAX_LIMIT)}
    if asked.offset + len(page.items) < page.total and page.items:
        headers["Link"] = f'<{_next_url(call, asked)}>; rel="next"'
    return Answer(data=tuple(_written(call, page.items)), headers=headers)


def _written(call: Call, items: Iterable[T]) -> Iterator[bytes]:
    """Each item as the adapter writes it. One that this version has no words for does not take the page with it."""
    for item in items:
        try:
            yield call.adapter.write(item)
        except CannotWrite:
            _LOG.exception("an object was left out of a page of %s", call.endpoint.module)


def _next_url(call: Call, asked: PageRequest) -> str:
    """The filters as they were given, so that the partner's own spelling of an instant comes back to us."""
    kept = {name: call.query[name] for name in ("date_from", "date_to") if call.query.get(name)}
    position = {"offset": str(asked.offset + asked.limit), "limit": str(asked.limit)}
    base = object_url(call.services, call.adapter, call.endpoint)
    return f"{base}?{urlencode({**kept, **position})}"


def _instant(query: Mapping[str, str], name: str) -> datetime | None:
    """UTC; without a zone it is taken for UTC. A plus sign that came as a blank is mended."""
    text = query.get(name, "").strip().upper().replace(" ", "+")
    if not text:
        return None
    try:
        instant = datetime.fromisoformat(text)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput.of(name, "must be an instant such as 2026-03-01T00:00:00Z") from None


def _integer(query: Mapping[str, str], name: str, *, least: int, default: int) -> int:
    text = query.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and least <= int(text[:20]) <= _MAX_OFFSET):
        raise InvalidInput.of(name, f"must be a whole number of at least {least}")
    return int(text)
