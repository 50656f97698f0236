"""What in a bundle is not what was signed, found with the bundle alone: no database, and no word of whoever made it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from canonical.store.log.bundle import HEADING_LINES, Bundle, Proved, manifest_of
from canonical.store.log.checkpoint import Checkpoint
from canonical.store.log.leaves import digests_of
from canonical.store.log.note import BadNote, Note, NotSigned, PublicKey
from canonical.store.log.tree import includes, is_consistent


@dataclass(frozen=True)
class Flaw:
    """Something in a bundle that is not what was signed: the record and the path to the value, where they are known."""

    words: str
    record: str | None = None
    path: str | None = None


def flaws(bundle: Bundle, key: PublicKey | None, held: Sequence[Checkpoint] = ()) -> Iterator[Flaw]:
    """Everything that is wrong with a bundle.

    `key` is the public key that its reader trusts; without it the key in the bundle itself is taken, and then the
    bundle is only shown to agree with itself. `held` are checkpoints that the reader kept.
    """
    key = key or bundle.public_key
    if bundle.public_key.raw != key.raw:
        yield Flaw("the public key in it is another one than the one given", path="/public_key")
    try:
        checkpoint = Checkpoint.parse(bundle.checkpoint)
    except BadNote as wrong:
        yield Flaw(f"the checkpoint cannot be read: {wrong}", path="/checkpoint")
        return
    name = checkpoint.origin.removesuffix("/log")
    if bundle.public_key.name != name:
        yield Flaw("the public key in it has another name than the log", path="/public_key")
    key = PublicKey(key.name or name, key.raw)
    yield from _signature_flaws(bundle.checkpoint, key, "/checkpoint")
    yield from _signature_flaws(bundle.manifest, key, "/manifest")
    yield from _since_flaws(bundle, checkpoint, key)
    yield from _held_flaws([checkpoint, *_older(bundle)], held)
    broken = {record.position for record in bundle.records if _is_broken(record, checkpoint)}
    for record in bundle.records:
        yield from _record_flaws(record, checkpoint)
    yield from _manifest_flaws(bundle, checkpoint, broken)


def _signature_flaws(note: str, key: PublicKey, path: str) -> Iterator[Flaw]:
    try:
        read_note = Note.parse(note)
        key.check(read_note)
    except (BadNote, NotSigned) as wrong:
        yield Flaw(str(wrong), path=path)
        return
    if len(read_note.signatures) != 1:
        yield Flaw("it bears further signatures", path=path)


def _since_flaws(bundle: Bundle, checkpoint: Checkpoint, key: PublicKey) -> Iterator[Flaw]:
    if bundle.since is None:
        return
    yield from _signature_flaws(bundle.since.checkpoint, key, "/since/checkpoint")
    proof = bundle.since.proof
    if not any(is_consistent(old.size, old.root, checkpoint.size, checkpoint.root, proof) for old in _older(bundle)):
        yield Flaw("it is not proved that the log only grew since the older checkpoint", path="/since")


def _older(bundle: Bundle) -> list[Checkpoint]:
    try:
        return [] if bundle.since is None else [Checkpoint.parse(bundle.since.checkpoint)]
    except BadNote:
        return []


def _held_flaws(known: Sequence[Checkpoint], held: Sequence[Checkpoint]) -> Iterator[Flaw]:
    """The log of each checkpoint that was kept has to be the one that the bundle was taken from."""
    for mine in held:
        same = [each for each in known if each.size == mine.size]
        if not same:
            older = "an older" if mine.size < known[0].size else "a newer"
            yield Flaw(
                f"it does not say how its log agrees with {older} checkpoint, of {mine.size} records:"
                " have it exported again since that one"
            )
        elif any(each.root != mine.root for each in same):
            yield Flaw(f"its log of {mine.size} records is another one than that of the checkpoint that was kept")


def _is_broken(record: Proved, checkpoint: Checkpoint) -> bool:
    return next(_record_flaws(record, checkpoint), None) is not None


def _record_flaws(record: Proved, checkpoint: Checkpoint) -> Iterator[Flaw]:
    stated = digests_of(record.values)
    for path in sorted(stated.keys() | record.digests.keys()):
        if path not in record.digests:
            yield Flaw("it was added", record.called, path)
        elif path not in stated:
            yield Flaw("it was removed", record.called, path)
        elif stated[path] != record.digests[path]:
            yield Flaw("it is not what was signed", record.called, path)
    if record.values.get("number") != record.number:
        yield Flaw("it is another one than the record says", record.called, "/number")
    if not includes(record.leaf, record.position, checkpoint.size, record.proof, checkpoint.root):
        yield Flaw("its digests, its number or its proof are not what was signed", record.called)


def _manifest_flaws(bundle: Bundle, checkpoint: Checkpoint, broken: set[int]) -> Iterator[Flaw]:
    """What the list of records says, beside what is there."""
    name = checkpoint.origin.removesuffix("/log")
    try:
        stated = Note.parse(bundle.manifest).text
    except BadNote:
        return  # which was told of with its signature
    expected = manifest_of(name, bundle.subject, checkpoint, bundle.records, bundle.keys)
    if stated != expected:
        # Two lists that are not the same are never called so, even where nothing more can be said of it.
        told = list(_list_flaws(stated, expected, bundle, broken))
        yield from told or (Flaw("it is not the list of what is in the bundle", path="/manifest"),)


def _list_flaws(stated: str, expected: str, bundle: Bundle, broken: set[int]) -> Iterator[Flaw]:
    wanted, there = stated.split("\n"), expected.split("\n")
    yield from _heading_flaws(wanted[:HEADING_LINES], there[:HEADING_LINES])
    listed, found = wanted[HEADING_LINES:-1], there[HEADING_LINES:-1]
    known = {line.rpartition(" ")[0]: line for line in listed}
    given = {line.rpartition(" ")[0]: line for line in found}
    for line in listed:
        if line.rpartition(" ")[0] not in given:
            yield Flaw("it is on the signed list, and not in the bundle", " ".join(line.split(" ")[:2]))
    by_line = dict(zip(found, bundle.records, strict=True))
    for line, record in by_line.items():
        place = line.rpartition(" ")[0]
        if place not in known:
            yield Flaw("it is not on the signed list", record.called)
        elif known[place] != line and record.position not in broken:
            yield Flaw("it is another one than on the signed list", record.called)
    if Counter(listed) == Counter(found):
        for line, other in zip(listed, found, strict=True):
            if line != other:
                yield Flaw("it does not stand where the signed list has it", by_line[other].called)
    elif len(found) != len(by_line):
        yield Flaw("a record stands in it twice")


def _heading_flaws(stated: Sequence[str], expected: Sequence[str]) -> Iterator[Flaw]:
    for line, other, path in zip(stated, expected, ("/manifest", "/subject", "/checkpoint", "/keys"), strict=False):
        if line != other:
            yield Flaw("it is not what was signed with the list of records", path=path)
