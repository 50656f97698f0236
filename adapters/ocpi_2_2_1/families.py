"""Which canonical object is which wire object of OCPI 2.2.1."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from adapters.ocpi.family import family
from adapters.ocpi_2_2_1 import wire
from adapters.ocpi_2_2_1.from_canonical import cdr as cdr_out
from adapters.ocpi_2_2_1.from_canonical import charging_profiles as profiles_out
from adapters.ocpi_2_2_1.from_canonical import evse as evse_out
from adapters.ocpi_2_2_1.from_canonical import hub_client as hub_client_out
from adapters.ocpi_2_2_1.from_canonical import location as location_out
from adapters.ocpi_2_2_1.from_canonical import session as session_out
from adapters.ocpi_2_2_1.from_canonical import tariff as tariff_out
from adapters.ocpi_2_2_1.from_canonical import token as token_out
from adapters.ocpi_2_2_1.to_canonical import cdr as cdr_in
from adapters.ocpi_2_2_1.to_canonical import charging_profiles as profiles_in
from adapters.ocpi_2_2_1.to_canonical import evse as evse_in
from adapters.ocpi_2_2_1.to_canonical import hub_client as hub_client_in
from adapters.ocpi_2_2_1.to_canonical import location as location_in
from adapters.ocpi_2_2_1.to_canonical import session as session_in
from adapters.ocpi_2_2_1.to_canonical import tariff as tariff_in
from adapters.ocpi_2_2_1.to_canonical import token as token_in
from canonical.cdr import Cdr
from canonical.charging_profile import ActiveChargingProfile, ChargingPreferences
from canonical.location import Connector, Evse, Location
from canonical.model import CanonicalModel
from canonical.partner import HubClient
from canonical.session import Session
from canonical.tariff import Tariff
from canonical.token import Authorization, LocationReference, Token

_PARTY: Final = ("country_code", "party_id")

FAMILIES: Final[Mapping[type[CanonicalModel], object]] = MappingProxyType(
    {
        Location: family(
            Location, wire.Location, location_in.location, location_out.location, (*_PARTY, "id"), patched=True
        ),
        Evse: family(Evse, wire.EVSE, evse_in.evse, evse_out.evse, ("uid",), patched=True),
        Connector: family(Connector, wire.Connector, evse_in.connector, evse_out.connector, ("id",), patched=True),
        Tariff: family(Tariff, wire.Tariff, tariff_in.tariff, tariff_out.tariff, (*_PARTY, "id")),
        Token: family(Token, wire.Token, token_in.token, token_out.token, (*_PARTY, "uid", "type"), patched=True),
        Session: family(Session, wire.Session, session_in.session, session_out.session, (*_PARTY, "id"), patched=True),
        Cdr: family(Cdr, wire.CDR, cdr_in.cdr, cdr_out.cdr, (*_PARTY, "id")),
        Authorization: family(
            Authorization, wire.AuthorizationInfo, token_in.authorization, token_out.authorization_info
        ),
        LocationReference: family(
            LocationReference, wire.LocationReferences, token_in.location_reference, token_out.location_references
        ),
        ChargingPreferences: family(
            ChargingPreferences, wire.ChargingPreferences, profiles_in.preferences, profiles_out.preferences
        ),
        ActiveChargingProfile: family(
            ActiveChargingProfile, wire.ActiveChargingProfile, profiles_in.active_profile, profiles_out.active_profile
        ),
        HubClient: family(
            HubClient, wire.ClientInfo, hub_client_in.hub_client, hub_client_out.client_info, (*_PARTY, "role")
        ),
    }
)
