"""Which taxes are on a price, and which part of an amount they are."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from canonical.tariff import PriceComponent, TaxIncluded, TaxRate


@dataclass(frozen=True, eq=False, slots=True)
class Tax:
    """One tax, and its part of an amount as the tariff states it. `key` is the same for the same tax of any price."""

    rate: TaxRate
    share: Fraction
    key: str


@dataclass(frozen=True, eq=False, slots=True)
class Levy:
    """The taxes on a price. `percent` is their sum; None: no tax applies, or (`known` False) nobody says which."""

    percent: Decimal | None
    taxes: tuple[Tax, ...]
    inclusive: bool
    """Amounts are stated with tax."""
    known: bool
    key: str
    """The same for prices under the same taxes."""

    @property
    def name(self) -> str | None:
        return ", ".join(tax.rate.name for tax in self.taxes) or None

    @property
    def net_share(self) -> Fraction | None:
        """Of an amount as stated."""
        if not self.inclusive:
            return Fraction(1)
        return 1 - self._taxed() if self.known else None

    @property
    def gross_share(self) -> Fraction | None:
        if self.inclusive:
            return Fraction(1)
        return 1 + self._taxed() if self.known else None

    def _taxed(self) -> Fraction:
        return sum((tax.share for tax in self.taxes), Fraction(0))


def levy_on(price: PriceComponent, tax_included: TaxIncluded) -> Levy:
    """The taxes on a price; a single rate without a name is VAT."""
    if tax_included is TaxIncluded.NOT_APPLICABLE:
        return UNTAXED
    inclusive = tax_included is TaxIncluded.YES
    side = "with tax" if inclusive else "without tax"
    if price.vat_percent is None:
        return Levy(None, (), inclusive=inclusive, known=False, key=f"unknown, {side}")
    rates = price.taxes or (TaxRate(name="VAT", percent=price.vat_percent),)
    whole = 100 + Fraction(price.vat_percent) if inclusive else Fraction(100)
    taxes = tuple(_tax(rate, Fraction(rate.percent) / whole) for rate in rates)
    key = f"{side}: {'; '.join(tax.key for tax in taxes)}"
    return Levy(price.vat_percent, taxes, inclusive=inclusive, known=True, key=key)


def _tax(rate: TaxRate, share: Fraction) -> Tax:
    return Tax(rate, share, f"{rate.name} {rate.account_number or ''} {Fraction(rate.percent)} {share}")


UNTAXED: Final = Levy(None, (), inclusive=False, known=True, key="untaxed")
