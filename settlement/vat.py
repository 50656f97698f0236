"""VAT of an invoice. Which treatment applies between two parties is configuration, decided by people who
may decide it.

Amounts are computed once per rate on the summed base (EN 16931, BR-CO-17), not as a sum of the VAT of CDRs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType

from canonical.settlement import InvoiceLine, VatGroup
from settlement.rounding import round_to

_ZERO = Decimal(0)


class VatTreatment(StrEnum):
    """How an invoice between two parties is taxed."""

    STANDARD = "STANDARD"
    """At the rates of the CDRs."""
    REVERSE_CHARGE = "REVERSE_CHARGE"
    """The recipient owes the tax (Directive 2006/112/EC, articles 38 and 194 to 199a)."""
    EXEMPT = "EXEMPT"
    OUTSIDE_SCOPE = "OUTSIDE_SCOPE"


@dataclass(frozen=True)
class VatRule:
    """`category` is the code of EN 16931 where the treatment, and not the rate, decides it."""

    category: str | None
    note: str | None

    @property
    def charges(self) -> bool:
        """Whether the rates of the CDRs are charged on the invoice."""
        return self.category is None


RULES: Mapping[VatTreatment, VatRule] = MappingProxyType(
    {
        VatTreatment.STANDARD: VatRule(None, None),
        VatTreatment.REVERSE_CHARGE: VatRule("AE", "Reverse charge: VAT is due from the recipient."),
        VatTreatment.EXEMPT: VatRule("E", "Exempt from VAT."),
        VatTreatment.OUTSIDE_SCOPE: VatRule("O", "Not subject to VAT."),
    }
)


def groups(lines: Sequence[InvoiceLine], treatment: VatTreatment, *, decimals: int = 2) -> tuple[VatGroup, ...]:
    """The VAT of invoice lines by rate, lowest rate first."""
    rule = RULES[treatment]
    bases: dict[Decimal, Decimal] = {}
    for line in lines:
        bases[line.vat_percent] = bases.get(line.vat_percent, _ZERO) + line.net
    return tuple(
        VatGroup(
            category=rule.category or ("S" if percent else "Z"),
            percent=percent,
            base=base,
            vat=round_to(Fraction(base) * Fraction(percent) / 100, decimals),
        )
        for percent, base in sorted(bases.items())
    )
