"""Price: an amount before taxes, and the taxes on it; and the limits of a tariff."""

from decimal import Decimal
from typing import Final

from adapters.document import Document
from adapters.ocpi.fields import fields
from canonical.money import Price, TaxLine

_VAT: Final = "VAT"


def price(source: Price | None) -> Document | None:
    """Where only the sum after tax is known, one line says the difference: `VAT`, without a rate.

    That there is no tax is said by a line of 0: an empty list would say that the tax is not known.
    """
    if source is None:
        return None
    lines = [_line(tax) for tax in source.taxes or ()]
    gross = source.before_tax if source.taxes is not None else source.after_tax
    if not lines and gross is not None:
        lines = [_line(TaxLine(name=_VAT, amount=gross - source.before_tax))]
    return fields(before_taxes=source.before_tax, taxes=list(lines))


def untaxed(source: Price | None) -> Document | None:
    """A price where tax does not apply: no lines, but for those that its owner wrote."""
    if source is None:
        return None
    return fields(before_taxes=source.before_tax, taxes=[_line(tax) for tax in source.taxes or ()])


def limit(source: Price | None) -> Document | None:
    if source is None:
        return None
    gross = source.after_tax
    if gross is None and source.taxes is not None:
        gross = source.before_tax + sum((tax.amount for tax in source.taxes), Decimal(0))
    return fields(before_taxes=source.before_tax, after_taxes=gross)


def _line(tax: TaxLine) -> Document:
    return fields(name=tax.name, account_number=tax.account_number, percentage=tax.percentage, amount=tax.amount)
