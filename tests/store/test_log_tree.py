"""The tree against the definitions of RFC 6962 section 2.1, spelt out as they stand there, and canonical JSON."""

import hashlib
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.store.log.canonical_json import Json, NotJson, read, write
from canonical.store.log.tree import (
    EMPTY,
    Growth,
    Span,
    consistency_spans,
    includes,
    inclusion_spans,
    is_consistent,
    leaf_hash,
)

CONTENTS = [f"record {n}".encode() for n in range(70)]
LEAVES = [leaf_hash(content) for content in CONTENTS]


def split(size: int) -> int:
    """The largest power of two smaller than `size`."""
    k = 1
    while k * 2 < size:
        k *= 2
    return k


def mth(contents: list[bytes]) -> bytes:
    """MTH of RFC 6962 section 2.1."""
    if not contents:
        return hashlib.sha256(b"").digest()
    if len(contents) == 1:
        return hashlib.sha256(b"\x00" + contents[0]).digest()
    k = split(len(contents))
    return hashlib.sha256(b"\x01" + mth(contents[:k]) + mth(contents[k:])).digest()


def path(m: int, contents: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962 section 2.1.1."""
    if len(contents) == 1:
        return []
    k = split(len(contents))
    if m < k:
        return [*path(m, contents[:k]), mth(contents[k:])]
    return [*path(m - k, contents[k:]), mth(contents[:k])]


def subproof(m: int, contents: list[bytes], *, whole: bool) -> list[bytes]:
    """SUBPROOF of RFC 6962 section 2.1.2."""
    if m == len(contents):
        return [] if whole else [mth(contents)]
    k = split(len(contents))
    if m <= k:
        return [*subproof(m, contents[:k], whole=whole), mth(contents[k:])]
    return [*subproof(m - k, contents[k:], whole=False), mth(contents[:k])]


def kept(size: int) -> dict[tuple[int, int], bytes]:
    """Every complete subtree of the first `size` leaves, as it is kept with its last leaf."""
    growth, found = Growth(), {}
    for index, leaf in enumerate(LEAVES[:size]):
        found[0, index] = leaf
        for level, completed in enumerate(growth.add(leaf), 1):
            found[level, index >> level] = completed
    return found


def test_the_vectors_of_the_definition() -> None:
    """Worked out from the definition alone: no leaf, one empty leaf, and the two of one byte each."""
    assert EMPTY.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    one = Growth()
    one.add(leaf_hash(b""))
    assert one.root().hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    two = Growth()
    for content in (b"", b"\x00"):
        two.add(leaf_hash(content))
    assert two.root().hex() == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"


@pytest.mark.parametrize("size", range(len(LEAVES)))
def test_a_growing_tree_has_the_root_of_the_definition(size: int) -> None:
    growth = Growth()
    for leaf in LEAVES[:size]:
        growth.add(leaf)
    assert growth.root() == mth(CONTENTS[:size])
    subtrees = tuple(Span(0, size).subtrees())
    assert [kept(size)[each] for each in subtrees] == growth.peaks


@given(st.data())
def test_every_leaf_is_proved_and_nothing_else(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(LEAVES)))
    index = data.draw(st.integers(0, size - 1))
    known, root = kept(size), mth(CONTENTS[:size])
    proof = [span.hash(known) for span in inclusion_spans(index, size)]
    assert proof == path(index, CONTENTS[:size])
    assert includes(LEAVES[index], index, size, proof, root)
    other = data.draw(st.integers(0, size).filter(lambda n: n != index))
    assert not includes(LEAVES[index], other, size, proof, root)
    assert not includes(leaf_hash(b"another"), index, size, proof, root)
    assert not includes(LEAVES[index], index, size, [*proof, root], root)
    assert not includes(LEAVES[index], index, size, proof[:-1], root) or size == 1


@given(st.data())
def test_growth_is_proved_and_rewriting_is_not(data: st.DataObject) -> None:
    new = data.draw(st.integers(1, len(LEAVES)))
    old = data.draw(st.integers(1, new))
    known, roots = kept(new), (mth(CONTENTS[:old]), mth(CONTENTS[:new]))
    proof = [span.hash(known) for span in consistency_spans(old, new)]
    assert proof == subproof(old, CONTENTS[:new], whole=True)
    assert is_consistent(old, roots[0], new, roots[1], proof)
    rewritten = mth([b"rewritten", *CONTENTS[1:old]])
    assert not is_consistent(old, rewritten, new, roots[1], proof)
    if proof:
        place = data.draw(st.integers(0, len(proof) - 1))
        broken = [*proof[:place], bytes(32), *proof[place + 1 :]]
        assert not is_consistent(old, roots[0], new, roots[1], broken)
        assert not is_consistent(old, roots[0], new, roots[1], proof[:-1])


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
)


@given(documents)
def test_canonical_json_is_json_and_says_the_same(value: Json) -> None:
    text = write(value).decode()
    assert json.loads(text) == value
    assert write(read(text)).decode() == text


def test_canonical_json_keeps_every_digit() -> None:
    assert write(read('{"b": 1.50, "a": 0.10, "c": 12345678901234567890123456789012345.1}')) == (
        b'{"a":0.10,"b":1.50,"c":12345678901234567890123456789012345.1}'
    )
    assert read("1.50") == Decimal("1.50")


@pytest.mark.parametrize(
    "text", ["", "{", '{"a":1,"a":1}', "NaN", "[" * 100_000, '{"a":' * 100_000, "1" * 5_000 + "x", "01"]
)
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(NotJson):
        read(text)
