"""CDR."""

from adapters.contract import Parties
from adapters.ocpi.leftovers import extensions
from adapters.ocpi_2_1_1.number import NUMBER
from adapters.ocpi_2_1_1.to_canonical.location import location
from adapters.ocpi_2_1_1.to_canonical.session import charging_periods, contract, flat_fees, net, used
from adapters.ocpi_2_1_1.to_canonical.tariff import tariff
from adapters.ocpi_2_1_1.wire import cdr as wire
from canonical.cdr import Cdr, ChargePoint
from canonical.identity import UNKNOWN_ID
from canonical.location import Location
from canonical.session import AuthMethod


def cdr(source: wire.CDR, parties: Parties) -> Cdr:
    place = location(source.location, parties)
    return Cdr(
        owner=parties.cpo,
        id=source.id,
        start=source.start_date_time,
        end=source.stop_date_time,
        token=contract(source.auth_id, parties),
        auth_method=AuthMethod(source.auth_method),
        charge_point=_charge_point(place),
        place=place,
        meter_id=source.meter_id,
        currency=source.currency,
        tariffs=tuple(tariff(each, parties) for each in source.tariffs),
        charging_periods=charging_periods(source.charging_periods),
        total_cost=net(source.total_cost, source.currency),
        total_energy_kwh=source.total_energy,
        total_time_h=source.total_time,
        total_parking_time_h=source.total_parking_time,
        remark=source.remark,
        last_updated=source.last_updated,
        extensions=extensions(source, flat_fees(source.charging_periods), NUMBER),
    )


def _charge_point(place: Location) -> ChargePoint:
    """The place of the record, in the words of the record. What the place leaves open stays unknown."""
    evse, connector = used(place)
    return ChargePoint(
        location_id=place.id,
        name=place.name,
        address=place.address,
        city=place.city,
        postal_code=place.postal_code,
        country=place.country,
        coordinates=place.coordinates,
        evse_uid=evse.uid if evse else UNKNOWN_ID,
        evse_id=(evse.evse_id if evse else None) or UNKNOWN_ID,
        connector_id=connector.id if connector else UNKNOWN_ID,
        connector_standard=connector.standard if connector else UNKNOWN_ID,
        connector_format=connector.format if connector else UNKNOWN_ID,
        connector_power_type=connector.power_type if connector else UNKNOWN_ID,
    )
