"""From exact amounts to cost lines: rounded once, with tax computed per rate and shared out over the lines.

Sharing out is by running totals: line n gets what the tax of lines 1…n is more than that of lines 1…n-1, so
that the lines of a rate always sum to the tax of the rate, and none is off by more than one unit.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction

from canonical.cdr import CostComponent, CostLine, TariffElementRef
from canonical.tariff import Tariff, TariffDimension, TariffVersionRef, TaxIncluded
from settlement.pricing.breakdown import Unpriceable
from settlement.pricing.policy import PricingPolicy
from settlement.pricing.tally import Item
from settlement.rounding import round_to

_QUANTITY_DECIMALS = 10
"""Quantities on a line are for people and for checks; amounts are computed from exact ones."""

_UNITS = {TariffDimension.ENERGY: "kWh", TariffDimension.FLAT: "1"}
_ZERO = Decimal(0)


def is_taxed(tariff: Tariff) -> bool:
    return tariff.tax_included is not TaxIncluded.NOT_APPLICABLE


def cost_lines(items: Sequence[Item], tariff: Tariff, policy: PricingPolicy) -> tuple[CostLine, ...]:
    """One line an item, in the same order. Raises Unpriceable when the net of a gross price cannot be
    known.
    """
    version = tariff.version()
    so_far: dict[Decimal, Decimal] = {}
    lines: list[CostLine] = []
    for item in items:
        amount = policy.round(item.amount)
        rate = item.price.vat_percent if is_taxed(tariff) else None
        net, tax = _split(amount, rate, tariff, policy, so_far)
        lines.append(_line(item, version, tariff, net=net, tax=tax, rate=rate))
    return tuple(lines)


def _split(
    amount: Decimal,
    rate: Decimal | None,
    tariff: Tariff,
    policy: PricingPolicy,
    so_far: dict[Decimal, Decimal],
) -> tuple[Decimal, Decimal | None]:
    """Net and tax of a price as the tariff states it. Tax None: unknown."""
    if not is_taxed(tariff):
        return amount, _ZERO
    inclusive = tariff.tax_included is TaxIncluded.YES
    if rate is None:
        if inclusive and amount:
            raise Unpriceable.because(
                "pricing.net_unknown",
                "prices include tax, and the tariff does not say how much of it",
                "elements.price_components.vat",
            )
        return amount, None if amount else _ZERO
    share = Fraction(rate) / (100 + Fraction(rate) if inclusive else 100)
    before = so_far.get(rate, _ZERO)
    so_far[rate] = before + amount
    tax = _growth(before, so_far[rate], share, policy.round)
    return (amount - tax if inclusive else amount), tax


def _growth(before: Decimal, after: Decimal, share: Fraction, rounded: Callable[[Fraction], Decimal]) -> Decimal:
    return rounded(Fraction(after) * share) - rounded(Fraction(before) * share)


def _line(
    item: Item,
    version: TariffVersionRef,
    tariff: Tariff,
    *,
    net: Decimal,
    tax: Decimal | None,
    rate: Decimal | None,
) -> CostLine:
    return CostLine(
        component=item.component,
        measured=_quantity(item.measured),
        quantity=_quantity(item.billed),
        unit=_UNITS.get(item.price.dimension, "h"),
        unit_price=item.price.price,
        currency=tariff.currency,
        net=net,
        tax_name="VAT" if rate is not None else None,
        tax_percent=rate,
        tax=tax,
        gross=None if tax is None else net + tax,
        source=TariffElementRef(tariff=version, element=item.selected.element, component=item.selected.component),
        note=_step_note(item),
    )


def _quantity(exact: Fraction) -> Decimal:
    text = f"{round_to(exact, _QUANTITY_DECIMALS):f}"
    return Decimal(text.rstrip("0").rstrip(".") or "0")


def _step_note(item: Item) -> str | None:
    if item.billed == item.measured or item.component is CostComponent.FLAT:
        return None
    unit = "Wh" if item.component is CostComponent.ENERGY else "s"
    return f"begun steps of {item.price.step_size} {unit} are billed in full"
