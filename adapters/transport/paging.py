"""Walk a partner's list page by page, without trusting it to end (OCPI 2.2.1 transport, pagination)."""

import re
from collections.abc import AsyncIterator
from datetime import datetime
from typing import TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from adapters.contract import Page, PartnerCalls, PartnerProtocolError
from adapters.transport.address_guard import same_origin
from adapters.transport.envelope import Answer
from canonical.model import CanonicalModel

T = TypeVar("T", bound=CanonicalModel)

PAGES_MAX = 10_000

_LINK = re.compile(r"<([^<>]*)>([^<]*)")
_REL_NEXT = re.compile(r""";\s*rel\s*=\s*(?:"[^"]*\bnext\b[^"]*"|'[^']*\bnext\b[^']*'|next\b)""", re.IGNORECASE)


def link_to_next(header: str) -> str | None:
    """The target of `rel=next` in a Link header, in any of the quotings that are met (RFC 8288)."""
    return next((target.strip() for target, rest in _LINK.findall(header) if _REL_NEXT.search(rest)), None)


def total_count(answer: Answer) -> int | None:
    """X-Total-Count: a hint, which some partners leave out and others never change."""
    digits = answer.headers.get("x-total-count", "").strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 12 else None


def next_url(answer: Answer, endpoint: str, count: int) -> str | None:
    """Where the next page is, or None after the last one.

    The partner's link is followed as it stands, on the endpoint's own origin. Without a link, `X-Total-Count`
    may tell that there is more; then we count on with `offset`, as long as pages have something in them.
    Raises UnsafeUrl for a link that leads elsewhere, PartnerProtocolError for one that leads back to this
    page.
    """
    target = link_to_next(answer.headers.get("link", ""))
    if target is not None:
        url = same_origin(target, answer.url)
        same_origin(url, endpoint)
        if url == answer.url:
            raise PartnerProtocolError("the link to the next page leads to the same page")
        return url
    return _counted_on(answer, count)


def _counted_on(answer: Answer, count: int) -> str | None:
    parts = urlsplit(answer.url)
    query = dict(parse_qsl(parts.query))
    total, offset = total_count(answer), query.get("offset", "")
    # Only pages that we asked for by offset: a partner's own cursor says nothing about how far we are.
    if total is None or count == 0 or not offset.isdigit() or int(offset) + count >= total:
        return None
    query["offset"] = str(int(offset) + count)
    return urlunsplit(parts._replace(query=urlencode(query)))


async def pages(
    calls: PartnerCalls,
    kind: type[T],
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
    pages_max: int = PAGES_MAX,
) -> AsyncIterator[Page[T]]:
    """All pages of a list, in the partner's order.

    Raises PartnerProtocolError when a page is linked to a second time or when there are more than
    `pages_max`.
    """
    seen: set[str] = set()
    url: str | None = None
    for _ in range(pages_max):
        page = await calls.get_page(kind, since=since, until=until, url=url, limit=limit)
        yield page
        url = page.next_url
        if url is None:
            return
        if url in seen:
            raise PartnerProtocolError("the pages of the list lead in a circle")
        seen.add(url)
    raise PartnerProtocolError(f"the list has more than {pages_max} pages")
