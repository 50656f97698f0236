"""Tariff.

The version has neither types nor times of validity: the operator's connector names the tariff that applies. VAT is
left out, prices being net; what changes the sum that a driver pays is not.
"""

from adapters.document import Document
from adapters.ocpi.fields import fields
from adapters.ocpi_2_1_1.from_canonical.energy import energy_mix
from adapters.ocpi_2_1_1.from_canonical.instants import instant
from adapters.ocpi_2_1_1.from_canonical.unsayable import check_sayable
from adapters.ocpi_2_2_1.from_canonical.places import display_texts
from adapters.ocpi_2_2_1.from_canonical.tariff import net_tariff, restrictions
from canonical.tariff import Tariff, TariffElement, TaxIncluded


def tariff(source: Tariff) -> Document:
    """Without the elements that price reservations alone.

    Raises CannotWrite for limits of the price and for restrictions by current, which this version has no words for,
    and for gross prices whose VAT is not stated.
    """
    stated = net_tariff(source) if source.tax_included is TaxIncluded.YES else source
    elements = [each for each in stated.elements if not (each.restrictions and each.restrictions.reservation)]
    check_sayable(_unsayable(stated, elements))
    return fields(
        stated.extensions,
        id=stated.id,
        currency=stated.currency,
        tariff_alt_text=display_texts(stated.alt_texts),
        tariff_alt_url=stated.alt_url,
        elements=[_element(each) for each in elements],
        energy_mix=energy_mix(stated.energy_mix),
        last_updated=instant(stated.last_updated),
    )


def _unsayable(source: Tariff, elements: list[TariffElement]) -> dict[str, str]:
    wrong: dict[str, str] = {}
    for name, limit in (("min_price", source.min_price), ("max_price", source.max_price)):
        if limit is not None:
            wrong[name] = "this version has no limits of the price"
    for position, element in enumerate(elements):
        found = element.restrictions
        for name, bound in (
            ("min_current", found and found.min_current_a),
            ("max_current", found and found.max_current_a),
        ):
            if bound is not None:
                wrong[f"elements[{position}].restrictions.{name}"] = "this version has no restrictions by current"
    return wrong


def _element(source: TariffElement) -> Document:
    return fields(
        price_components=[
            fields(type=part.dimension.value, price=part.price, step_size=part.step_size)
            for part in source.price_components
        ],
        restrictions=restrictions(source.restrictions) if source.restrictions else None,
    )
