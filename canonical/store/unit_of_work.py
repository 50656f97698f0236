"""One database transaction, and every repository that takes part in it."""

from canonical.location import Location
from canonical.store.access import AccessRepository
from canonical.store.agreements import AgreementRepository
from canonical.store.api_keys import ApiKeyRepository
from canonical.store.authorizations import AuthorizationRepository
from canonical.store.cases import CaseRepository
from canonical.store.cdrs import CdrDeliveryRepository, CdrRepository, UndeliveredRepository
from canonical.store.commands import CommandRepository
from canonical.store.connections import ConnectionRepository
from canonical.store.events import EventRepository
from canonical.store.evidence import EvidenceRepository
from canonical.store.expiry import RetentionRepository
from canonical.store.figures import FigureRepository
from canonical.store.forgetting import ForgettingRepository
from canonical.store.hub_clients import HubClientRepository
from canonical.store.idempotency import IdempotencyRepository
from canonical.store.invoice_records import InvoiceRecordRepository
from canonical.store.ledger import LedgerRepository
from canonical.store.log import FinancialLog
from canonical.store.objects import ObjectRepository
from canonical.store.outbox import OutboxRepository
from canonical.store.resealing import ResealingRepository
from canonical.store.session_watch import SessionWatchRepository
from canonical.store.sessions import SessionRepository
from canonical.store.settlement import SettlementRepository
from canonical.store.sightings import SightingRepository
from canonical.store.smart_charging import SmartChargingRepository
from canonical.store.tables import LocationRow, TokenRow
from canonical.store.tariffs import TariffRepository
from canonical.store.transaction import Transaction
from canonical.store.webhooks import WebhookRepository
from canonical.token import Token
from canonical.vault import Vault


class UnitOfWork:
    """All of it is stored, or none: what one transaction writes stands or falls together."""

    def __init__(self, connection: Transaction, vault: Vault) -> None:
        self.admission_changed = False
        """Whether this transaction changes who is admitted, or to what, or destroys a key."""
        self.connections = ConnectionRepository(connection, self._admission_changes)
        self.access = AccessRepository(connection, vault, self._admission_changes)
        self.hub_clients = HubClientRepository(connection)
        self.locations = ObjectRepository(connection, LocationRow, Location)
        self.tariffs = TariffRepository(connection)
        self.tokens = ObjectRepository(connection, TokenRow, Token)
        self.sessions = SessionRepository(connection)
        self.session_watch = SessionWatchRepository(connection)
        self.authorizations = AuthorizationRepository(connection)
        self.keyring = connection.keyring
        self.forgetting = ForgettingRepository(connection, vault, self._admission_changes)
        self.retention = RetentionRepository(connection)
        self.resealing = ResealingRepository(connection, vault)
        self.cdrs = CdrRepository(connection)
        self.cdr_deliveries = CdrDeliveryRepository(connection)
        self.undelivered = UndeliveredRepository(connection)
        self.agreements = AgreementRepository(connection)
        self.commands = CommandRepository(connection, vault)
        self.smart_charging = SmartChargingRepository(connection)
        self.events = EventRepository(connection)
        self.webhooks = WebhookRepository(connection, vault)
        self.api_keys = ApiKeyRepository(connection, vault)
        self.evidence = EvidenceRepository(connection)
        self.outbox = OutboxRepository(connection)
        self.sightings = SightingRepository(connection)
        self.invoice_records = InvoiceRecordRepository(connection)
        self.idempotency = IdempotencyRepository(connection, vault)
        self.cases = CaseRepository(connection)
        self.figures = FigureRepository(connection)
        self.settlement = SettlementRepository(connection)
        self.ledger = LedgerRepository(connection)
        self.log = FinancialLog(connection, vault)

    def _admission_changes(self) -> None:
        self.admission_changed = True
