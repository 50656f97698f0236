"""One CDR with everything that it rests on, in one file that is checked without a database.

The file is canonical JSON (`canonical_json`). It has the records as they stand, for each of them the digests of its
values and the proof that its leaf is in the log; the signed checkpoint of that log; and a signed list of the records
(the manifest), by which one that was taken out is missed. So each byte of it is either the spelling of canonical JSON,
or covered by a signature.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from canonical.store.log.canonical_json import Json, NotJson, read, write
from canonical.store.log.checkpoint import Checkpoint
from canonical.store.log.leaves import BY_TABLE, leaf_of, name_of
from canonical.store.log.note import BadNote, PublicKey, SigningKey
from canonical.store.log.tree import HASH_BYTES
from canonical.store.sealing import KEY_BYTES

FORMAT: Final = "roamwork evidence bundle 1"
HEADING_LINES: Final = 4
"""Of a manifest; each further line is a record."""

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
        manifest = key.sign(manifest_of(key.name, subject, said, ordered, keys))
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


def manifest_of(
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
