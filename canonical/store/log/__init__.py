"""The log of financial records: a Merkle tree (RFC 6962) over rows as they stand, signed with Ed25519.

`tree` hashes and proves, `leaves` says what of each record is hashed, `log` appends and signs, `audit` looks for what
was changed, removed or added in a database, `export` and `bundle` take one CDR with all its evidence out of it, and
`flaws` checks that without any database.
"""

from canonical.store.log.bundle import BadBundle, Bundle
from canonical.store.log.checkpoint import Checkpoint
from canonical.store.log.fault import Audit, Fault, FaultKind
from canonical.store.log.financial_log import FinancialLog
from canonical.store.log.flaws import Flaw, flaws
from canonical.store.log.log import LogBroken
from canonical.store.log.note import BadNote, Note, NotSigned, PublicKey, SigningKey
from canonical.store.log.reading import Reader

__all__ = [
    "Audit",
    "BadBundle",
    "BadNote",
    "Bundle",
    "Checkpoint",
    "Fault",
    "FaultKind",
    "FinancialLog",
    "Flaw",
    "LogBroken",
    "NotSigned",
    "Note",
    "PublicKey",
    "Reader",
    "SigningKey",
    "flaws",
]
