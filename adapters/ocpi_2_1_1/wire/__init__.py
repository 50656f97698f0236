"""The objects of OCPI 2.1.1 exactly as its tables say: one file a module. What 2.2.1 has alike is taken from there.

One thing is read more widely than the text says: a text for people may hold any printable character and not ASCII
alone. Street names do, everybody sends them, and from 2.2 on the text allows it.
"""

from adapters.ocpi.wire.model import WireModel as WireModel
from adapters.ocpi_2_1_1.wire.cdr import CDR as CDR
from adapters.ocpi_2_1_1.wire.commands import CommandResponse as CommandResponse
from adapters.ocpi_2_1_1.wire.commands import ReserveNow as ReserveNow
from adapters.ocpi_2_1_1.wire.commands import StartSession as StartSession
from adapters.ocpi_2_1_1.wire.commands import StopSession as StopSession
from adapters.ocpi_2_1_1.wire.commands import UnlockConnector as UnlockConnector
from adapters.ocpi_2_1_1.wire.credentials import Credentials as Credentials
from adapters.ocpi_2_1_1.wire.evse import EVSE as EVSE
from adapters.ocpi_2_1_1.wire.evse import Connector as Connector
from adapters.ocpi_2_1_1.wire.location import Location as Location
from adapters.ocpi_2_1_1.wire.session import Session as Session
from adapters.ocpi_2_1_1.wire.tariff import Tariff as Tariff
from adapters.ocpi_2_1_1.wire.token import AuthorizationInfo as AuthorizationInfo
from adapters.ocpi_2_1_1.wire.token import LocationReferences as LocationReferences
from adapters.ocpi_2_1_1.wire.token import Token as Token
from adapters.ocpi_2_1_1.wire.versions import VersionDetails as VersionDetails
from adapters.ocpi_2_2_1.wire.versions import Version as Version
