"""CDR (2.2.1 cdrs). Energy in kWh, times in hours, costs in the CDR's currency."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Generic, TypeVar

from adapters.ocpi.wire.model import Many, Some, WireEntity, WireModel
from adapters.ocpi.wire.scalars import Boolean, DateTime, Number, Whole
from adapters.ocpi.wire.texts import (
    ALPHA_3,
    CURRENCY,
    CiString,
    CountryCode,
    Opaque,
    PartyCode,
    String,
    Url,
)
from adapters.ocpi.wire.words import Closed, Word
from adapters.ocpi_2_2_1.wire.cdr_words import AuthMethod
from adapters.ocpi_2_2_1.wire.location_words import ConnectorFormat, ConnectorType, PowerType
from adapters.ocpi_2_2_1.wire.places import GeoLocation, Price
from adapters.ocpi_2_2_1.wire.session import CdrToken, ChargingPeriod
from adapters.ocpi_2_2_1.wire.tariff import Tariff

P = TypeVar("P", bound=WireModel)
T = TypeVar("T", bound=WireModel)


class CdrLocation(WireModel):
    id: Annotated[str, CiString(36)]
    name: Annotated[str, String(255)] | None = None
    address: Annotated[str, String(45)]
    city: Annotated[str, String(45)]
    postal_code: Annotated[str, String(10)] | None = None
    state: Annotated[str, String(20)] | None = None
    country: Annotated[str, ALPHA_3]
    coordinates: GeoLocation
    evse_uid: Annotated[str, CiString(36)]
    evse_id: Annotated[str, CiString(48)]
    connector_id: Annotated[str, CiString(36)]
    connector_standard: Annotated[str, Word(ConnectorType)]
    connector_format: Annotated[str, Word(ConnectorFormat)]
    connector_power_type: Annotated[str, Word(PowerType)]


class SignedValue(WireModel):
    nature: Annotated[str, CiString(32)]
    plain_data: Annotated[str, Opaque(5000)]
    signed_data: Annotated[str, Opaque(5000)]


class SignedData(WireModel):
    encoding_method: Annotated[str, CiString(36)]
    encoding_method_version: Annotated[int, Whole()] | None = None
    public_key: Annotated[str, Opaque(512)] | None = None
    signed_values: Some[SignedValue]
    url: Annotated[str, Url(512)] | None = None


class CdrOf(WireEntity, Generic[P, T]):
    """A CDR, with costs and tariffs in the version's form."""

    country_code: Annotated[str, CountryCode(2)]
    party_id: Annotated[str, PartyCode(3)]
    id: Annotated[str, CiString(39)]
    start_date_time: Annotated[datetime, DateTime()]
    end_date_time: Annotated[datetime, DateTime()]
    session_id: Annotated[str, CiString(36)] | None = None
    cdr_token: CdrToken
    auth_method: Annotated[str, Closed(AuthMethod)]
    authorization_reference: Annotated[str, CiString(36)] | None = None
    cdr_location: CdrLocation
    meter_id: Annotated[str, String(255)] | None = None
    currency: Annotated[str, CURRENCY]
    tariffs: Many[T] = ()
    charging_periods: Some[ChargingPeriod]
    signed_data: SignedData | None = None
    total_cost: P
    total_fixed_cost: P | None = None
    total_energy: Annotated[Decimal, Number()]
    total_energy_cost: P | None = None
    total_time: Annotated[Decimal, Number()]
    total_time_cost: P | None = None
    total_parking_time: Annotated[Decimal, Number()] | None = None
    total_parking_cost: P | None = None
    total_reservation_cost: P | None = None
    remark: Annotated[str, String(255)] | None = None
    invoice_reference_id: Annotated[str, CiString(39)] | None = None
    credit: Annotated[bool, Boolean()] | None = None
    credit_reference_id: Annotated[str, CiString(39)] | None = None
    home_charging_compensation: Annotated[bool, Boolean()] | None = None
    last_updated: Annotated[datetime, DateTime()]


class CDR(CdrOf[Price, Tariff]):
    """A CDR of this version."""
