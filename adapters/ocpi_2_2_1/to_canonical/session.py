"""Session, and what it shares with the CDR."""

from collections.abc import Callable
from typing import TypeVar

from adapters.ocpi.leftovers import extensions
from adapters.ocpi.wire.model import WireModel
from adapters.ocpi_2_2_1.to_canonical.money import price
from adapters.ocpi_2_2_1.to_canonical.token import token_type
from adapters.ocpi_2_2_1.wire import session as wire
from canonical.identity import PartyId
from canonical.money import Price
from canonical.session import (
    AuthMethod,
    ChargingPeriod,
    Session,
    SessionStatus,
    Volume,
    VolumeDimension,
)
from canonical.token import TokenRef

P = TypeVar("P", bound=WireModel)


def session(source: wire.Session) -> Session:
    return session_of(source, price)


def session_of(source: wire.SessionOf[P], price: Callable[[P, str], Price]) -> Session:
    """With the version's way to read a price in a currency."""
    return Session(
        owner=PartyId(country_code=source.country_code, party_id=source.party_id),
        id=source.id,
        start=source.start_date_time,
        end=source.end_date_time,
        energy_kwh=source.kwh,
        token=token_ref(source.cdr_token),
        auth_method=AuthMethod(source.auth_method),
        authorization_reference=source.authorization_reference,
        location_id=source.location_id,
        evse_uid=source.evse_uid,
        connector_id=source.connector_id,
        meter_id=source.meter_id,
        currency=source.currency,
        charging_periods=charging_periods(source.charging_periods),
        total_cost=price(source.total_cost, source.currency) if source.total_cost else None,
        status=SessionStatus(source.status),
        last_updated=source.last_updated,
        extensions=extensions(source),
    )


def token_ref(source: wire.CdrToken) -> TokenRef:
    return TokenRef(
        issuer_party=PartyId(country_code=source.country_code, party_id=source.party_id),
        uid=source.uid,
        type=token_type(source.type),
        contract_id=source.contract_id,
    )


def charging_periods(source: tuple[wire.ChargingPeriod, ...]) -> tuple[ChargingPeriod, ...]:
    return tuple(_charging_period(period) for period in source)


def _charging_period(source: wire.ChargingPeriod) -> ChargingPeriod:
    return ChargingPeriod(
        start=source.start_date_time,
        volumes=tuple(Volume(dimension=VolumeDimension(part.type), volume=part.volume) for part in source.dimensions),
        tariff_id=source.tariff_id,
    )
