"""The way through a partner's list from page to page, across everything that a partner may do to it meanwhile.

One page knows where it leads (`adapters.transport.paging`); what shows only across pages is judged here: a total
that falls, pages that come again, pages that hold nothing, a list without an end.
"""

from dataclasses import dataclass, replace

from adapters.transport import paging
from canonical.model import Finding

PAGES_MAX = 10_000
EMPTY_MAX = 3
"""So many pages without an element, one after the other, and the crawl ends: nothing says that it would otherwise."""
STEPS_BACK_MAX = 10
"""How often a crawl goes back because the list became shorter under it."""

REPEATS_AFTER_STEP_BACK = 2
"""So many pages without anything new are no surprise once the crawl went back."""

GUARD = "crawl."
"""Beginning of the codes of findings that say that the list may not be whole."""


@dataclass(frozen=True)
class Place:
    """Where a crawl stands: the page to ask for, counted from 1, and what is known from the pages before it.

    `empty` and `repeats` count the pages, one after the other until here, that held nothing, or nothing new.
    """

    url: str | None = None
    page: int = 1
    total: int | None = None
    empty: int = 0
    repeats: int = 0
    steps_back: int = 0


@dataclass(frozen=True)
class Listed:
    """What came of one page: `listed` elements, `repeated` of which had been on an earlier page of this crawl."""

    url: str | None
    next_url: str | None
    total: int | None
    listed: int
    repeated: int


@dataclass(frozen=True)
class Onward:
    """The next place, None at the end, and why the list may not be whole."""

    place: Place | None
    findings: tuple[Finding, ...] = ()


def onward(place: Place, listed: Listed) -> Onward:
    """Where to go after a page.

    When the total has fallen since the page before, objects have moved up past us, and the page is asked for again
    that much earlier (OCPI 2.2.1 transport, pagination).
    """
    findings: list[Finding] = []
    here = replace(place, page=place.page + 1, total=listed.total)
    fallen = _fallen(place, listed)
    if fallen:
        findings.append(_finding("total_shrank", f"the list became shorter by {fallen} while it was read"))
        back = _stepped_back(here, listed, fallen)
        if back is not None:
            return Onward(back, tuple(findings))
    repeats = place.repeats + 1 if listed.repeated and listed.repeated == listed.listed else 0
    if repeats > (REPEATS_AFTER_STEP_BACK if place.steps_back else 0):
        findings.append(_finding("repeated_page", "a page held nothing but what earlier pages held"))
        return Onward(None, tuple(findings))
    if listed.repeated and not place.steps_back:
        findings.append(_finding("repeated_ids", f"{listed.repeated} objects stood on an earlier page already"))
    empty = 0 if listed.listed else place.empty + 1
    if listed.next_url is None:
        return Onward(None, tuple(findings))
    if empty >= EMPTY_MAX:
        findings.append(_finding("empty_pages", f"{empty} pages without an element, and a link to another one"))
        return Onward(None, tuple(findings))
    if place.page >= PAGES_MAX:
        findings.append(_finding("endless", f"more than {PAGES_MAX} pages"))
        return Onward(None, tuple(findings))
    return Onward(replace(here, url=listed.next_url, empty=empty, repeats=repeats), tuple(findings))


def _fallen(place: Place, listed: Listed) -> int:
    if place.total is None or listed.total is None:
        return 0
    return max(place.total - listed.total, 0)


def _stepped_back(here: Place, listed: Listed, fallen: int) -> Place | None:
    """The same page again, earlier; None where the address is the partner's own, or it never stops."""
    offset = paging.offset_in(listed.url) if listed.url else None
    if listed.url is None or not offset or here.steps_back >= STEPS_BACK_MAX:
        return None
    url = paging.at_offset(listed.url, max(offset - fallen, 0))
    return replace(here, url=url, steps_back=here.steps_back + 1)


def _finding(what: str, message: str) -> Finding:
    return Finding(code=f"{GUARD}{what}", message=message)
