"""What is wrong with a tariff before anything is priced by it: nothing that a sender wrote is passed over in silence.

A field that the canonical model does not name stands in the extensions of the tariff. Within restrictions it may decide
whether a price applies, so that nothing can be priced; so does a whole element or component that could not be read.
"""

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from canonical.model import Extension, Finding
from canonical.tariff import Tariff

_RESTRICTIONS = (
    "start_time",
    "end_time",
    "start_date",
    "end_date",
    "min_kwh",
    "max_kwh",
    "min_current",
    "max_current",
    "min_power",
    "max_power",
    "min_duration",
    "max_duration",
    "day_of_week",
    "reservation",
)
_COMPONENT = ("type", "price", "vat", "step_size")
_PRICE = ("excl_vat", "incl_vat", "before_taxes", "after_taxes", "taxes")
_ELEMENT = ("price_components", "restrictions")
_TARIFF = (
    "type",
    "tariff_alt_text",
    "tariff_alt_url",
    "min_price",
    "max_price",
    "preauthorize_amount",
    "tax_included",
    "elements",
    "start_date_time",
    "end_date_time",
    "energy_mix",
)
"""Fields of OCPI 2.2.1 and 2.3.0 tariffs, by the object in which they stand."""

_LIMITS = ("min_price", "max_price")
_DECIDING = ("elements", "tax_included", "start_date_time", "end_date_time", *_LIMITS)
"""What a misspelt field in it, or one that stands for it, does to the price cannot be told."""
_FIFTHS_ALIKE = 4


def oddities(tariff: Tariff) -> tuple[Finding, ...]:
    """Findings on the tariff; by a tariff with one that blocks nothing is priced."""
    return (*_unnamed_fields(tariff.extensions), *_duplicates(tariff))


def _unnamed_fields(extensions: Sequence[Extension]) -> Iterator[Finding]:
    for extension in extensions:
        path = extension.pointer.strip("/").split("/")
        if extension.of_version is None and extension.json_text != "null":
            yield _finding(path)


def _finding(path: Sequence[str]) -> Finding:
    where = _place(path)
    if path[-1].isdigit():
        message = "a part of the tariff could not be read"
        blocks = path[0] == "elements"
        return Finding(code="pricing.unknown_part", message=message, where=where, blocks=blocks)
    likely = _likely(path[-1], _known_beside(path))
    blocks = "restrictions" in path or (likely is not None and (path[0] in _DECIDING or likely in _DECIDING))
    if likely is None:
        message = f"the tariff has a field {path[-1]}, which no version knows here"
        return Finding(code="pricing.unknown_field", message=message, where=where, blocks=blocks)
    message = f"the tariff has a field {path[-1]}, which is not read; {likely} may be meant"
    return Finding(code="pricing.misspelt_field", message=message, where=where, expected=likely, blocks=blocks)


def _known_beside(path: Sequence[str]) -> Sequence[str]:
    """The fields that OCPI has in the object in which a field stands."""
    if "restrictions" in path[:-1]:
        return _RESTRICTIONS
    if "price_components" in path[:-1]:
        return _COMPONENT
    if path[0] == "elements":
        return _ELEMENT
    if path[0] in _LIMITS and len(path) == 2:
        return _PRICE
    return _TARIFF if len(path) == 1 else ()


def _likely(name: str, known: Sequence[str]) -> str | None:
    """The known field that a name resembles, however it is capitalised or hyphenated."""
    bare = {_bare(each): each for each in known}
    closest = get_close_matches(_bare(name), bare, n=1, cutoff=_FIFTHS_ALIKE / 5)
    return bare[closest[0]] if closest else None


def _bare(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


def _place(path: Sequence[str]) -> str:
    """`elements[0].restrictions.dayOfWeek`."""
    return "".join(f"[{step}]" if step.isdigit() else f".{step}" for step in path).lstrip(".")


def _duplicates(tariff: Tariff) -> Iterator[Finding]:
    for number, element in enumerate(tariff.elements):
        dimensions = [component.dimension for component in element.price_components]
        for twice in dict.fromkeys(d for d in dimensions if dimensions.count(d) > 1):
            yield Finding(
                code="pricing.duplicate_component",
                message=f"an element has several prices for {twice}: the first one counts",
                where=f"elements[{number}].price_components",
            )
