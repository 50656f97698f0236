"""Where one page of a partner's list leads to (OCPI 2.2.1 transport, pagination). The whole way: `crawl`."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from adapters.contract import UnsafeUrl
from adapters.transport.address_guard import same_origin
from adapters.transport.envelope import Answer
from canonical.model import Finding

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
    """Where the next page is, None after the last one, and what was odd about the way there."""

    url: str | None
    findings: tuple[Finding, ...] = ()


def following(answer: Answer, endpoint: str, count: int) -> Following:
    """The page after this one, of `count` elements.

    The partner's link is followed as it stands, on the endpoint's own origin. Where there is none, or one that leads
    elsewhere or back to this page, `X-Total-Count` may tell that there is more; then we count on with `offset`, as
    long as pages have something in them. A link that leads elsewhere is never called. A finding whose code begins
    with `crawl.` says that the list may not be whole.
    """
    odd = (
        [_finding("crawl.limit_zero", "the partner says that a page holds nothing", "X-Limit")] if _zero(answer) else []
    )
    counted_on = _counted_on(answer, count)
    target = link_to_next(answer.headers.get("link", ""))
    if target is None:
        if counted_on is not None:
            odd.append(_finding("crawl.link_missing", "no link to the next page, although the total says more", "Link"))
        elif count == 0 and _more_was_said(answer):
            odd.append(
                _finding("crawl.ended_early", "a page without elements before the total is reached", "X-Total-Count")
            )
        return Following(counted_on, tuple(odd))
    try:
        url = same_origin(same_origin(target, answer.url), endpoint)
    except UnsafeUrl as unsafe:
        odd.append(_led_elsewhere(unsafe, countable=_countable(answer)))
        return Following(counted_on, tuple(odd))
    if url == answer.url:
        odd.append(_finding("crawl.link_to_itself", "the link to the next page leads to the same page", "Link"))
        return Following(counted_on, tuple(odd))
    return Following(url, tuple(odd))


def _zero(answer: Answer) -> bool:
    return answer.headers.get("x-limit", "").strip() == "0"


def _more_was_said(answer: Answer) -> bool:
    total, offset = total_count(answer), offset_in(answer.url)
    return total is not None and offset is not None and offset < total


def _finding(code: str, message: str, where: str) -> Finding:
    return Finding(code=code, message=message, where=where)


def _countable(answer: Answer) -> bool:
    """Whether we asked for the page by offset and know the total.

    A partner's own cursor says nothing about how far we are.
    """
    return total_count(answer) is not None and offset_in(answer.url) is not None


def _counted_on(answer: Answer, count: int) -> str | None:
    total, offset = total_count(answer), offset_in(answer.url)
    if total is None or offset is None or count == 0 or offset + count >= total:
        return None
    return at_offset(answer.url, offset + count)


def offset_in(url: str) -> int | None:
    """The `offset` in the query of a page's address; None where the partner's own cursor stands."""
    offset = dict(parse_qsl(urlsplit(url).query)).get("offset", "")
    return int(offset) if offset.isascii() and offset.isdigit() and len(offset) < 12 else None


def at_offset(url: str, offset: int) -> str:
    """The same list from another place on."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query)) | {"offset": str(offset)}
    return urlunsplit(parts._replace(query=urlencode(query)))


def _led_elsewhere(unsafe: UnsafeUrl, *, countable: bool) -> Finding:
    """Seen on 22 Nov 2026: links with a scheme and path of their own beside a right count (dialects 11, 12)."""
    if countable:
        message = f"the link to the next page is not followed: {unsafe}; counted on by offset instead"
        return _finding("tolerance.next_link_elsewhere", message, "Link")
    return _finding("crawl.link_elsewhere", f"the link to the next page is not followed: {unsafe}", "Link")
