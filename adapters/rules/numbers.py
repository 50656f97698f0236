"""Tolerances on numbers outside of money."""

import re
from decimal import Decimal

from adapters.rules.rule import Fault, ReadInstead, Rule
from adapters.rules.stakes import is_money

_PLAIN_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")


class NumberAsText(Rule):
    """A quoted number, `"230"`: read when it is a plain decimal. A comma is never read (dialects 68, 69)."""

    code = "tolerance.number_as_text"
    faults = frozenset({"number_type", "whole_type"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        if is_money(fault) or not isinstance(fault.value, str):
            return None
        return ReadInstead(Decimal(fault.value)) if _PLAIN_NUMBER.fullmatch(fault.value) else None


class WholeWithFraction(Rule):
    """`230.0` where an integer belongs: the same number (trap 54). `230.5` is not."""

    code = "tolerance.whole_number_with_fraction"
    faults = frozenset({"whole_fraction"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        if not isinstance(fault.value, Decimal) or fault.value != fault.value.to_integral_value():
            return None
        return None if fault.family == "Cdr" else ReadInstead(int(fault.value))
