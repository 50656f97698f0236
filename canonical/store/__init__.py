"""Where the domain's objects are kept: PostgreSQL, one repository a family, all SQL in it.

Documents are JSONB of the canonical JSON with indexed columns beside them; money is NUMERIC. Primary
records are append-only, enforced by the database. Every write says what happens when it is repeated,
reordered or cut off half-way; all writes of one `Store.transaction()` stand or fall together.
"""

from canonical.store.access import AccessPurpose, AccessRepository, Admitted
from canonical.store.authorizations import AuthorizationRepository
from canonical.store.cases import CaseRepository
from canonical.store.cdrs import AddOutcome, CdrEvent, CdrReceipt, CdrRepository, CdrState, StoredCdr
from canonical.store.connections import ConnectionRepository
from canonical.store.documents import sha256_of
from canonical.store.errors import (
    AlreadyExists,
    IdempotencyConflict,
    NotFound,
    StoreError,
    StoreUnavailable,
    Unbalanced,
    Unstorable,
)
from canonical.store.evidence import Direction, EvidenceRecord, EvidenceRepository
from canonical.store.idempotency import IdempotencyRepository, StoredAnswer
from canonical.store.ledger import LedgerRepository
from canonical.store.migrations import migrate
from canonical.store.objects import ObjectRepository, PutOutcome, StoredPage
from canonical.store.outbox import OutboxAction, OutboxEntry, OutboxRepository
from canonical.store.sessions import SessionRepository
from canonical.store.settlement import InvoiceFile, SettlementRepository
from canonical.store.store import Store
from canonical.store.tariffs import TariffRepository
from canonical.store.unit_of_work import UnitOfWork

__all__ = [
    "AccessPurpose",
    "AccessRepository",
    "AddOutcome",
    "Admitted",
    "AlreadyExists",
    "AuthorizationRepository",
    "CaseRepository",
    "CdrEvent",
    "CdrReceipt",
    "CdrRepository",
    "CdrState",
    "ConnectionRepository",
    "Direction",
    "EvidenceRecord",
    "EvidenceRepository",
    "IdempotencyConflict",
    "IdempotencyRepository",
    "InvoiceFile",
    "LedgerRepository",
    "NotFound",
    "ObjectRepository",
    "OutboxAction",
    "OutboxEntry",
    "OutboxRepository",
    "PutOutcome",
    "SessionRepository",
    "SettlementRepository",
    "Store",
    "StoreError",
    "StoreUnavailable",
    "StoredAnswer",
    "StoredCdr",
    "StoredPage",
    "TariffRepository",
    "Unbalanced",
    "UnitOfWork",
    "Unstorable",
    "migrate",
    "sha256_of",
]
