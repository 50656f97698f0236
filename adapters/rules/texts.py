"""Tolerances on texts for people. Identifiers are never cut, padded or guessed."""

from decimal import Decimal

from adapters.rules.rule import Fault, ReadInstead, Rule, Tolerated
from adapters.rules.stakes import is_money, is_site


class LongText(Rule):
    """A text longer than the table allows is kept in full (dialect 75; address and state grew by erratum)."""

    code = "tolerance.long_text"
    faults = frozenset({"text_too_long"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        return ReadInstead(Tolerated(fault.value)) if isinstance(fault.value, str) else None


class LongUrl(Rule):
    """An address longer than 255 characters is kept in full, and goes out in full: half of it leads nowhere."""

    code = "tolerance.long_url"
    faults = frozenset({"url_too_long"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        return ReadInstead(Tolerated(fault.value)) if isinstance(fault.value, str) else None


class UnprintableText(Rule):
    """Line breaks and tabs in texts for people are kept (dialect 71)."""

    code = "tolerance.unprintable_text"
    faults = frozenset({"text_unprintable"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        return ReadInstead(Tolerated(fault.value)) if isinstance(fault.value, str) else None


class NumberForText(Rule):
    """A number where a text belongs, in a site: its digits (dialect 68: coordinates, floor levels).

    Sites only: the uid of a token that lost its quotes has lost its leading zeros as well.
    """

    code = "tolerance.number_for_text"
    faults = frozenset({"text_type"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        if isinstance(fault.value, bool) or not isinstance(fault.value, int | Decimal):
            return None
        return ReadInstead(f"{Decimal(fault.value):f}") if is_site(fault) else None


class EmptyOptionalText(Rule):
    """An empty text in an optional field means that the field is absent (dialect 71)."""

    code = "tolerance.empty_text"
    faults = frozenset({"text_empty", "unlisted", "not_in_enumeration"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        absent = fault.value == "" and fault.removable == fault.path
        return ReadInstead(None) if absent and not is_money(fault) else None
