"""One database transaction, and every repository that takes part in it."""

from sqlalchemy.ext.asyncio import AsyncConnection

from canonical.location import Location
from canonical.store.access import AccessRepository
from canonical.store.authorizations import AuthorizationRepository
from canonical.store.cases import CaseRepository
from canonical.store.cdrs import CdrRepository
from canonical.store.connections import ConnectionRepository
from canonical.store.evidence import EvidenceRepository
from canonical.store.idempotency import IdempotencyRepository
from canonical.store.ledger import LedgerRepository
from canonical.store.objects import ObjectRepository
from canonical.store.outbox import OutboxRepository
from canonical.store.sessions import SessionRepository
from canonical.store.settlement import SettlementRepository
from canonical.store.tables import LocationRow, TokenRow
from canonical.store.tariffs import TariffRepository
from canonical.token import Token
from canonical.vault import Vault


class UnitOfWork:
    """All of it is stored, or none: what one transaction writes stands or falls together."""

    def __init__(self, connection: AsyncConnection, vault: Vault) -> None:
        self.connections = ConnectionRepository(connection)
        self.access = AccessRepository(connection, vault)
        self.locations = ObjectRepository(connection, LocationRow, Location)
        self.tariffs = TariffRepository(connection)
        self.tokens = ObjectRepository(connection, TokenRow, Token)
        self.sessions = SessionRepository(connection)
        self.authorizations = AuthorizationRepository(connection)
        self.cdrs = CdrRepository(connection)
        self.evidence = EvidenceRepository(connection)
        self.outbox = OutboxRepository(connection)
        self.idempotency = IdempotencyRepository(connection, vault)
        self.cases = CaseRepository(connection)
        self.settlement = SettlementRepository(connection)
        self.ledger = LedgerRepository(connection)
