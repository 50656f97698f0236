"""CDR."""

from collections.abc import Callable, Sequence

from adapters.contract import CannotWrite
from adapters.document import Document
from adapters.ocpi.fields import fields, instant
from adapters.ocpi_2_2_1.from_canonical.money import price
from adapters.ocpi_2_2_1.from_canonical.places import geo_location
from adapters.ocpi_2_2_1.from_canonical.session import cdr_token, charging_periods
from adapters.ocpi_2_2_1.from_canonical.tariff import tariff
from canonical.cdr import Cdr, ChargePoint, SignedMeterData
from canonical.money import Price
from canonical.tariff import Tariff


def cdr(source: Cdr) -> Document:
    """A tariff that this version cannot say stays out of the CDR: what is owed does not rest on it."""
    return cdr_of(source, price, [written for each in source.tariffs if (written := _tariff_if_sayable(each))])


def cdr_of(source: Cdr, price: Callable[[Price | None], Document | None], tariffs: Sequence[Document]) -> Document:
    """With the version's way to write a price, and tariffs that it has written."""
    return fields(
        source.extensions,
        country_code=source.owner.country_code,
        party_id=source.owner.party_id,
        id=source.id,
        start_date_time=instant(source.start),
        end_date_time=instant(source.end),
        session_id=source.session_id,
        cdr_token=cdr_token(source.token),
        auth_method=source.auth_method.value,
        authorization_reference=source.authorization_reference,
        cdr_location=_cdr_location(source.charge_point),
        meter_id=source.meter_id,
        currency=source.currency,
        tariffs=list(tariffs),
        charging_periods=charging_periods(source.charging_periods),
        signed_data=_signed_data(source.signed_data),
        total_cost=price(source.total_cost),
        total_fixed_cost=price(source.total_fixed_cost),
        total_energy=source.total_energy_kwh,
        total_energy_cost=price(source.total_energy_cost),
        total_time=source.total_time_h,
        total_time_cost=price(source.total_time_cost),
        total_parking_time=source.total_parking_time_h,
        total_parking_cost=price(source.total_parking_cost),
        total_reservation_cost=price(source.total_reservation_cost),
        remark=source.remark,
        invoice_reference_id=source.invoice_reference_id,
        credit=source.credit,
        credit_reference_id=source.credit_reference_id,
        home_charging_compensation=source.home_charging_compensation,
        last_updated=instant(source.last_updated),
    )


def _tariff_if_sayable(source: Tariff) -> Document | None:
    try:
        return tariff(source)
    except CannotWrite:
        return None


def _cdr_location(source: ChargePoint) -> Document:
    return fields(
        id=source.location_id,
        name=source.name,
        address=source.address,
        city=source.city,
        postal_code=source.postal_code,
        state=source.state,
        country=source.country,
        coordinates=geo_location(source.coordinates),
        evse_uid=source.evse_uid,
        evse_id=source.evse_id,
        connector_id=source.connector_id,
        connector_standard=source.connector_standard,
        connector_format=source.connector_format,
        connector_power_type=source.connector_power_type,
    )


def _signed_data(source: SignedMeterData | None) -> Document | None:
    if source is None:
        return None
    return fields(
        encoding_method=source.encoding_method,
        encoding_method_version=source.encoding_method_version,
        public_key=source.public_key,
        signed_values=[
            fields(nature=each.nature, plain_data=each.plain_data, signed_data=each.signed_data)
            for each in source.readings
        ],
        url=source.url,
    )
