"""Walk a partner's list page by page, without trusting it to end (OCPI 2.2.1 transport, pagination)."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from adapters.contract import Page, PartnerCalls, PartnerProtocolError, UnsafeUrl
from adapters.transport.address_guard import same_origin
from adapters.transport.envelope import Answer
from canonical.model import CanonicalModel, Finding

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


@dataclass(frozen=True)
class Following:
    """Where the next page is, None after the last one, and what had to be tolerated to know it."""

    url: str | None
    findings: tuple[Finding, ...] = ()


def following(answer: Answer, endpoint: str, count: int) -> Following:
    """The page after this one, of `count` elements.

    The partner's link is followed as it stands, on the endpoint's own origin. Without such a link, `X-Total-Count`
    may tell whether there is more; then we count on with `offset`, as long as pages have something in them. A link
    that leads elsewhere is never called.
    Raises UnsafeUrl for one when there is no count to go by, PartnerProtocolError for one that leads back to this
    page.
    """
    target = link_to_next(answer.headers.get("link", ""))
    if target is None:
        return Following(_counted_on(answer, count))
    try:
        url = same_origin(same_origin(target, answer.url), endpoint)
    except UnsafeUrl as unsafe:
        if not _countable(answer):
            raise
        return Following(_counted_on(answer, count), (_led_elsewhere(unsafe),))
    if url == answer.url:
        raise PartnerProtocolError("the link to the next page leads to the same page")
    return Following(url)


def _countable(answer: Answer) -> bool:
    """Whether we asked for the page by offset and know the total.

    A partner's own cursor says nothing about how far we are.
    """
    return total_count(answer) is not None and _offset(answer) is not None


def _counted_on(answer: Answer, count: int) -> str | None:
    total, offset = total_count(answer), _offset(answer)
    if total is None or offset is None or count == 0 or offset + count >= total:
        return None
    parts = urlsplit(answer.url)
    query = dict(parse_qsl(parts.query)) | {"offset": str(offset + count)}
    return urlunsplit(parts._replace(query=urlencode(query)))


def _offset(answer: Answer) -> int | None:
    offset = dict(parse_qsl(urlsplit(answer.url).query)).get("offset", "")
    return int(offset) if offset.isascii() and offset.isdigit() else None


def _led_elsewhere(unsafe: UnsafeUrl) -> Finding:
    """Seen on 22 Nov 2026: links with a scheme and path of their own beside a right count (dialects 11, 12)."""
    return Finding(
        code="tolerance.next_link_elsewhere",
        message=f"the link to the next page is not followed: {unsafe}; counted on by offset instead",
        where="Link",
    )


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
