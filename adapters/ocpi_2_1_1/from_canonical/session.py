"""Session, and what it shares with the CDR."""

from collections.abc import Iterable, Mapping
from typing import Final

from adapters.contract import CannotWrite
from adapters.document import Document, Json, Path, is_list, path_of
from adapters.json_reader import read_json
from adapters.ocpi.fields import fields
from adapters.ocpi.wire.words import listed
from adapters.ocpi_2_1_1.from_canonical.instants import instant
from adapters.ocpi_2_1_1.from_canonical.location import place
from adapters.ocpi_2_1_1.number import NUMBER
from adapters.ocpi_2_1_1.wire.session_words import CdrDimensionType
from canonical.location import Location
from canonical.model import Extension, Finding
from canonical.session import AuthMethod, ChargingPeriod, Session, SessionStatus, VolumeDimension

_STATUSES: Final[Mapping[SessionStatus, SessionStatus]] = {SessionStatus.RESERVATION: SessionStatus.PENDING}
_METHODS: Final[Mapping[AuthMethod, AuthMethod]] = {AuthMethod.COMMAND: AuthMethod.AUTH_REQUEST}
"""A command is a request of the provider: it was asked, and it was not a whitelist that decided."""

_PERIODS: Final = "charging_periods"


def session(source: Session) -> Document:
    """Raises CannotWrite for a session whose place was not kept: this version sends it along."""
    periods, extensions = charging_periods(source.charging_periods, source.extensions)
    return fields(
        extensions,
        id=source.id,
        start_datetime=instant(source.start),
        end_datetime=instant(source.end),
        kwh=source.energy_kwh,
        auth_id=source.token.contract_id,
        auth_method=auth_method(source.auth_method),
        location=location(source.place),
        meter_id=source.meter_id,
        currency=source.currency,
        charging_periods=periods,
        total_cost=source.total_cost.before_tax if source.total_cost else None,
        status=_STATUSES.get(source.status, source.status).value,
        last_updated=instant(source.last_updated),
    )


def location(source: Location | None) -> Document:
    if source is None:
        message = "is required, and where it took place was not kept"
        raise CannotWrite([Finding(code="write.place_unknown", message=message, where="location", blocks=True)])
    return place(source)


def auth_method(source: AuthMethod) -> str:
    return _METHODS.get(source, source).value


def charging_periods(
    source: Iterable[ChargingPeriod], extensions: tuple[Extension, ...]
) -> tuple[list[Json], tuple[Extension, ...]]:
    """The periods with their flat fees back in place, and the extensions without these."""
    periods = [_charging_period(period) for period in source]
    fees = {path_of(each.pointer): each for each in extensions if _is_flat_fee(each)}
    for path, fee in sorted(fees.items(), key=lambda found: _place(found[0])):
        number, position = _place(path)
        dimensions = periods[number].setdefault("dimensions", []) if number < len(periods) else None
        if is_list(dimensions):
            dimensions.insert(position, read_json(fee.json_text.encode()))
    told = [period for period in periods if period.get("dimensions")]
    return [*told], tuple(each for each in extensions if not _is_flat_fee(each))


def _is_flat_fee(extension: Extension) -> bool:
    path = path_of(extension.pointer)
    return extension.of_version == NUMBER and len(path) == 4 and path[0] == _PERIODS


def _place(path: Path) -> tuple[int, int]:
    """Number of the period and position among its dimensions."""
    return int(path[1]), int(path[3])


def _charging_period(source: ChargingPeriod) -> Document:
    """Of a reservation this version can say that no energy flowed; a period of which it can say nothing is left out."""
    dimensions: list[Json] = [
        fields(type=part.dimension.value, volume=part.volume)
        for part in source.volumes
        if part.dimension in listed(CdrDimensionType)
    ]
    if not dimensions and source.volume(VolumeDimension.RESERVATION_TIME) is not None:
        dimensions = [fields(type=CdrDimensionType.ENERGY.value, volume=0)]
    return fields(start_date_time=instant(source.start), dimensions=dimensions)
