"""The objects of OCPI 2.2.1 exactly as its tables say: one file a module."""

from adapters.ocpi.wire.model import WireModel as WireModel
from adapters.ocpi_2_2_1.wire.cdr import CDR as CDR
from adapters.ocpi_2_2_1.wire.credentials import Credentials as Credentials
from adapters.ocpi_2_2_1.wire.evse import EVSE as EVSE
from adapters.ocpi_2_2_1.wire.evse import Connector as Connector
from adapters.ocpi_2_2_1.wire.location import Location as Location
from adapters.ocpi_2_2_1.wire.session import Session as Session
from adapters.ocpi_2_2_1.wire.tariff import Tariff as Tariff
from adapters.ocpi_2_2_1.wire.token import AuthorizationInfo as AuthorizationInfo
from adapters.ocpi_2_2_1.wire.token import LocationReferences as LocationReferences
from adapters.ocpi_2_2_1.wire.token import Token as Token
from adapters.ocpi_2_2_1.wire.versions import Version as Version
from adapters.ocpi_2_2_1.wire.versions import VersionDetails as VersionDetails
