"""Price: an amount before taxes, and the taxes on it; and the limits of a tariff."""

from decimal import Decimal

from adapters.ocpi_2_3_0.wire.places import Price as WirePrice
from adapters.ocpi_2_3_0.wire.tariff import PriceLimit
from canonical.money import Price, TaxLine


def price(source: WirePrice, currency: str) -> Price:
    """No tax lines is unknown tax, never no tax: the version does not tell an empty list from none."""
    if not source.taxes:
        return Price(currency=currency, before_tax=source.before_taxes)
    return _taxed(source, currency)


def untaxed(source: WirePrice, currency: str) -> Price:
    """A price where tax does not apply: then no tax lines is no tax."""
    return _taxed(source, currency)


def limit(source: PriceLimit, currency: str) -> Price:
    return Price(currency=currency, before_tax=source.before_taxes, after_tax=source.after_taxes)


def _taxed(source: WirePrice, currency: str) -> Price:
    taxes = tuple(
        TaxLine(name=tax.name, account_number=tax.account_number, percentage=tax.percentage, amount=tax.amount)
        for tax in source.taxes
    )
    gross = source.before_taxes + sum((tax.amount for tax in taxes), Decimal(0))
    return Price(currency=currency, before_tax=source.before_taxes, after_tax=gross, taxes=taxes)
