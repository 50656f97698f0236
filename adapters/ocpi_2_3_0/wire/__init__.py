"""The objects of OCPI 2.3.0 that differ from 2.2.1, exactly as its tables say: one file a module."""

from adapters.ocpi_2_3_0.wire.cdr import CDR as CDR
from adapters.ocpi_2_3_0.wire.commands import ReserveNow as ReserveNow
from adapters.ocpi_2_3_0.wire.commands import StartSession as StartSession
from adapters.ocpi_2_3_0.wire.credentials import ClientInfo as ClientInfo
from adapters.ocpi_2_3_0.wire.credentials import Credentials as Credentials
from adapters.ocpi_2_3_0.wire.evse import EVSE as EVSE
from adapters.ocpi_2_3_0.wire.evse import Connector as Connector
from adapters.ocpi_2_3_0.wire.invoice_record import InvoiceReconciliationRecord as InvoiceReconciliationRecord
from adapters.ocpi_2_3_0.wire.location import Location as Location
from adapters.ocpi_2_3_0.wire.session import Session as Session
from adapters.ocpi_2_3_0.wire.tariff import Tariff as Tariff
from adapters.ocpi_2_3_0.wire.token import AuthorizationInfo as AuthorizationInfo
from adapters.ocpi_2_3_0.wire.token import Token as Token
