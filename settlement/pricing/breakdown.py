"""What goes into the pricing engine, what comes out, and the word for what cannot be priced."""

from collections.abc import Sequence
from decimal import Decimal

from canonical.cdr import CostComponent, CostLine, Discount
from canonical.model import CanonicalModel, Finding, Identifier, Instant, Number, Percentage
from canonical.money import Currency, Price, TaxLine
from canonical.session import ChargingPeriod
from canonical.tariff import TariffDimension


class Unpriceable(Exception):
    """There is no price, which is not a price of zero. The findings say why, by code."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("; ".join(f"{f.code}: {f.message}" for f in findings))
        self.findings = tuple(findings)

    @classmethod
    def because(cls, code: str, message: str, where: str | None = None) -> "Unpriceable":
        return cls([Finding(code=code, message=message, where=where, blocks=True)])


class NetUnknown(Unpriceable):
    """Prices include a tax of unknown rate: what the driver pays is known, and what is left without tax is not."""

    def __init__(self, findings: Sequence[Finding], currency: str, after_tax: Decimal | None) -> None:
        super().__init__(findings)
        self.currency = currency
        self.after_tax = after_tax
        """Before rounding, and within the limits. None: the tax of another price is unknown as well, or a limit before
        tax alone may bind.
        """


class Sample(CanonicalModel):
    """A signed meter reading: kWh since the session began."""

    at: Instant
    kwh: Number


class Charge(CanonicalModel):
    """A charging session as the engine sees it.

    Durations come from `start`, the starts of the periods and `end`, never from volumes in hours, which are
    rounded. `time_zone` is the IANA zone of the charge point; it may be empty when the tariff reads no clock.
    """

    start: Instant
    end: Instant
    periods: tuple[ChargingPeriod, ...]
    time_zone: str
    reservation_expired: bool = False
    """The EVSE was reserved and nobody came: RESERVATION_EXPIRES elements apply."""
    discounts: tuple[Discount, ...] = ()
    """What subscriptions take off, each a share of the undiscounted price."""
    samples: tuple[Sample, ...] = ()
    """Signed readings, by which a period may be split where the price changes within it."""


class Usage(CanonicalModel):
    """What was used at one price, and why that price: exact, before any rounding.

    `unit` is kWh, h or 1. `billed` is `measured` and what the step size adds. A discount or a limit has no dimension
    and no place in a tariff. `element` and `component_index` count from 0. `after_tax` None: the tax is unknown.
    """

    component: CostComponent
    dimension: TariffDimension | None
    unit: str
    measured: Number
    billed: Number
    step_added: Number
    unit_price: Number
    tariff_id: Identifier | None
    element: int | None
    component_index: int | None
    why: str
    before_tax: Number
    after_tax: Number | None
    tax_percent: Percentage | None


class ExactTotal(CanonicalModel):
    """The total before rounding: finite decimals to the last digit, others to 12 decimals."""

    before_tax: Number
    after_tax: Number | None


class RateTotal(CanonicalModel):
    """Base and tax of one rate. `percent` None is an unknown rate, or none: `tax` tells (None is unknown)."""

    percent: Percentage | None
    base: Number
    tax: Number | None


class Breakdown(CanonicalModel):
    """A price that explains itself: lines that name the exact tariff element, and totals that are their
    sums.
    """

    currency: Currency
    lines: tuple[CostLine, ...]
    rates: tuple[RateTotal, ...]
    net: Number
    gross: Number | None
    """None: the tariff states no tax rate, so what the customer pays is not known."""
    taxed: bool
    """False when the tariff says that tax does not apply; then `gross` equals `net`."""
    notes: tuple[Finding, ...] = ()
    exact: ExactTotal
    usages: tuple[Usage, ...]
    """One for each price that applied, in the order of the lines; then discounts, and what a limit changed."""

    def total(self) -> Price:
        return self._price(self.lines)

    def component(self, *components: CostComponent) -> Price | None:
        """What one component costs, or several together; None when nothing was billed for them."""
        lines = [line for line in self.lines if line.component in components]
        return self._price(lines) if lines else None

    def _price(self, lines: Sequence[CostLine]) -> Price:
        net = sum((line.net for line in lines), Decimal(0))
        rates = rate_totals(lines)
        if any(rate.tax is None for rate in rates):
            return Price(currency=self.currency, before_tax=net)
        taxes = _tax_totals(lines) if self.taxed else ()
        after_tax = net + sum((tax.amount for tax in taxes), Decimal(0))
        return Price(currency=self.currency, before_tax=net, after_tax=after_tax, taxes=taxes)


def _tax_totals(lines: Sequence[CostLine]) -> tuple[TaxLine, ...]:
    """The taxes of the lines, each by name and rate, lowest rate first."""
    amounts: dict[tuple[str, str | None, Decimal | None], Decimal] = {}
    for tax in (tax for line in lines for tax in line.taxes):
        key = (tax.name, tax.account_number, tax.percentage)
        amounts[key] = amounts.get(key, Decimal(0)) + tax.amount
    ordered = sorted(amounts, key=lambda key: (key[2] is None, key[2] or 0))
    return tuple(TaxLine(name=k[0], account_number=k[1], percentage=k[2], amount=amounts[k]) for k in ordered)


def rate_totals(lines: Sequence[CostLine]) -> tuple[RateTotal, ...]:
    """The lines by tax rate, lowest first; lines without a rate come last."""
    rates = sorted({line.tax_percent for line in lines}, key=lambda r: (r is None, r or 0))
    return tuple(_rate_total(rate, [line for line in lines if line.tax_percent == rate]) for rate in rates)


def _rate_total(rate: Decimal | None, lines: Sequence[CostLine]) -> RateTotal:
    taxes = [line.tax for line in lines if line.tax is not None]
    return RateTotal(
        percent=rate,
        base=sum((line.net for line in lines), Decimal(0)),
        tax=sum(taxes, Decimal(0)) if len(taxes) == len(lines) else None,
    )
