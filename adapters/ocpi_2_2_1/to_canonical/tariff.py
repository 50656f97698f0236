"""Tariff."""

from collections.abc import Callable
from typing import TypeVar

from adapters.ocpi.leftovers import extensions
from adapters.ocpi.wire.model import WireModel
from adapters.ocpi_2_2_1.to_canonical.energy import energy_mix
from adapters.ocpi_2_2_1.to_canonical.money import price
from adapters.ocpi_2_2_1.to_canonical.places import display_texts
from adapters.ocpi_2_2_1.wire import tariff as wire
from canonical.identity import PartyId
from canonical.money import Price
from canonical.tariff import (
    PriceComponent,
    ReservationRestriction,
    Tariff,
    TariffDimension,
    TariffElement,
    TariffRestrictions,
    TaxIncluded,
    Weekday,
)

P = TypeVar("P", bound=WireModel)


def tariff(source: wire.Tariff) -> Tariff:
    """Prices are net: the version has no others."""
    return tariff_of(source, price, TaxIncluded.NO)


def tariff_of(source: wire.TariffOf[P], limit: Callable[[P, str], Price], tax_included: TaxIncluded) -> Tariff:
    """With the version's way to read a price limit in a currency."""
    return Tariff(
        owner=PartyId(country_code=source.country_code, party_id=source.party_id),
        id=source.id,
        currency=source.currency,
        type=source.type,
        alt_texts=display_texts(source.tariff_alt_text),
        alt_url=source.tariff_alt_url,
        min_price=limit(source.min_price, source.currency) if source.min_price else None,
        max_price=limit(source.max_price, source.currency) if source.max_price else None,
        tax_included=tax_included,
        elements=tuple(_element(each) for each in source.elements),
        valid_from=source.start_date_time,
        valid_until=source.end_date_time,
        energy_mix=energy_mix(source.energy_mix),
        last_updated=source.last_updated,
        extensions=extensions(source),
    )


def _element(source: wire.TariffElement) -> TariffElement:
    return TariffElement(
        price_components=tuple(_component(each) for each in source.price_components),
        restrictions=_restrictions(source.restrictions) if source.restrictions else None,
    )


def _component(source: wire.PriceComponent) -> PriceComponent:
    return PriceComponent(
        dimension=TariffDimension(source.type),
        price=source.price,
        vat_percent=source.vat,
        step_size=source.step_size,
    )


def _restrictions(source: wire.TariffRestrictions) -> TariffRestrictions:
    return TariffRestrictions(
        start_time=source.start_time,
        end_time=source.end_time,
        start_date=source.start_date,
        end_date=source.end_date,
        min_kwh=source.min_kwh,
        max_kwh=source.max_kwh,
        min_current_a=source.min_current,
        max_current_a=source.max_current,
        min_power_kw=source.min_power,
        max_power_kw=source.max_power,
        min_duration_s=source.min_duration,
        max_duration_s=source.max_duration,
        days_of_week=tuple(Weekday(day) for day in source.day_of_week),
        reservation=ReservationRestriction(source.reservation) if source.reservation else None,
    )
