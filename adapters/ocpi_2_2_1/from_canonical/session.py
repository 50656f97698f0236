"""Session, and what it shares with the CDR."""

from collections.abc import Callable

from adapters.document import Document, Json
from adapters.ocpi.fields import fields, instant
from adapters.ocpi_2_2_1.from_canonical.money import price
from canonical.money import Price
from canonical.session import ChargingPeriod, Session
from canonical.token import TokenRef


def session(source: Session) -> Document:
    return session_of(source, price)


def session_of(source: Session, price: Callable[[Price | None], Document | None]) -> Document:
    """With the version's way to write a price."""
    return fields(
        source.extensions,
        country_code=source.owner.country_code,
        party_id=source.owner.party_id,
        id=source.id,
        start_date_time=instant(source.start),
        end_date_time=instant(source.end),
        kwh=source.energy_kwh,
        cdr_token=cdr_token(source.token),
        auth_method=source.auth_method.value,
        authorization_reference=source.authorization_reference,
        location_id=source.location_id,
        evse_uid=source.evse_uid,
        connector_id=source.connector_id,
        meter_id=source.meter_id,
        currency=source.currency,
        charging_periods=charging_periods(source.charging_periods),
        total_cost=price(source.total_cost),
        status=source.status.value,
        last_updated=instant(source.last_updated),
    )


def cdr_token(source: TokenRef) -> Document:
    return fields(
        country_code=source.issuer_party.country_code,
        party_id=source.issuer_party.party_id,
        uid=source.uid,
        type=source.type.value if source.type else None,
        contract_id=source.contract_id,
    )


def charging_periods(source: tuple[ChargingPeriod, ...]) -> list[Json]:
    return [_charging_period(period) for period in source]


def _charging_period(source: ChargingPeriod) -> Document:
    return fields(
        start_date_time=instant(source.start),
        dimensions=[fields(type=part.dimension.value, volume=part.volume) for part in source.volumes],
        tariff_id=source.tariff_id,
    )
