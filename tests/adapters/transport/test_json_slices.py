import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.transport.json_slices import NotJsonError, elements, members, text_of

_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@settings(max_examples=50)
@given(st.lists(_values), st.sampled_from([None, 1, "\t"]))
def test_elements_are_the_bytes_between_the_commas(values: list[object], indent: int | str | None) -> None:
    found = elements(json.dumps(values, indent=indent))
    assert [json.loads(raw) for raw in found] == values


@settings(max_examples=50)
@given(st.dictionaries(st.text(), _values), st.booleans())
def test_members(document: dict[str, object], ascii_only: bool) -> None:
    found = members(json.dumps(document, ensure_ascii=ascii_only))
    assert [(name, json.loads(raw)) for name, raw in found] == list(document.items())


def test_bytes_are_not_touched() -> None:
    assert elements('[ {"a" : 1.10, "a": NaN} ,\n1e999, "\\u0041" ]') == [
        '{"a" : 1.10, "a": NaN}',
        "1e999",
        '"\\u0041"',
    ]


@settings(max_examples=50)
@given(st.text(alphabet='[]{},:"1 a\\', max_size=12))
def test_accepts_nothing_that_is_not_json(text: str) -> None:
    try:
        found = elements(text)
    except NotJsonError:
        return
    assert json.loads(text) == [json.loads(raw) for raw in found]


@pytest.mark.parametrize("text", ["[1,]", "[1 2]", "[1]]", "[", "", "{}", "[,1]", "[" * 200_000])
def test_refuses(text: str) -> None:
    with pytest.raises(NotJsonError):
        elements(text)


def test_refuses_what_is_not_utf8() -> None:
    with pytest.raises(NotJsonError):
        text_of(b'["\xe4"]')
