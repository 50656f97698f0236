"""Tariff."""

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from adapters.contract import CannotWrite
from adapters.document import Document
from adapters.ocpi.fields import fields, instant
from adapters.ocpi_2_2_1.from_canonical.energy import energy_mix
from adapters.ocpi_2_2_1.from_canonical.money import price
from adapters.ocpi_2_2_1.from_canonical.places import display_texts
from canonical.model import Finding
from canonical.money import Price
from canonical.tariff import PriceComponent, Tariff, TariffElement, TariffRestrictions, TaxIncluded

_PLACES: Final = Decimal("0.0001")
"""The precision of a number in OCPI (2.2.1 types)."""


def tariff(source: Tariff) -> Document:
    """This version has net prices only. Raises CannotWrite for gross ones whose VAT is not stated."""
    return tariff_of(net_tariff(source) if source.tax_included is TaxIncluded.YES else source, price)


def tariff_of(source: Tariff, limit: Callable[[Price | None], Document | None]) -> Document:
    """With the version's way to write a price limit."""
    return fields(
        source.extensions,
        country_code=source.owner.country_code,
        party_id=source.owner.party_id,
        id=source.id,
        currency=source.currency,
        type=source.type,
        tariff_alt_text=display_texts(source.alt_texts),
        tariff_alt_url=source.alt_url,
        min_price=limit(source.min_price),
        max_price=limit(source.max_price),
        elements=[_element(each) for each in source.elements],
        start_date_time=instant(source.valid_from),
        end_date_time=instant(source.valid_until),
        energy_mix=energy_mix(source.energy_mix),
        last_updated=instant(source.last_updated),
    )


def net_tariff(source: Tariff) -> Tariff:
    """A gross tariff before tax. Raises CannotWrite where the VAT in a price is not stated."""
    unknown = [
        f"elements[{element}].price_components[{position}].vat"
        for element, each in enumerate(source.elements)
        for position, component in enumerate(each.price_components)
        if component.vat_percent is None and component.price
    ]
    if unknown:
        message = "prices after tax have no place in this version, and before tax they are not known without VAT"
        raise CannotWrite(
            [Finding(code="write.gross_tariff", message=message, where=where, blocks=True) for where in unknown]
        )
    elements = tuple(
        each.model_copy(update={"price_components": tuple(_net_component(part) for part in each.price_components)})
        for each in source.elements
    )
    return source.model_copy(update={"elements": elements, "tax_included": TaxIncluded.NO})


def _net_component(source: PriceComponent) -> PriceComponent:
    rate = source.vat_percent or Decimal(0)
    net = source.price / (1 + rate / 100)
    return source.model_copy(update={"price": net.quantize(_PLACES, ROUND_HALF_UP).normalize()})


def _element(source: TariffElement) -> Document:
    return fields(
        price_components=[_component(each) for each in source.price_components],
        restrictions=restrictions(source.restrictions) if source.restrictions else None,
    )


def _component(source: PriceComponent) -> Document:
    return fields(
        type=source.dimension.value,
        price=source.price,
        vat=source.vat_percent,
        step_size=source.step_size,
    )


def restrictions(source: TariffRestrictions) -> Document:
    return fields(
        start_time=source.start_time,
        end_time=source.end_time,
        start_date=source.start_date,
        end_date=source.end_date,
        min_kwh=source.min_kwh,
        max_kwh=source.max_kwh,
        min_current=source.min_current_a,
        max_current=source.max_current_a,
        min_power=source.min_power_kw,
        max_power=source.max_power_kw,
        min_duration=source.min_duration_s,
        max_duration=source.max_duration_s,
        day_of_week=[day.value for day in source.days_of_week],
        reservation=source.reservation.value if source.reservation else None,
    )
