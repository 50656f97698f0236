"""Where the domain's objects are kept: PostgreSQL, one repository a family, all SQL in it.

Documents are JSONB of the canonical JSON with indexed columns beside them; money is NUMERIC. Primary
records are append-only, enforced by the database. Every write says what happens when it is repeated,
reordered or cut off half-way; all writes of one `Store.transaction()` stand or fall together.
"""

from canonical.store.access import AccessPurpose, AccessRepository, Admitted, HeldToken, Standing
from canonical.store.agreements import AgreementRepository, StoredAgreement
from canonical.store.api_keys import ApiKey, ApiKeyRepository
from canonical.store.authorizations import AuthorizationRepository
from canonical.store.cases import CaseRepository
from canonical.store.cdrs import (
    AddOutcome,
    CdrDeliveryRepository,
    CdrEmission,
    CdrEvent,
    CdrReceipt,
    CdrRepository,
    CdrState,
    DeliveryState,
    StoredCdr,
    Undelivered,
    UndeliveredRepository,
    new_reference,
)
from canonical.store.commands import CommandRepository, Unsettled
from canonical.store.concluding import conclude, event_of, note_begun, tell_result
from canonical.store.connections import ConnectionRepository
from canonical.store.documents import sha256_of
from canonical.store.drivers import Driver, Drivers, Duty, driver_of
from canonical.store.errors import (
    AlreadyExists,
    BilledTwice,
    IdempotencyConflict,
    NotFound,
    Overtaken,
    StoreError,
    StoreUnavailable,
    Unbalanced,
    Unstorable,
)
from canonical.store.events import EventRepository, StoredEvent
from canonical.store.evidence import Direction, EvidenceRecord, EvidenceRepository
from canonical.store.expiry import RetentionRepository, TableState
from canonical.store.forgetting import Affected, ForgettingRepository, KnownDriver
from canonical.store.hub_clients import HubClientRepository
from canonical.store.idempotency import IdempotencyRepository, StoredAnswer
from canonical.store.invoice_records import InvoiceRecordRepository
from canonical.store.ledger import LedgerRepository
from canonical.store.migrations import migrate
from canonical.store.objects import ObjectRepository, PutOutcome, Seen, StoredPage
from canonical.store.outbox import OutboxAction, OutboxEntry, OutboxRepository
from canonical.store.partner_roles import RolesRefused, with_roles
from canonical.store.representations import (
    BILLED_SESSIONS,
    ISSUED_CDRS,
    LOCATIONS,
    PARTYS_CDRS,
    PARTYS_SESSIONS,
    SESSIONS,
    TARIFFS,
    TOKENS,
    Representations,
    Shelf,
    Window,
    Writer,
    Written,
    WrittenPage,
    for_party,
)
from canonical.store.retention import RetentionClass, RetentionPolicy, Term
from canonical.store.session_watch import SessionPatience, SessionWatchRepository, Unattended, Watch
from canonical.store.sessions import SessionRepository
from canonical.store.settlement import InvoiceFile, SettlementRepository
from canonical.store.sightings import Crawl, Missing, SightingRepository
from canonical.store.smart_charging import SmartChargingRepository, Wishes
from canonical.store.store import Store
from canonical.store.tariffs import TariffRepository
from canonical.store.unit_of_work import UnitOfWork
from canonical.store.webhooks import Webhook, WebhookRepository

__all__ = [
    "BILLED_SESSIONS",
    "ISSUED_CDRS",
    "LOCATIONS",
    "PARTYS_CDRS",
    "PARTYS_SESSIONS",
    "SESSIONS",
    "TARIFFS",
    "TOKENS",
    "AccessPurpose",
    "AccessRepository",
    "AddOutcome",
    "Admitted",
    "Affected",
    "AgreementRepository",
    "AlreadyExists",
    "ApiKey",
    "ApiKeyRepository",
    "AuthorizationRepository",
    "BilledTwice",
    "CaseRepository",
    "CdrDeliveryRepository",
    "CdrEmission",
    "CdrEvent",
    "CdrReceipt",
    "CdrRepository",
    "CdrState",
    "CommandRepository",
    "ConnectionRepository",
    "Crawl",
    "DeliveryState",
    "Direction",
    "Driver",
    "Drivers",
    "Duty",
    "EventRepository",
    "EvidenceRecord",
    "EvidenceRepository",
    "ForgettingRepository",
    "HeldToken",
    "HubClientRepository",
    "IdempotencyConflict",
    "IdempotencyRepository",
    "InvoiceFile",
    "InvoiceRecordRepository",
    "KnownDriver",
    "LedgerRepository",
    "Missing",
    "NotFound",
    "ObjectRepository",
    "OutboxAction",
    "OutboxEntry",
    "OutboxRepository",
    "Overtaken",
    "PutOutcome",
    "Representations",
    "RetentionClass",
    "RetentionPolicy",
    "RetentionRepository",
    "RolesRefused",
    "Seen",
    "SessionPatience",
    "SessionRepository",
    "SessionWatchRepository",
    "SettlementRepository",
    "Shelf",
    "SightingRepository",
    "SmartChargingRepository",
    "Standing",
    "Store",
    "StoreError",
    "StoreUnavailable",
    "StoredAgreement",
    "StoredAnswer",
    "StoredCdr",
    "StoredEvent",
    "StoredPage",
    "TableState",
    "TariffRepository",
    "Term",
    "Unattended",
    "Unbalanced",
    "Undelivered",
    "UndeliveredRepository",
    "UnitOfWork",
    "Unsettled",
    "Unstorable",
    "Watch",
    "Webhook",
    "WebhookRepository",
    "Window",
    "Wishes",
    "Writer",
    "Written",
    "WrittenPage",
    "conclude",
    "driver_of",
    "event_of",
    "for_party",
    "migrate",
    "new_reference",
    "note_begun",
    "sha256_of",
    "tell_result",
    "with_roles",
]
