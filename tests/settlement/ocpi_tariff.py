"""A small reader of OCPI tariffs for tests alone: settlement does not know OCPI's JSON."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from canonical.tariff import Tariff, TaxIncluded

_RENAMED = {
    "min_current": "min_current_a",
    "max_current": "max_current_a",
    "min_power": "min_power_kw",
    "max_power": "max_power_kw",
    "min_duration": "min_duration_s",
    "max_duration": "max_duration_s",
    "day_of_week": "days_of_week",
}


def read(document: Mapping[str, Any]) -> Tariff:
    """Numbers have to be Decimal already (`parse_float=Decimal`)."""
    currency = document["currency"]
    components = [c for e in document["elements"] for c in e["price_components"]]
    # OCPI 2.2.1: without a VAT percentage no VAT is applicable; 2.3.0 says it with tax_included.
    untaxed = "tax_included" not in document and all("vat" not in c for c in components)
    return Tariff.model_validate(
        {
            "owner": {"country_code": document.get("country_code", "DE"), "party_id": document.get("party_id", "ALL")},
            "id": document["id"],
            "currency": currency,
            "min_price": _price(document.get("min_price"), currency),
            "max_price": _price(document.get("max_price"), currency),
            "tax_included": TaxIncluded.NOT_APPLICABLE if untaxed else document.get("tax_included", "NO"),
            "elements": [_element(e) for e in document["elements"]],
            "last_updated": document.get("last_updated", "2024-01-01T00:00:00Z"),
        }
    )


def _price(price: Mapping[str, Decimal] | None, currency: str) -> dict[str, object] | None:
    if price is None:
        return None
    return {
        "currency": currency,
        "before_tax": price.get("excl_vat", price.get("before_taxes")),
        "after_tax": price.get("incl_vat", price.get("after_taxes")),
    }


def _element(element: Mapping[str, Any]) -> dict[str, object]:
    restrictions = element.get("restrictions")
    return {
        "price_components": [_component(c) for c in element["price_components"]],
        "restrictions": restrictions and {_RENAMED.get(k, k): v for k, v in restrictions.items()},
    }


def _component(component: Mapping[str, Any]) -> dict[str, object]:
    return {
        "dimension": component["type"],
        "price": component["price"],
        "vat_percent": component.get("vat"),
        "step_size": component["step_size"],
    }


def volumes(dimensions: Sequence[Mapping[str, str]]) -> list[dict[str, object]]:
    """Volumes of the cases, which may be fractions ("2/3"), as decimals."""
    return [{"dimension": d["type"], "volume": _decimal(d["volume"])} for d in dimensions]


def _decimal(text: str) -> Decimal:
    above, _, below = text.partition("/")
    return Decimal(above) / Decimal(below or 1)
