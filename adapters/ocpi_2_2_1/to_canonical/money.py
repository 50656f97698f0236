"""Price: what is known of tax, and what is not."""

from adapters.ocpi_2_2_1.wire.places import Price as WirePrice
from canonical.money import Price


def price(source: WirePrice, currency: str) -> Price:
    """`incl_vat` absent is unknown tax, never no tax. No tax lines: the version has only the two sums."""
    return Price(currency=currency, before_tax=source.excl_vat, after_tax=source.incl_vat)
