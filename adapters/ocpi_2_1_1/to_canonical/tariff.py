"""Tariff."""

from adapters.contract import Parties
from adapters.ocpi.leftovers import extensions
from adapters.ocpi_2_1_1.to_canonical.energy import energy_mix
from adapters.ocpi_2_1_1.wire import tariff as wire
from adapters.ocpi_2_2_1.to_canonical.places import display_texts
from canonical.tariff import (
    PriceComponent,
    Tariff,
    TariffDimension,
    TariffElement,
    TariffRestrictions,
    TaxIncluded,
    Weekday,
)


def tariff(source: wire.Tariff, parties: Parties) -> Tariff:
    return Tariff(
        owner=parties.cpo,
        id=source.id,
        currency=source.currency,
        alt_texts=display_texts(source.tariff_alt_text),
        alt_url=source.tariff_alt_url,
        tax_included=TaxIncluded.NO,
        elements=tuple(_element(each) for each in source.elements),
        energy_mix=energy_mix(source.energy_mix),
        last_updated=source.last_updated,
        extensions=extensions(source),
    )


def _element(source: wire.TariffElement) -> TariffElement:
    return TariffElement(
        price_components=tuple(
            PriceComponent(dimension=TariffDimension(part.type), price=part.price, step_size=part.step_size)
            for part in source.price_components
        ),
        restrictions=_restrictions(source.restrictions) if source.restrictions else None,
    )


def _restrictions(source: wire.TariffRestrictions) -> TariffRestrictions:
    return TariffRestrictions(
        start_time=source.start_time,
        end_time=source.end_time,
        start_date=source.start_date,
        end_date=source.end_date,
        min_kwh=source.min_kwh,
        max_kwh=source.max_kwh,
        min_power_kw=source.min_power,
        max_power_kw=source.max_power,
        min_duration_s=source.min_duration,
        max_duration_s=source.max_duration,
        days_of_week=tuple(Weekday(day) for day in source.day_of_week),
    )
