"""Tariff."""

from adapters.contract import CannotWrite
from adapters.document import Document
from adapters.ocpi.fields import fields, instant
from adapters.ocpi_2_2_1.from_canonical.energy import energy_mix
from adapters.ocpi_2_2_1.from_canonical.money import price
from adapters.ocpi_2_2_1.from_canonical.places import display_texts
from canonical.model import Finding
from canonical.tariff import PriceComponent, Tariff, TariffElement, TariffRestrictions, TaxIncluded


def tariff(source: Tariff) -> Document:
    """Raises CannotWrite for gross prices: this version has net ones only."""
    if source.tax_included is TaxIncluded.YES:
        raise CannotWrite(
            [
                Finding(
                    code="write.gross_tariff",
                    message="prices after tax have no place in this version",
                    where="elements",
                    blocks=True,
                )
            ]
        )
    return fields(
        source.extensions,
        country_code=source.owner.country_code,
        party_id=source.owner.party_id,
        id=source.id,
        currency=source.currency,
        type=source.type,
        tariff_alt_text=display_texts(source.alt_texts),
        tariff_alt_url=source.alt_url,
        min_price=price(source.min_price),
        max_price=price(source.max_price),
        elements=[_element(each) for each in source.elements],
        start_date_time=instant(source.valid_from),
        end_date_time=instant(source.valid_until),
        energy_mix=energy_mix(source.energy_mix),
        last_updated=instant(source.last_updated),
    )


def _element(source: TariffElement) -> Document:
    return fields(
        price_components=[_component(each) for each in source.price_components],
        restrictions=_restrictions(source.restrictions) if source.restrictions else None,
    )


def _component(source: PriceComponent) -> Document:
    return fields(
        type=source.dimension.value,
        price=source.price,
        vat=source.vat_percent,
        step_size=source.step_size,
    )


def _restrictions(source: TariffRestrictions) -> Document:
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
