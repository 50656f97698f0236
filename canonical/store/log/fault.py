"""What an audit finds wrong, and what it looked at."""

from dataclasses import dataclass
from enum import StrEnum

from canonical.store.log.checkpoint import Checkpoint


class FaultKind(StrEnum):
    """What is wrong with a record, or with the log itself.

    CHANGED a record is not what was signed. REMOVED it is in the log and gone. ADDED it stands among older ones and
    the log does not know it, or came to know it long after them. REORDERED its place in the log is another one.
    LOG the log does not fit what was signed. SIGNATURE a checkpoint is not signed by a key that counts.
    """

    CHANGED = "changed"
    REMOVED = "removed"
    ADDED = "added"
    REORDERED = "reordered"
    LOG = "log"
    SIGNATURE = "signature"


@dataclass(frozen=True)
class Fault:
    """Where something is wrong: the row `number` of the table `kind`, a position in the log, or both."""

    what: FaultKind
    words: str
    kind: str | None = None
    number: int | None = None
    name: str | None = None
    position: int | None = None


@dataclass
class Audit:
    """What was looked at. `waiting` are records that the log will take with its next extension."""

    records: int = 0
    leaves: int = 0
    checkpoints: int = 0
    waiting: int = 0
    newest: Checkpoint | None = None
