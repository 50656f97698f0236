"""CDR."""

from collections.abc import Callable
from typing import TypeVar

from adapters.ocpi.leftovers import extensions
from adapters.ocpi.wire.model import WireModel
from adapters.ocpi_2_2_1.to_canonical.money import price
from adapters.ocpi_2_2_1.to_canonical.places import geo_point
from adapters.ocpi_2_2_1.to_canonical.session import charging_periods, token_ref
from adapters.ocpi_2_2_1.to_canonical.tariff import tariff
from adapters.ocpi_2_2_1.wire import cdr as wire
from canonical.cdr import Cdr, ChargePoint, SignedMeterData, SignedReading
from canonical.identity import PartyId
from canonical.money import Price
from canonical.session import AuthMethod
from canonical.tariff import Tariff

P = TypeVar("P", bound=WireModel)
T = TypeVar("T", bound=WireModel)


def cdr(source: wire.CDR) -> Cdr:
    return cdr_of(source, price, tariff)


def cdr_of(source: wire.CdrOf[P, T], price: Callable[[P, str], Price], tariff: Callable[[T], Tariff]) -> Cdr:
    """With the version's way to read a price in a currency, and a tariff."""

    def cost(stated: P | None) -> Price | None:
        return price(stated, source.currency) if stated else None

    return Cdr(
        owner=PartyId(country_code=source.country_code, party_id=source.party_id),
        id=source.id,
        start=source.start_date_time,
        end=source.end_date_time,
        session_id=source.session_id,
        token=token_ref(source.cdr_token),
        auth_method=AuthMethod(source.auth_method),
        authorization_reference=source.authorization_reference,
        charge_point=_charge_point(source.cdr_location),
        meter_id=source.meter_id,
        currency=source.currency,
        tariffs=tuple(tariff(each) for each in source.tariffs),
        charging_periods=charging_periods(source.charging_periods),
        signed_data=_signed_meter_data(source.signed_data),
        total_cost=price(source.total_cost, source.currency),
        total_fixed_cost=cost(source.total_fixed_cost),
        total_energy_kwh=source.total_energy,
        total_energy_cost=cost(source.total_energy_cost),
        total_time_h=source.total_time,
        total_time_cost=cost(source.total_time_cost),
        total_parking_time_h=source.total_parking_time,
        total_parking_cost=cost(source.total_parking_cost),
        total_reservation_cost=cost(source.total_reservation_cost),
        remark=source.remark,
        invoice_reference_id=source.invoice_reference_id,
        credit=source.credit,
        credit_reference_id=source.credit_reference_id,
        home_charging_compensation=source.home_charging_compensation,
        last_updated=source.last_updated,
        extensions=extensions(source),
    )


def _charge_point(source: wire.CdrLocation) -> ChargePoint:
    return ChargePoint(
        location_id=source.id,
        name=source.name,
        address=source.address,
        city=source.city,
        postal_code=source.postal_code,
        state=source.state,
        country=source.country,
        coordinates=geo_point(source.coordinates),
        evse_uid=source.evse_uid,
        evse_id=source.evse_id,
        connector_id=source.connector_id,
        connector_standard=source.connector_standard,
        connector_format=source.connector_format,
        connector_power_type=source.connector_power_type,
    )


def _signed_meter_data(source: wire.SignedData | None) -> SignedMeterData | None:
    if source is None:
        return None
    return SignedMeterData(
        encoding_method=source.encoding_method,
        encoding_method_version=source.encoding_method_version,
        public_key=source.public_key,
        readings=tuple(
            SignedReading(nature=each.nature, plain_data=each.plain_data, signed_data=each.signed_data)
            for each in source.signed_values
        ),
        url=source.url,
    )
