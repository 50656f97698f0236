"""Tariff (2.2.1 tariffs). Prices are net of VAT, in the tariff's currency."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Generic, TypeVar

from adapters.ocpi.wire.model import Many, Some, WireEntity, WireModel
from adapters.ocpi.wire.scalars import DateTime, Number, Whole
from adapters.ocpi.wire.texts import (
    CURRENCY,
    LOCAL_DATE,
    TIME_OF_DAY,
    URL,
    CiString,
    CountryCode,
    PartyCode,
)
from adapters.ocpi.wire.words import Closed
from adapters.ocpi_2_2_1.wire.energy import EnergyMix
from adapters.ocpi_2_2_1.wire.places import DisplayText, Price
from adapters.ocpi_2_2_1.wire.tariff_words import (
    DayOfWeek,
    ReservationRestrictionType,
    TariffDimensionType,
    TariffType,
)

P = TypeVar("P", bound=WireModel)


class PriceComponent(WireModel):
    type: Annotated[str, Closed(TariffDimensionType)]
    price: Annotated[Decimal, Number()]
    vat: Annotated[Decimal, Number(least=0, most=100)] | None = None
    step_size: Annotated[int, Whole()]


class TariffRestrictions(WireModel):
    start_time: Annotated[str, TIME_OF_DAY] | None = None
    end_time: Annotated[str, TIME_OF_DAY] | None = None
    start_date: Annotated[str, LOCAL_DATE] | None = None
    end_date: Annotated[str, LOCAL_DATE] | None = None
    min_kwh: Annotated[Decimal, Number()] | None = None
    max_kwh: Annotated[Decimal, Number()] | None = None
    min_current: Annotated[Decimal, Number()] | None = None
    max_current: Annotated[Decimal, Number()] | None = None
    min_power: Annotated[Decimal, Number()] | None = None
    max_power: Annotated[Decimal, Number()] | None = None
    min_duration: Annotated[int, Whole()] | None = None
    max_duration: Annotated[int, Whole()] | None = None
    day_of_week: Many[Annotated[str, Closed(DayOfWeek)]] = ()
    reservation: Annotated[str, Closed(ReservationRestrictionType)] | None = None


class TariffElement(WireModel):
    price_components: Some[PriceComponent]
    restrictions: TariffRestrictions | None = None


class TariffOf(WireEntity, Generic[P]):
    """A tariff, with limits in the version's form of a price."""

    country_code: Annotated[str, CountryCode(2)]
    party_id: Annotated[str, PartyCode(3)]
    id: Annotated[str, CiString(36)]
    currency: Annotated[str, CURRENCY]
    type: Annotated[str, Closed(TariffType)] | None = None
    tariff_alt_text: Many[DisplayText] = ()
    tariff_alt_url: Annotated[str, URL] | None = None
    min_price: P | None = None
    max_price: P | None = None
    elements: Some[TariffElement]
    start_date_time: Annotated[datetime, DateTime()] | None = None
    end_date_time: Annotated[datetime, DateTime()] | None = None
    energy_mix: EnergyMix | None = None
    last_updated: Annotated[datetime, DateTime()]


class Tariff(TariffOf[Price]):
    """A tariff of this version."""
