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


class PriceAsText(Rule):
    """A quoted price in the copy of a tariff in a CDR, `"2.00"`: so the example of 2.1.1 itself (dialect 68, trap 53).

    Refusing the record would lose it. It is read when it is a plain decimal, and waits for a person: the sum that is
    owed does not rest on this copy, but its check may.
    """

    code = "tolerance.price_as_text"
    faults = frozenset({"number_type"})
    blocks = True

    def repair(self, fault: Fault) -> ReadInstead | None:
        in_copy = fault.family == "Cdr" and fault.path[0] == "tariffs" and fault.field == "price"
        if not in_copy or not isinstance(fault.value, str) or not _PLAIN_NUMBER.fullmatch(fault.value):
            return None
        return ReadInstead(Decimal(fault.value))


class WholeWithFraction(Rule):
    """`230.0` where an integer belongs: the same number (trap 54). `230.5` is not."""

    code = "tolerance.whole_number_with_fraction"
    faults = frozenset({"whole_fraction"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        if not isinstance(fault.value, Decimal) or fault.value != fault.value.to_integral_value():
            return None
        return None if fault.family == "Cdr" else ReadInstead(int(fault.value))
