"""What shows only across pages: a list that shrinks, repeats itself, holds nothing, or does not end."""

from dataclasses import replace

from adapters.transport.crawl import EMPTY_MAX, PAGES_MAX, STEPS_BACK_MAX, Listed, Onward, Place, onward

LIST = "https://partner.example/locations"
FIRST, SECOND, THIRD = (f"{LIST}?offset={n}&limit=2" for n in (0, 2, 4))


def listed(url: str | None, next_url: str | None, total: int | None = None, n: int = 2, repeated: int = 0) -> Listed:
    return Listed(url, next_url, total, n, repeated)


def codes(step: Onward) -> list[str]:
    return [finding.code for finding in step.findings]


def test_an_ordinary_list() -> None:
    first = onward(Place(), listed(FIRST, SECOND, 3))
    assert first.place == Place(SECOND, page=2, total=3)
    assert first.place is not None
    last = onward(first.place, listed(SECOND, None, 3, n=1))
    assert (last.place, last.findings) == (None, ())


def test_a_list_that_grows_is_no_matter() -> None:
    step = onward(Place(SECOND, page=2, total=3), listed(SECOND, THIRD, 5))
    assert step.place == Place(THIRD, page=3, total=5)
    assert step.findings == ()


def test_a_list_that_shrinks_is_read_again_from_as_much_earlier() -> None:
    step = onward(Place(THIRD, page=3, total=9), listed(THIRD, "further", 7))
    assert step.place is not None
    assert step.place.url == f"{LIST}?offset=2&limit=2"
    assert (step.place.page, step.place.total, step.place.steps_back) == (4, 7, 1)
    assert codes(step) == ["crawl.total_shrank"]


def test_the_page_read_again_may_hold_what_is_known() -> None:
    again = Place(SECOND, page=4, total=7, steps_back=1)
    step = onward(again, listed(SECOND, THIRD, 7, repeated=2))
    assert step.place is not None
    assert (step.place.url, step.findings) == (THIRD, ())
    further = onward(step.place, listed(THIRD, "further", 7, repeated=1))
    assert further.place is not None
    assert (further.place.repeats, further.findings) == (0, ())


def test_going_back_is_no_excuse_for_a_circle() -> None:
    place: Place | None = Place(SECOND, steps_back=1)
    pages = 0
    while place is not None:
        pages += 1
        step = onward(place, listed(place.url, f"{LIST}?cursor={pages}", repeated=2))
        place = step.place
    assert pages == 3
    assert codes(step) == ["crawl.repeated_page"]


def test_it_never_goes_back_before_the_beginning() -> None:
    step = onward(Place(SECOND, page=2, total=50), listed(SECOND, THIRD, 7))
    assert step.place is not None
    assert step.place.url == FIRST


def test_a_partners_own_cursor_cannot_be_set_back() -> None:
    step = onward(Place(f"{LIST}?cursor=x", total=9), listed(f"{LIST}?cursor=x", f"{LIST}?cursor=y", 8))
    assert step.place is not None
    assert step.place.url == f"{LIST}?cursor=y"
    assert codes(step) == ["crawl.total_shrank"]


def test_a_list_that_shrinks_for_ever_is_read_to_its_end() -> None:
    tired = Place(THIRD, total=9, steps_back=STEPS_BACK_MAX)
    step = onward(tired, listed(THIRD, "further", 8))
    assert step.place is not None
    assert step.place.url == "further"


def test_a_page_that_comes_again_ends_the_crawl() -> None:
    step = onward(Place(SECOND, page=2), listed(SECOND, THIRD, repeated=2))
    assert step.place is None
    assert codes(step) == ["crawl.repeated_page"]


def test_single_repeats_are_named_and_passed_over() -> None:
    step = onward(Place(SECOND, page=2), listed(SECOND, THIRD, repeated=1))
    assert step.place is not None
    assert codes(step) == ["crawl.repeated_ids"]


def test_empty_pages_that_lead_on_and_on() -> None:
    place: Place | None = Place()
    for number in range(1, EMPTY_MAX):
        assert place is not None
        step = onward(place, listed(FIRST, f"{LIST}?cursor={number}", n=0))
        assert step.findings == ()
        place = step.place
    assert place is not None
    step = onward(place, listed(place.url, "more", n=0))
    assert step.place is None
    assert codes(step) == ["crawl.empty_pages"]


def test_one_empty_page_between_full_ones_is_no_matter() -> None:
    step = onward(Place(empty=EMPTY_MAX - 1), listed(FIRST, SECOND))
    assert step.place is not None
    assert step.place.empty == 0


def test_a_list_without_an_end() -> None:
    step = onward(Place(SECOND, page=PAGES_MAX), listed(SECOND, THIRD))
    assert step.place is None
    assert codes(step) == ["crawl.endless"]
    assert onward(replace(Place(SECOND), page=PAGES_MAX - 1), listed(SECOND, THIRD)).place is not None
