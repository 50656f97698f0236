"""Lists in pages (OCPI 2.2.1 transport, pagination): what was asked, and the way to the next page.

The link to the next page carries an offset, as the protocol has it, and beside it the row behind which that page
begins: who follows links sees every object once, whatever is added or removed meanwhile. Who counts for itself is
answered by its offset: the key names the offset that it belongs to, and does not count with another one.
"""

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, TypeVar
from urllib.parse import urlencode

from adapters.contract import CannotWrite, Module
from api.errors import InvalidInput
from api.ocpi.addresses import object_url
from api.ocpi.call import Answer, Call
from canonical.model import CanonicalModel
from canonical.store import StoredPage, Window

_LOG = logging.getLogger("roamwork.api.ocpi")
MAX_LIMIT: Final = 100
_MAX_OFFSET: Final = 2**53
_LIMITS: Final[Mapping[Module, int]] = MappingProxyType({Module.TOKENS: 1000, Module.TARIFFS: 250})
"""Modules whose objects are small enough for longer pages."""
_KEY: Final = re.compile(r"([0-9]{1,18})-([0-9]{1,16})", re.ASCII)

T = TypeVar("T", bound=CanonicalModel)


def limit_of(module: Module) -> int:
    """How many objects of a module we put on one page at most (X-Limit)."""
    return _LIMITS.get(module, MAX_LIMIT)


@dataclass(frozen=True)
class PageRequest:
    """`since` is inclusive and `until` exclusive, both on the objects' last change.

    `after` is the row behind which the page begins; without it the page begins at the offset.
    """

    since: datetime | None
    until: datetime | None
    offset: int
    limit: int
    after: int | None = None

    @classmethod
    def of(cls, query: Mapping[str, str], *, needs_since: bool = False, most: int = MAX_LIMIT) -> "PageRequest":
        """Read the query. Raises InvalidInput that names the parameter."""
        since = _instant(query, "date_from")
        until = _instant(query, "date_to")
        if needs_since and since is None:
            raise InvalidInput.of("date_from", "is required on this list")
        if since is not None and until is not None and until < since:
            raise InvalidInput.of("date_to", "is before date_from")
        offset, after = _position(query)
        return cls(
            since=since,
            until=until,
            offset=offset,
            limit=min(_integer(query, "limit", least=1, default=most), most),
            after=after,
        )

    @classmethod
    def of_call(cls, call: Call, *, needs_since: bool = False) -> "PageRequest":
        """What was asked of this call's module, by the module's limit. Raises InvalidInput."""
        return cls.of(call.query, needs_since=needs_since, most=limit_of(call.endpoint.module))

    @property
    def window(self) -> Window:
        return Window(since=self.since, until=self.until, offset=self.offset, after=self.after, limit=self.limit)


def page_answer(call: Call, asked: PageRequest, page: StoredPage[T]) -> Answer:
    """The items as the adapter writes them, with the headers that lead on."""
    rows = len(page.items)
    more = rows == asked.limit if asked.after is not None else rows > 0 and asked.offset + rows < page.total
    headers = linked(call, asked, total=page.total, rows=rows, last=page.last if more else None, more=more)
    return Answer(data=tuple(_written(call, page.items)), headers=headers)


def linked(
    call: Call, asked: PageRequest, *, total: int, rows: int, last: int | None, more: bool = False
) -> dict[str, str]:
    """The headers of a page of so many rows. `last`: the row behind which more come; `more`: they come unkeyed."""
    headers = {"X-Total-Count": str(total), "X-Limit": str(limit_of(call.endpoint.module))}
    if last is not None or more:
        headers["Link"] = f'<{_next_url(call, asked, rows, last)}>; rel="next"'
    return headers


def _written(call: Call, items: Iterable[T]) -> Iterator[bytes]:
    """Each item as the adapter writes it. One that this version has no words for does not take the page with it."""
    for item in items:
        try:
            yield call.adapter.write(item)
        except CannotWrite:
            _LOG.exception("an object was left out of a page of %s", call.endpoint.module)


def _next_url(call: Call, asked: PageRequest, rows: int, last: int | None) -> str:
    """Every filter as it was given, so that the partner's own spelling of an instant comes back to us."""
    kept = {name: value for name, value in call.query.items() if name not in _POSITION and value}
    offset = asked.offset + rows
    position = {"offset": str(offset), "limit": str(asked.limit)}
    if last is not None:
        position["after"] = f"{last}-{offset}"
    base = object_url(call.services, call.adapter, call.endpoint)
    return f"{base}?{urlencode({**kept, **position})}"


_POSITION: Final = frozenset({"offset", "limit", "after"})


def _position(query: Mapping[str, str]) -> tuple[int, int | None]:
    """Where the page begins: an offset, and the row before it when the link that we gave is followed unchanged."""
    offset = _integer(query, "offset", least=0, default=0)
    text = query.get("after", "").strip()
    if not text:
        return offset, None
    key = _KEY.fullmatch(text)
    if key is None:
        raise InvalidInput.of("after", "is not what one of our links says; leave it out, or follow the link as it is")
    row, belongs_to = int(key[1]), int(key[2])
    if not query.get("offset", "").strip():
        return belongs_to, row
    return offset, row if belongs_to == offset else None


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
