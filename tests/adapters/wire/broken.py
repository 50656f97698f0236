"""Documents with anything anywhere."""

import copy
from typing import Any

from hypothesis import strategies as st

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def broken(draw: st.DrawFn, document: dict[str, Any]) -> dict[str, Any]:
    """The document with up to three of its values replaced by others, and fields added that nobody knows."""
    spoilt = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from(_places(spoilt)))
        parent: Any = spoilt
        for step in way:
            parent = parent[step]
        parent[last] = draw(json_values)
        if isinstance(parent, dict) and draw(st.booleans()):
            parent[draw(st.text(max_size=4))] = draw(json_values)
    return spoilt


def _places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [place for key, child in inner for place in _places(child, (*path, key))]
