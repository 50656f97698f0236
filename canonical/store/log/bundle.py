"""One CDR with everything that it rests on, in one file that is checked without a database.

The file is canonical JSON (`canonical_json`). It has the records as they stand, for each of them the digests of its
values and the proof that its leaf is in the log; the signed checkpoint of that log; and a signed list of the records
(the manifest), by which one that was taken out is missed. So each byte of it is either the spelling of canonical JSON,
or covered by a signature.
"""

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from canonical.store.log.canonical_json import Json, NotJson, read, write
from canonical.store.log.checkpoint import Checkpoint
from canonical.store.log.leaves import BY_TABLE, digests_of, leaf_of, name_of
from canonical.store.log.note import BadNote, Note, NotSigned, PublicKey, SigningKey
from canonical.store.log.tree import HASH_BYTES, includes, is_consistent
from canonical.store.sealing import KEY_BYTES

FORMAT: Final = "roamwork evidence bundle 1"
_MEMBERS: Final = frozenset({"format", "subject", "public_key", "checkpoint", "since", "manifest", "keys", "records"})
_RECORD: Final = frozenset({"kind", "number", "position", "values", "digests", "proof"})
_LONGEST_NUMBER: Final = 18
_HEX_DIGITS: Final = frozenset("0123456789abcdef")


class BadBundle(ValueError):
    """What is there is no bundle."""


@dataclass(frozen=True)
class Proved:
    """A record in a bundle, with the proof that its leaf stands at a position of the log."""

    kind: str
    number: int
    position: int
    values: Mapping[str, Json]
    digests: Mapping[str, str]
    proof: tuple[bytes, ...]

    @property
    def leaf(self) -> bytes:
        return leaf_of(self.kind, self.number, self.digests)

    @property
    def called(self) -> str:
        """`cdr 17 (DE*ABC/C1)`."""
        return f"{self.kind} {self.number} ({name_of(BY_TABLE[self.kind][1], self.values)})"


@dataclass(frozen=True)
class Since:
    """That the log only grew since an older checkpoint, which somebody holds."""

    checkpoint: str
    proof: tuple[bytes, ...]


@dataclass(frozen=True)
class Bundle:
    """`subject` is the key of the CDR, `checkpoint` and `manifest` are signed notes.

    `keys` are those of drivers, by number in digits, that whoever had it exported gave away with it.
    """

    subject: str
    public_key: PublicKey
    checkpoint: str
    manifest: str
    records: tuple[Proved, ...]
    since: Since | None = None
    keys: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    @classmethod
    def made(
        cls,
        subject: str,
        checkpoint: str,
        records: Sequence[Proved],
        key: SigningKey,
        *,
        since: Since | None,
        keys: Mapping[str, bytes],
    ) -> "Bundle":
        """A bundle whose list of records is signed. Raises NotSigned where another key signed the checkpoint."""
        said = Checkpoint.checked(checkpoint, key.public)
        ordered = tuple(sorted(records, key=lambda record: record.position))
        manifest = key.sign(_manifest(key.name, subject, said, ordered, keys))
        return cls(subject, key.public, checkpoint, manifest, ordered, since, keys)

    def dump(self) -> bytes:
        since = None
        if self.since is not None:
            since = {"checkpoint": self.since.checkpoint, "proof": [each.hex() for each in self.since.proof]}
        document: dict[str, Json] = {
            "format": FORMAT,
            "subject": self.subject,
            "public_key": str(self.public_key),
            "checkpoint": self.checkpoint,
            "since": since,
            "manifest": self.manifest,
            "keys": {number: each.hex() for number, each in self.keys.items()},
            "records": [
                {
                    "kind": record.kind,
                    "number": record.number,
                    "position": record.position,
                    "values": record.values,
                    "digests": record.digests,
                    "proof": [each.hex() for each in record.proof],
                }
                for record in self.records
            ],
        }
        return write(document) + b"\n"

    @classmethod
    def load(cls, content: bytes) -> "Bundle":
        """Raises BadBundle for what is none, or is not spelt as bundles are."""
        try:
            document = read(content.decode())
            bundle = cls._of(document)
            spelt = bundle.dump()
        except (UnicodeDecodeError, NotJson, BadNote) as wrong:
            words = f"byte {wrong.start} is not UTF-8" if isinstance(wrong, UnicodeDecodeError) else str(wrong)
            raise BadBundle(words) from None
        if spelt != content:
            place = next((n for n, (a, b) in enumerate(zip(spelt, content, strict=False)) if a != b), len(spelt))
            raise BadBundle(f"byte {min(place, len(content))} is not spelt as in a bundle")
        return bundle

    @classmethod
    def _of(cls, document: Json) -> "Bundle":
        top = _object(document, _MEMBERS, "the bundle")
        if top["format"] != FORMAT:
            raise BadBundle("its format is not known")
        since = None
        if top["since"] is not None:
            older = _object(top["since"], frozenset({"checkpoint", "proof"}), "/since")
            since = Since(_text(older["checkpoint"], "/since/checkpoint"), _hashes(older["proof"], "/since/proof"))
        records = top["records"]
        if not isinstance(records, list):
            raise BadBundle("/records is no list")
        return cls(
            subject=_text(top["subject"], "/subject"),
            public_key=PublicKey.parse(_text(top["public_key"], "/public_key")),
            checkpoint=_text(top["checkpoint"], "/checkpoint"),
            manifest=_text(top["manifest"], "/manifest"),
            records=tuple(_proved(record, f"/records/{place}") for place, record in enumerate(records)),
            since=since,
            keys=_keys(top["keys"]),
        )


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
    expected = _manifest(name, bundle.subject, checkpoint, bundle.records, bundle.keys)
    if stated == expected:
        return
    wanted, there = stated.split("\n"), expected.split("\n")
    yield from _heading_flaws(wanted[:_HEADING], there[:_HEADING])
    listed, found = wanted[_HEADING:-1], there[_HEADING:-1]
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


