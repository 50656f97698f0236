"""A Merkle tree over a list that only grows: its root, and proofs about it (RFC 6962 section 2, RFC 9162 section 2.1).

A tree of n leaves is split at the largest power of two below n, and its left part is complete. So every tree is made
of complete subtrees, one for each bit of n, and a complete subtree never changes again: to add to a tree, or to prove
something about it, the hashes of complete subtrees are enough. Hashes are SHA-256, 32 bytes each.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

HASH_BYTES = 32
EMPTY = hashlib.sha256().digest()
"""The root of a tree without leaves."""

Subtree: TypeAlias = tuple[int, int]
"""A complete subtree: the leaves from `index << level` on, `1 << level` of them."""


def leaf_hash(content: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass
class Growth:
    """A tree to which leaves are added. `peaks` are the roots of its complete subtrees, the largest first."""

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)

    def add(self, leaf: bytes) -> tuple[bytes, ...]:
        """Add the hash of a leaf. Returns the hashes of all complete subtrees that end with it, smallest first."""
        completed = []
        rest, top = self.size, leaf
        while rest & 1:
            top = node_hash(self.peaks.pop(), top)
            completed.append(top)
            rest >>= 1
        self.peaks.append(top)
        self.size += 1
        return tuple(completed)

    def root(self) -> bytes:
        return _folded(self.peaks) if self.peaks else EMPTY


@dataclass(frozen=True)
class Span:
    """The leaves of one node of a tree: from `start` up to, but without, `end`."""

    start: int
    end: int

    def subtrees(self) -> Iterator[Subtree]:
        """The complete subtrees that it consists of, the largest first."""
        start = self.start
        while start < self.end:
            level = (self.end - start).bit_length() - 1
            yield level, start >> level
            start += 1 << level

    def hash(self, known: Mapping[Subtree, bytes]) -> bytes:
        """The hash of the node, from those of its complete subtrees."""
        return _folded([known[subtree] for subtree in self.subtrees()])


def inclusion_spans(index: int, size: int) -> tuple[Span, ...]:
    """The nodes whose hashes prove that a leaf is in a tree of `size` leaves, from the leaf upwards."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    found, start, end = [], 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            found.append(Span(middle, end))
            end = middle
        else:
            found.append(Span(start, middle))
            start = middle
    return tuple(reversed(found))


def consistency_spans(old: int, new: int) -> tuple[Span, ...]:
    """The nodes whose hashes prove that the first `old` of `new` leaves are what they were."""
    if not 0 < old <= new:
        raise ValueError(f"a tree of {old} does not grow into one of {new}")
    found, start, end, whole = [], 0, new, True
    while end != old:
        middle = start + _split(end - start)
        if old <= middle:
            found.append(Span(middle, end))
            end = middle
        else:
            found.append(Span(start, middle))
            start, whole = middle, False
    if not whole:
        found.append(Span(start, end))
    return tuple(reversed(found))


def includes(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the proof leads from the hash of a leaf to the root (RFC 9162 section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last, top = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            top = node_hash(sibling, top)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            top = node_hash(top, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and top == root


def is_consistent(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the proof shows that the newer tree begins with the older one (RFC 9162 section 2.1.4.2)."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        return False
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    older = newer = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            older, newer = node_hash(sibling, older), node_hash(sibling, newer)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            newer = node_hash(newer, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and older == old_root and newer == new_root


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def _folded(hashes: Sequence[bytes]) -> bytes:
    top = hashes[-1]
    for left in reversed(hashes[:-1]):
        top = node_hash(left, top)
    return top
