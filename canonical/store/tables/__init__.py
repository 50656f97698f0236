"""Every table of the store, by family. The migrations create them; a test compares the two.

`document` columns hold the canonical JSON of a model, `key` columns the folded name of an object
(`DE*ABC/LOC1`), and `number` columns count up in the order of creation. `source` is empty for our own
objects and otherwise the id of the connection by which an object came. Tables in APPEND_ONLY refuse
UPDATE, DELETE and TRUNCATE by trigger. Amounts are NUMERIC in their currency, or BIGINT in minor units.
"""

from canonical.store.tables.cdrs import (
    CdrDeliveryRow,
    CdrEmissionRow,
    CdrEventRow,
    CdrLineRow,
    CdrMeterLinkRow,
    CdrReceiptRow,
    CdrReplacementRow,
    CdrRow,
    CdrTaxRow,
)
from canonical.store.tables.connections import AccessTokenRow, ConnectionRow, HubClientRow, OutboundTokenRow
from canonical.store.tables.drivers import DriverKeyRow, DriverNameRow
from canonical.store.tables.finance import (
    AgreementRow,
    InvoiceFileRow,
    InvoiceNumberRow,
    InvoiceRecordRow,
    InvoiceRow,
    InvoiceSeriesRow,
    LedgerEntryRow,
    LedgerPostingRow,
    ReconciliationReportRow,
    StatementRow,
)
from canonical.store.tables.lists import CrawlRow, ObjectCountRow, RepresentationRow, SightingRow
from canonical.store.tables.log import LogCheckpointRow, LogLeafRow
from canonical.store.tables.objects import (
    AuthorizationRow,
    LocationRow,
    ObjectRow,
    TariffRow,
    TariffVersionRow,
    TokenRow,
)
from canonical.store.tables.operator import ApiKeyRow, CaseRow, EventRow, IdempotencyRow, WebhookRow
from canonical.store.tables.row import Row
from canonical.store.tables.sessions import (
    BillingContextRow,
    MeterReadingRow,
    SessionOutcomeRow,
    SessionRow,
    SessionWatchRow,
    SignedMeterDataRow,
    SmartChargingRow,
)
from canonical.store.tables.traffic import CommandRow, EvidenceRow, FeedAttendanceRow, OutboxRow, ToldRow

APPEND_ONLY = (
    "evidence",
    "tariff_version",
    "meter_reading",
    "billing_context",
    "signed_meter_data",
    "session_outcome",
    "cdr",
    "cdr_line",
    "cdr_event",
    "cdr_receipt",
    "cdr_tax",
    "cdr_meter_link",
    "cdr_emission",
    "cdr_replacement",
    "agreement",
    "ledger_entry",
    "ledger_posting",
    "invoice",
    "invoice_file",
    "invoice_number",
    "statement",
    "reconciliation_report",
    "event",
    "log_leaf",
    "log_checkpoint",
)
"""Tables whose rows never change and never go."""

__all__ = [
    "APPEND_ONLY",
    "AccessTokenRow",
    "AgreementRow",
    "ApiKeyRow",
    "AuthorizationRow",
    "BillingContextRow",
    "CaseRow",
    "CdrDeliveryRow",
    "CdrEmissionRow",
    "CdrEventRow",
    "CdrLineRow",
    "CdrMeterLinkRow",
    "CdrReceiptRow",
    "CdrReplacementRow",
    "CdrRow",
    "CdrTaxRow",
    "CommandRow",
    "ConnectionRow",
    "CrawlRow",
    "DriverKeyRow",
    "DriverNameRow",
    "EventRow",
    "EvidenceRow",
    "FeedAttendanceRow",
    "HubClientRow",
    "IdempotencyRow",
    "InvoiceFileRow",
    "InvoiceNumberRow",
    "InvoiceRecordRow",
    "InvoiceRow",
    "InvoiceSeriesRow",
    "LedgerEntryRow",
    "LedgerPostingRow",
    "LocationRow",
    "LogCheckpointRow",
    "LogLeafRow",
    "MeterReadingRow",
    "ObjectCountRow",
    "ObjectRow",
    "OutboundTokenRow",
    "OutboxRow",
    "ReconciliationReportRow",
    "RepresentationRow",
    "Row",
    "SessionOutcomeRow",
    "SessionRow",
    "SessionWatchRow",
    "SightingRow",
    "SignedMeterDataRow",
    "SmartChargingRow",
    "StatementRow",
    "TariffRow",
    "TariffVersionRow",
    "TokenRow",
    "ToldRow",
    "WebhookRow",
]