_HEADING: Final = 4


def _manifest(
    name: str, subject: str, checkpoint: Checkpoint, records: Sequence[Proved], keys: Mapping[str, bytes]
) -> str:
    """The list of records: whose it is, what it is about, of which log, with which keys; then each record in a line."""
    given = write({number: each.hex() for number, each in keys.items()})
    lines = [
        f"{name}/bundle",
        f"cdr {write(subject).decode()}",
        f"log {checkpoint.size} {base64.b64encode(checkpoint.root).decode()}",
        f"keys {hashlib.sha256(given).hexdigest()}",
        *(f"{record.kind} {record.number} {record.position} {record.leaf.hex()}" for record in records),
    ]
    return "\n".join(lines) + "\n"


def _heading_flaws(stated: Sequence[str], expected: Sequence[str]) -> Iterator[Flaw]:
    for line, other, path in zip(stated, expected, ("/manifest", "/subject", "/checkpoint", "/keys"), strict=False):
        if line != other:
            yield Flaw("it is not what was signed with the list of records", path=path)


def _keys(value: Json) -> dict[str, bytes]:
    if not isinstance(value, dict):
        raise BadBundle("/keys is no object")
    found = {}
    for number, each in value.items():
        digits = _text(each, "/keys")
        if not number.isascii() or not number.isdigit() or len(number) > _LONGEST_NUMBER:
            raise BadBundle("/keys has something else than numbers in it")
        if len(digits) != 2 * KEY_BYTES or not _HEX_DIGITS.issuperset(digits):
            raise BadBundle("/keys has something else than keys in it")
        found[number] = bytes.fromhex(digits)
    return found


def _proved(record: Json, path: str) -> Proved:
    members = _object(record, _RECORD, path)
    kind = _text(members["kind"], f"{path}/kind")
    if kind not in BY_TABLE:
        raise BadBundle(f"{path}/kind is no kind of record")
    values, digests = members["values"], members["digests"]
    if not isinstance(values, dict) or not isinstance(digests, dict):
        raise BadBundle(f"{path} has no values, or no digests")
    return Proved(
        kind=kind,
        number=_whole(members["number"], f"{path}/number"),
        position=_whole(members["position"], f"{path}/position"),
        values=values,
        digests={name: _text(digest, f"{path}/digests{name}") for name, digest in digests.items()},
        proof=_hashes(members["proof"], f"{path}/proof"),
    )


def _object(value: Json, members: frozenset[str], path: str) -> Mapping[str, Json]:
    if not isinstance(value, dict) or value.keys() != members:
        raise BadBundle(f"{path} does not have the members that it has in a bundle")
    return value


def _text(value: Json, path: str) -> str:
    if not isinstance(value, str):
        raise BadBundle(f"{path} is no text")
    return value


def _whole(value: Json, path: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadBundle(f"{path} is no whole number")
    return value


def _hashes(value: Json, path: str) -> tuple[bytes, ...]:
    if not isinstance(value, list):
        raise BadBundle(f"{path} is no list")
    found = []
    for each in value:
        digits = _text(each, path)
        if len(digits) != 2 * HASH_BYTES or not _HEX_DIGITS.issuperset(digits):
            raise BadBundle(f"{path} has something else than hashes in it")
        found.append(bytes.fromhex(digits))
    return tuple(found)
