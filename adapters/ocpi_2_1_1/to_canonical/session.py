"""Session, and what it shares with the CDR."""

from collections.abc import Iterator
from decimal import Decimal

from adapters.contract import Parties
from adapters.document import Json, Path
from adapters.ocpi.leftovers import extensions
from adapters.ocpi_2_1_1.number import NUMBER
from adapters.ocpi_2_1_1.to_canonical.location import location
from adapters.ocpi_2_1_1.wire import session as wire
from adapters.ocpi_2_1_1.wire.session_words import CdrDimensionType
from canonical.identity import UNKNOWN_ID
from canonical.location import Connector, Evse, Location
from canonical.money import Price
from canonical.session import AuthMethod, ChargingPeriod, Session, SessionStatus, Volume, VolumeDimension
from canonical.token import TokenRef

_PERIODS = "charging_periods"


def session(source: wire.Session, parties: Parties) -> Session:
    place = location(source.location, parties)
    evse, connector = used(place)
    return Session(
        owner=parties.cpo,
        id=source.id,
        start=source.start_datetime,
        end=source.end_datetime,
        energy_kwh=source.kwh,
        token=contract(source.auth_id, parties),
        auth_method=AuthMethod(source.auth_method),
        location_id=place.id,
        evse_uid=evse.uid if evse else UNKNOWN_ID,
        connector_id=connector.id if connector else UNKNOWN_ID,
        place=place,
        meter_id=source.meter_id,
        currency=source.currency,
        charging_periods=charging_periods(source.charging_periods),
        total_cost=None if source.total_cost is None else net(source.total_cost, source.currency),
        status=SessionStatus(source.status),
        last_updated=source.last_updated,
        extensions=extensions(source, flat_fees(source.charging_periods), NUMBER),
    )


def contract(auth_id: str, parties: Parties) -> TokenRef:
    """The contract alone: which of its tokens was used, this version does not say."""
    return TokenRef(issuer_party=parties.emsp, uid=None, type=None, contract_id=auth_id)


def used(place: Location) -> tuple[Evse | None, Connector | None]:
    """EVSE and connector that were used: the only ones named. Partners that send a whole site leave it open."""
    evse = place.evses[0] if len(place.evses) == 1 else None
    connector = evse.connectors[0] if evse and len(evse.connectors) == 1 else None
    return evse, connector


def net(amount: Decimal, currency: str) -> Price:
    """An amount before tax. What the tax on it is, this version does not say: unknown, which is not none."""
    return Price(currency=currency, before_tax=amount)


def charging_periods(source: tuple[wire.ChargingPeriod, ...]) -> tuple[ChargingPeriod, ...]:
    """The periods with what was measured in them. A flat fee is no measurement: see `flat_fees`."""
    return tuple(_charging_period(period) for period in source)


def flat_fees(source: tuple[wire.ChargingPeriod, ...]) -> Iterator[tuple[Path, Json]]:
    """Place and content of each flat fee among the dimensions."""
    for number, period in enumerate(source):
        for position, part in enumerate(period.dimensions):
            if part.type == CdrDimensionType.FLAT:
                yield (_PERIODS, number, "dimensions", position), {"type": part.type, "volume": part.volume}


def _charging_period(source: wire.ChargingPeriod) -> ChargingPeriod:
    return ChargingPeriod(
        start=source.start_date_time,
        volumes=tuple(
            Volume(dimension=VolumeDimension(part.type), volume=part.volume)
            for part in source.dimensions
            if part.type != CdrDimensionType.FLAT
        ),
    )
