"""Lines and working as a bill shows them. The amounts come ready: nothing is computed here but their sums."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from canonical.cdr import CostComponent, CostLine
from canonical.money import TaxLine
from settlement.pricing.amounts import Rounded, Rounder
from settlement.pricing.breakdown import Usage
from settlement.pricing.exact import decimal_of
from settlement.pricing.levies import Levy
from settlement.pricing.limits import Totals
from settlement.pricing.quotes import Quote
from settlement.pricing.tally import Item
from settlement.pricing.trusted import trusted

_ONE = Decimal(1)
_ZERO = Decimal(0)


class Writer:
    """Writes the lines of one bill. Exact amounts are in `parts` of the currency."""

    def __init__(self, currency: str, rounder: Rounder, parts: int) -> None:
        self.lines: list[CostLine] = []
        self.usages: list[Usage] = []
        self._currency = currency
        self._money = rounder.money
        self._parts = parts

    def price(self, item: Item, rounded: Rounded, exactly: Totals) -> None:
        """What was used at one price."""
        quote, measured, billed = item
        price, levy, source = quote.price, quote.levy, quote.source
        used = decimal_of(measured, quote.units)
        quantity = used if billed == measured else decimal_of(billed, quote.units)
        net = self._money(rounded.net)
        tax = None if rounded.taxes is None else self._money(sum(rounded.taxes))
        self.lines.append(
            trusted(
                CostLine,
                component=quote.component,
                measured=used,
                quantity=quantity,
                unit=quote.unit,
                unit_price=price.price,
                currency=self._currency,
                net=net,
                tax_name=levy.name,
                tax_percent=levy.percent,
                tax=tax,
                taxes=self.taxes(levy, rounded.taxes or ()),
                gross=None if tax is None else net + tax,
                source=source,
                note=None if billed == measured else _step_note(quote),
            )
        )
        self.usages.append(
            trusted(
                Usage,
                component=quote.component,
                dimension=price.dimension,
                unit=quote.unit,
                measured=used,
                billed=quantity,
                step_added=_ZERO if billed == measured else decimal_of(billed - measured, quote.units),
                unit_price=price.price,
                tariff_id=quote.tariff.id,
                element=source.element,
                component_index=source.component,
                why=quote.why,
                before_tax=decimal_of(exactly.net, self._parts),
                after_tax=None if exactly.gross is None else decimal_of(exactly.gross, self._parts),
                tax_percent=levy.percent,
            )
        )

    def adjustment(
        self, component: CostComponent, levy: Levy, net: int, taxes: tuple[TaxLine, ...] | None, note: str
    ) -> None:
        """What a discount or a limit changes at one tax rate."""
        amount = self._money(net)
        tax = None if taxes is None else sum((each.amount for each in taxes), self._money(0))
        self.lines.append(
            trusted(
                CostLine,
                component=component,
                measured=_ONE,
                quantity=_ONE,
                unit="1",
                unit_price=amount,
                currency=self._currency,
                net=amount,
                tax_name=levy.name,
                tax_percent=levy.percent,
                tax=tax,
                taxes=taxes or (),
                gross=None if tax is None else amount + tax,
                note=note,
            )
        )

    def working(self, component: CostComponent, percent: Decimal | None, change: Totals, why: str) -> None:
        """The same, exactly."""
        before_tax = decimal_of(change.net, self._parts)
        self.usages.append(
            trusted(
                Usage,
                component=component,
                dimension=None,
                unit="1",
                measured=_ONE,
                billed=_ONE,
                step_added=_ZERO,
                unit_price=before_tax,
                tariff_id=None,
                element=None,
                component_index=None,
                why=why,
                before_tax=before_tax,
                after_tax=None if change.gross is None else decimal_of(change.gross, self._parts),
                tax_percent=percent,
            )
        )

    def taxes(self, levy: Levy, amounts: Iterable[int]) -> tuple[TaxLine, ...]:
        return tuple(
            trusted(
                TaxLine,
                name=tax.rate.name,
                account_number=tax.rate.account_number,
                percentage=tax.rate.percent,
                amount=self._money(amount),
            )
            for tax, amount in zip(levy.taxes, amounts, strict=False)
        )

    def unnamed_tax(self, amount: int) -> tuple[TaxLine, ...]:
        """A tax of which nobody says the rate."""
        return (trusted(TaxLine, name="VAT", amount=self._money(amount)),) if amount else ()


def off(percent: Decimal, components: Sequence[CostComponent]) -> str:
    """`10 % off energy, time`."""
    return f"{percent:f} % off {', '.join(component.value.lower() for component in components) or 'everything'}"


def _step_note(quote: Quote) -> str:
    unit = "Wh" if quote.unit == "kWh" else "s"
    return f"begun steps of {quote.price.step_size} {unit} are billed in full"
