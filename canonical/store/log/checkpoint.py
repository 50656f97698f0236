"""What is signed of a log: that it had so many leaves, with this root, at this time (C2SP `tlog-checkpoint`)."""

import base64
from dataclasses import dataclass
from datetime import datetime

from canonical.store.log.note import BadNote, Note, PublicKey, SigningKey, decoded
from canonical.store.log.tree import HASH_BYTES

_LINES = 5
_TIME = "time "
_LONGEST_SIZE = 18


@dataclass(frozen=True)
class Checkpoint:
    """The state of a log. `origin` names it: whose log it is."""

    origin: str
    size: int
    root: bytes
    at: datetime

    @classmethod
    def of(cls, key: SigningKey, size: int, root: bytes, at: datetime) -> "Checkpoint":
        return cls(origin(key.name), size, root, at)

    @classmethod
    def parse(cls, note: str) -> "Checkpoint":
        """What a note says, whoever signed it. Raises BadNote."""
        lines = Note.parse(note).text.split("\n")
        if len(lines) != _LINES or lines[-1] or not lines[0] or not lines[3].startswith(_TIME):
            raise BadNote("it is no checkpoint")
        size, root = lines[1], decoded(lines[2])
        if not size.isascii() or not size.isdigit() or len(size) > _LONGEST_SIZE or len(root) != HASH_BYTES:
            raise BadNote("it is no checkpoint")
        try:
            found = cls(lines[0], int(size), root, datetime.fromisoformat(lines[3].removeprefix(_TIME)))
        except ValueError:
            raise BadNote("the time of the checkpoint cannot be read") from None
        if found.at.tzinfo is None or found.text != Note.parse(note).text:
            raise BadNote("the checkpoint is not written as checkpoints are")
        return found

    @classmethod
    def checked(cls, note: str, key: PublicKey) -> "Checkpoint":
        """As `parse`. Raises NotSigned where the key did not sign it."""
        found = cls.parse(note)
        key.check(Note.parse(note))
        return found

    @property
    def text(self) -> str:
        root = base64.b64encode(self.root).decode()
        return f"{self.origin}\n{self.size}\n{root}\n{_TIME}{self.at.isoformat()}\n"


def origin(name: str) -> str:
    """The name of the log of whoever signs by this name."""
    return f"{name}/log"
