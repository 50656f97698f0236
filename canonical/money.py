"""Money: exact, with a currency, and with what is known about tax kept apart from what is not."""

from decimal import Decimal
from typing import Annotated, Self

from pydantic import StringConstraints, model_validator

from canonical.model import CanonicalModel, Number, Percentage

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
"""ISO 4217 alphabetic code."""


class TaxLine(CanonicalModel):
    """One tax on one amount. `percentage` is absent where the tax is not a rate."""

    name: str
    account_number: str | None = None
    percentage: Percentage | None = None
    amount: Number


class Price(CanonicalModel):
    """An amount before tax, and what is known of the tax on it.

    `taxes` None means that the sender did not break the tax down; an empty tuple means that there is none.
    `after_tax` None means unknown, which is not zero and not equal to `before_tax`
    (OCPI 2.2.1 types, Price; 2.1.1 sends net amounts alone).
    """

    currency: Currency
    before_tax: Number
    after_tax: Number | None = None
    taxes: tuple[TaxLine, ...] | None = None

    @model_validator(mode="after")
    def _tax_lines_explain_the_gross(self) -> Self:
        if self.taxes is not None and self.after_tax is not None:
            explained = self.before_tax + sum((tax.amount for tax in self.taxes), Decimal(0))
            if explained != self.after_tax:
                raise ValueError(f"tax lines give {explained}, after_tax says {self.after_tax}")
        return self
