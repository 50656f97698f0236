"""Which canonical object is which wire object of OCPI 2.1.1."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from adapters.ocpi.family import family, family_between
from adapters.ocpi_2_1_1 import wire
from adapters.ocpi_2_1_1.from_canonical import cdr as cdr_out
from adapters.ocpi_2_1_1.from_canonical import evse as evse_out
from adapters.ocpi_2_1_1.from_canonical import location as location_out
from adapters.ocpi_2_1_1.from_canonical import session as session_out
from adapters.ocpi_2_1_1.from_canonical import tariff as tariff_out
from adapters.ocpi_2_1_1.from_canonical import token as token_out
from adapters.ocpi_2_1_1.to_canonical import cdr as cdr_in
from adapters.ocpi_2_1_1.to_canonical import evse as evse_in
from adapters.ocpi_2_1_1.to_canonical import location as location_in
from adapters.ocpi_2_1_1.to_canonical import session as session_in
from adapters.ocpi_2_1_1.to_canonical import tariff as tariff_in
from adapters.ocpi_2_1_1.to_canonical import token as token_in
from canonical.cdr import Cdr
from canonical.location import Connector, Evse, Location
from canonical.model import CanonicalModel
from canonical.session import Session
from canonical.tariff import Tariff
from canonical.token import Authorization, LocationReference, Token

FAMILIES: Final[Mapping[type[CanonicalModel], object]] = MappingProxyType(
    {
        Location: family_between(
            Location, wire.Location, location_in.location, location_out.location, ("id",), patched=True
        ),
        Evse: family(Evse, wire.EVSE, evse_in.evse, evse_out.evse, ("uid",), patched=True),
        Connector: family(Connector, wire.Connector, evse_in.connector, evse_out.connector, ("id",), patched=True),
        Tariff: family_between(Tariff, wire.Tariff, tariff_in.tariff, tariff_out.tariff, ("id",), patched=True),
        Token: family_between(Token, wire.Token, token_in.token, token_out.token, ("uid", "type"), patched=True),
        Session: family_between(Session, wire.Session, session_in.session, session_out.session, ("id",), patched=True),
        Cdr: family_between(Cdr, wire.CDR, cdr_in.cdr, cdr_out.cdr, ("id",)),
        Authorization: family(
            Authorization, wire.AuthorizationInfo, token_in.authorization, token_out.authorization_info
        ),
        LocationReference: family(
            LocationReference, wire.LocationReferences, token_in.location_reference, token_out.location_references
        ),
    }
)
