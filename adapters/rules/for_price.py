"""Tolerances for a file that a person wants priced: only what the price needs has to be there.

Nothing is paid on it, and they are never on for what a partner sends. Each leaves a finding; what money depends on is
never made up.
"""

import re
from collections.abc import Mapping
from copy import copy
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from adapters.document import KEPT, Json, Path, is_list, is_object, value_at
from adapters.rules.rule import Fault, ReadInstead, Repair, Rule, SetAside, Tolerated, ToleratedEmpty
from canonical.identity import UNKNOWN_ID
from canonical.session import VolumeDimension

_NEEDED_OF_CDR: Final = frozenset(
    {"start_date_time", "end_date_time", "stop_date_time", "currency", "charging_periods", "tariffs"}
)
_NEEDED_OF_TARIFF: Final = frozenset(
    {"currency", "elements", "min_price", "max_price", "tax_included", "start_date_time", "end_date_time"}
)
_TARIFF: Final = len(("tariffs", 0))
_ELEMENT: Final = len(("elements", 0))
_IN_TARIFF: Final = len(("tariffs", 0, "currency"))
_DIMENSION: Final = len(("charging_periods", 0, "dimensions", 0))
_PLAIN_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_TIME_OF_DAY: Final = re.compile(r"(?P<hours>[0-9]{1,2}):(?P<minutes>[0-5][0-9])(:00)?")
_END_OF_DAY: Final = 24
_VOLUMES: Final = frozenset(dimension.value for dimension in VolumeDimension)
_LONG_AGO: Final = "1970-01-01T00:00:00Z"
_NO_ELEMENT: Final[Json] = [{"price_components": [{"type": "FLAT", "price": 0, "step_size": 1}]}]
_STAND_IN_BY_KIND: Final[Mapping[str, Json]] = MappingProxyType(
    {
        "object_type": {},
        "number_type": 0,
        "number_out_of_range": 0,
        "whole_type": 0,
        "whole_fraction": 0,
        "boolean_type": False,
        "date_time_type": _LONG_AGO,
        "date_time_unreadable": _LONG_AGO,
        "country_code": "XX",
        "party_id": "XXX",
        "country": "XXX",
        "coordinate_format": "0.00000",
        "list_type": ToleratedEmpty(),
        "list_empty": ToleratedEmpty(),
    }
)
_STAND_IN_BY_FIELD: Final[Mapping[str, Json]] = MappingProxyType(
    {
        "auth_method": "WHITELIST",
        "country": "XXX",
        "country_code": "XX",
        "last_updated": _LONG_AGO,
        "latitude": "0.00000",
        "longitude": "0.00000",
        "party_id": "XXX",
        "type": "OTHER",
    }
)
"""For fields whose words are closed, or whose form is narrow. `type` is that of a token, or of a location."""


class MissingForPrice(Rule):
    """A field that is not there, and on which no price depends: something stands in for it, and is never shown."""

    code = "input.field_missing"
    faults = frozenset({"missing"})

    def repair(self, fault: Fault) -> Repair | None:
        return _without(fault)


class UnreadableForPrice(Rule):
    """A field that cannot be read, and on which no price depends: left out, or stood in for."""

    code = "input.field_unreadable"
    faults = frozenset()

    def repair(self, fault: Fault) -> Repair | None:
        return _without(fault)


