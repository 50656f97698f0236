"""Tariff (2.1.1 tariffs). Prices are net of VAT, in the tariff's currency; the version has no word for VAT."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from adapters.ocpi.wire.model import Many, Some, WireEntity, WireModel
from adapters.ocpi.wire.scalars import DateTime, Number, Whole
from adapters.ocpi.wire.texts import CURRENCY, LOCAL_DATE, TIME_OF_DAY, URL
from adapters.ocpi.wire.words import Closed
from adapters.ocpi_2_1_1.wire.identifiers import Id
from adapters.ocpi_2_1_1.wire.places import EnergyMix
from adapters.ocpi_2_2_1.wire.places import DisplayText
from adapters.ocpi_2_2_1.wire.tariff_words import DayOfWeek, TariffDimensionType


class PriceComponent(WireModel):
    type: Annotated[str, Closed(TariffDimensionType)]
    price: Annotated[Decimal, Number()]
    step_size: Annotated[int, Whole()]


class TariffRestrictions(WireModel):
    start_time: Annotated[str, TIME_OF_DAY] | None = None
    end_time: Annotated[str, TIME_OF_DAY] | None = None
    start_date: Annotated[str, LOCAL_DATE] | None = None
    end_date: Annotated[str, LOCAL_DATE] | None = None
    min_kwh: Annotated[Decimal, Number()] | None = None
    max_kwh: Annotated[Decimal, Number()] | None = None
    min_power: Annotated[Decimal, Number()] | None = None
    max_power: Annotated[Decimal, Number()] | None = None
    min_duration: Annotated[int, Whole()] | None = None
    max_duration: Annotated[int, Whole()] | None = None
    day_of_week: Many[Annotated[str, Closed(DayOfWeek)]] = ()


class TariffElement(WireModel):
    price_components: Some[PriceComponent]
    restrictions: TariffRestrictions | None = None


class Tariff(WireEntity):
    id: Annotated[str, Id(36)]
    currency: Annotated[str, CURRENCY]
    tariff_alt_text: Many[DisplayText] = ()
    tariff_alt_url: Annotated[str, URL] | None = None
    elements: Some[TariffElement]
    energy_mix: EnergyMix | None = None
    last_updated: Annotated[datetime, DateTime()]
