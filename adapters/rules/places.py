"""Tolerances on where things are, and when they are open."""

import re

from adapters.rules.countries import ALPHA_3
from adapters.rules.rule import Fault, ReadInstead, Rule, Tolerated
from adapters.rules.stakes import is_site

_DEGREES = re.compile(r"-?[0-9]{1,3}(\.[0-9]{1,10})?")


class CountryOfTwoLetters(Rule):
    """ISO 3166-1 alpha-2, or lower case, where alpha-3 belongs (dialect 77)."""

    code = "tolerance.country_code"
    faults = frozenset({"country"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        code = str(fault.value).upper()
        if len(code) == 3 and code in ALPHA_3.values():
            return ReadInstead(code)
        return ReadInstead(ALPHA_3[code]) if code in ALPHA_3 else None


class CoordinateDecimals(Rule):
    """Coordinates with other than the decimals of the version: 6 in 2.1.1, 5 to 7 later (dialect 76)."""

    code = "tolerance.coordinate_decimals"
    faults = frozenset({"coordinate_format"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        text = str(fault.value)
        return ReadInstead(Tolerated(text)) if _DEGREES.fullmatch(text) else None


class TimeOfDaySpelling(Rule):
    """`7:30` or `24:00` in opening hours (dialect 66). Tariffs are read strictly: an hour there is money."""

    code = "tolerance.time_of_day"
    faults = frozenset({"time_of_day"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        text = str(fault.value)
        if not is_site(fault):
            return None
        if re.fullmatch(r"[0-9]:[0-5][0-9]", text):
            return ReadInstead(f"0{text}")
        return ReadInstead(Tolerated(text)) if text == "24:00" else None