class QuotedNumber(Rule):
    """A quoted number, `"0.25"`, also where it is money: a plain decimal can be read in one way only (dialect 68)."""

    code = "input.number_as_text"
    faults = frozenset({"number_type", "whole_type"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        if not isinstance(fault.value, str) or not _PLAIN_NUMBER.fullmatch(fault.value):
            return None
        number = Decimal(fault.value)
        return ReadInstead(int(number) if fault.kind == "whole_type" and number == int(number) else number)


class WholeNumberWithFraction(Rule):
    """`300.0` where a whole number belongs: the same number (trap 54)."""

    code = "input.whole_number_with_fraction"
    faults = frozenset({"whole_fraction"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        value = fault.value
        return ReadInstead(int(value)) if isinstance(value, Decimal) and value == int(value) else None


class CurrencyOfTariff(Rule):
    """A tariff in a CDR that does not say its currency: that of the CDR (`tariffs` belong to its amounts)."""

    code = "input.tariff_currency_missing"
    faults = frozenset({"missing"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        in_cdr = fault.family == "Cdr" and fault.path[:1] == ("tariffs",) and len(fault.path) == _IN_TARIFF
        stated = fault.document.get("currency")
        return ReadInstead(stated) if in_cdr and fault.field == "currency" and isinstance(stated, str) else None


class StepOfFlat(Rule):
    """A flat fee without `step_size`: it has none to be billed in."""

    code = "input.step_size_missing"
    faults = frozenset({"missing"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        component = value_at(fault.document, fault.path[:-1])
        flat = is_object(component) and component.get("type") == "FLAT"
        return ReadInstead(1) if flat and fault.field == "step_size" else None


class TaxIncludedForPrice(Rule):
    """A tariff that does not say `tax_included`, read as before there was such a word.

    Prices are net; and where no VAT is stated, none applies (2.2.1 tariffs, PriceComponent).
    """

    code = "input.tax_included_missing"
    faults = frozenset({"missing"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        if fault.field != "tax_included":
            return None
        return ReadInstead("NO" if _states_vat(value_at(fault.document, fault.path[:-1])) else "N/A")


class VolumeOfAnotherVersion(Rule):
    """A quantity that the version has no word for, and another version has: power in a CDR of 2.1.1."""

    code = "input.volume_of_another_version"
    faults = frozenset({"not_in_enumeration"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        known = fault.field == "type" and fault.path[0] == "charging_periods" and fault.value in _VOLUMES
        return ReadInstead(Tolerated(fault.value)) if known and fault.family == "Cdr" else None


class TimeOfDaySpelt(Rule):
    """`8:00` and `24:00` in a restriction: there is one time of day that they can be (dialect 66)."""

    code = "input.time_of_day_spelling"
    faults = frozenset({"time_of_day"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        found = _TIME_OF_DAY.fullmatch(fault.value) if isinstance(fault.value, str) else None
        if found is None:
            return None
        hours, minutes = int(found["hours"]), found["minutes"]
        if fault.field == "end_time" and (hours, minutes) == (_END_OF_DAY, "00"):
            return ReadInstead("00:00")
        return ReadInstead(f"{hours:02}:{minutes}") if hours < _END_OF_DAY else None


class CurrencySpelt(Rule):
    """`eur`: ISO 4217 in small letters."""

    code = "input.currency_spelling"
    faults = frozenset({"currency"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        text = fault.value if isinstance(fault.value, str) else ""
        return ReadInstead(text.upper()) if re.fullmatch(r"[A-Za-z]{3}", text) else None


class FlatAmongVolumes(Rule):
    """A flat fee among what was measured, as 2.1.1 has it: it is no measurement, and the tariff says if it is due."""

    code = "input.flat_among_volumes"
    faults = frozenset({"not_in_enumeration"})

    def repair(self, fault: Fault) -> SetAside | None:
        flat = fault.field == "type" and fault.value == "FLAT" and fault.path[0] == "charging_periods"
        return SetAside(fault.path[:_DIMENSION]) if flat and fault.family == "Cdr" else None


class UnreadableElement(Rule):
    """An element of a tariff with something in it that cannot be read: a dimension that there is not, a price in words.

    It is put aside whole, and what stands in for the only element means nothing: by a tariff that lacks a part nothing
    is priced, and the engine says so (`pricing.unknown_part`).
    """

    code = "input.element_unreadable"
    faults = frozenset()

    def repair(self, fault: Fault) -> Repair | None:
        tariff = fault.path[:_TARIFF] if fault.path[:1] == ("tariffs",) else ()
        inside = fault.path[len(tariff) :]
        if inside[:1] != ("elements",):
            return None
        if len(inside) > 1:
            return SetAside(fault.path[: len(tariff) + _ELEMENT])
        was_there = fault.kind == "list_empty" and value_at(fault.document, (*tariff, KEPT)) is not None
        return ReadInstead(copy(_NO_ELEMENT)) if was_there else None


FOR_PRICE: Final = (
    QuotedNumber(),
    WholeNumberWithFraction(),
    CurrencyOfTariff(),
    StepOfFlat(),
    TaxIncludedForPrice(),
    FlatAmongVolumes(),
    VolumeOfAnotherVersion(),
    TimeOfDaySpelt(),
    CurrencySpelt(),
    MissingForPrice(),
)
"""Before the tolerances for partners."""

LAST_RESORT: Final = (UnreadableForPrice(),)
"""After them: what they can read is read."""

TO_PRICE: Final = (UnreadableElement(), *LAST_RESORT)
"""The same, where the engine has the last word. To describe a tariff, all of its elements are needed."""


def _without(fault: Fault) -> Repair | None:
    if _needed(fault.path, fault.family):
        return None
    if fault.removable and not _needed(fault.removable, fault.family):
        return SetAside(fault.removable)
    return ReadInstead(_stand_in(fault))


def _needed(path: Path, family: str) -> bool:
    """Whether the price depends on what is at `path`, or inside of it."""
    if family == "Tariff":
        return not path or path[0] in _NEEDED_OF_TARIFF
    if path[:1] == ("tariffs",) and len(path) >= _IN_TARIFF:
        return path[2] in _NEEDED_OF_TARIFF
    return not path or path[0] in _NEEDED_OF_CDR


def _stand_in(fault: Fault) -> Json:
    if fault.kind in _STAND_IN_BY_KIND:
        return copy(_STAND_IN_BY_KIND[fault.kind])  # it is filled in later
    return _STAND_IN_BY_FIELD.get(fault.field, Tolerated(UNKNOWN_ID))


def _states_vat(tariff: Json) -> bool:
    elements = value_at(tariff, ("elements",))
    lists = [value_at(element, ("price_components",)) for element in (elements if is_list(elements) else ())]
    return any(value_at(part, ("vat",)) is not None for parts in lists if is_list(parts) for part in parts)
