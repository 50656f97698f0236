"""Price."""

from adapters.document import Document
from adapters.ocpi.fields import fields
from canonical.money import Price


def price(source: Price | None) -> Document | None:
    """`incl_vat` only where the tax is known: stated, or the sum of all taxes."""
    if source is None:
        return None
    gross = source.after_tax
    if gross is None and source.taxes is not None:
        gross = source.before_tax + sum(tax.amount for tax in source.taxes)
    return fields(excl_vat=source.before_tax, incl_vat=gross)
