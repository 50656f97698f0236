"""What must survive a crash, told one workflow a file.

A workflow orchestrates and carries ids and small values; what touches a database, a partner or a document is an
activity. `ALL` is what a worker runs.
"""

from workflows.cdr_delivery import CdrDelivery
from workflows.charging_session import ChargingSession
from workflows.command import Command
from workflows.financial_log import FinancialLog
from workflows.handshake import Handshake
from workflows.partner_feed import PartnerFeed
from workflows.reconciliation import Reconciliation
from workflows.resync import Resync
from workflows.retention import Retention
from workflows.settlement_cycle import SettlementCycle
from workflows.sweep import Sweep
from workflows.synchronisation import Synchronisation
from workflows.token_rotation import TokenRotation
from workflows.unregistration import Unregistration
from workflows.webhook import WebhookDelivery

ALL: tuple[type, ...] = (
    CdrDelivery,
    ChargingSession,
    Command,
    FinancialLog,
    Handshake,
    PartnerFeed,
    Reconciliation,
    Resync,
    Retention,
    SettlementCycle,
    Sweep,
    TokenRotation,
    Unregistration,
    Synchronisation,
    WebhookDelivery,
)
