"""What goes into the pricing engine, what comes out, and the word for what cannot be priced."""

from collections.abc import Sequence
from decimal import Decimal

from canonical.cdr import CostComponent, CostLine
from canonical.model import CanonicalModel, Finding, Instant, Number, Percentage
from canonical.money import Currency, Price, TaxLine
from canonical.session import ChargingPeriod


class Unpriceable(Exception):
    """There is no price, which is not a price of zero. The findings say why, by code."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("; ".join(f"{f.code}: {f.message}" for f in findings))
        self.findings = tuple(findings)

    @classmethod
    def because(cls, code: str, message: str, where: str | None = None) -> "Unpriceable":
        return cls([Finding(code=code, message=message, where=where, blocks=True)])


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

    def total(self) -> Price:
        return self._price(self.lines)

    def component(self, component: CostComponent) -> Price | None:
        """What one component costs; None when nothing was billed for it."""
        lines = [line for line in self.lines if line.component is component]
        return self._price(lines) if lines else None

    def _price(self, lines: Sequence[CostLine]) -> Price:
        net = sum((line.net for line in lines), Decimal(0))
        rates = rate_totals(lines)
        if any(rate.tax is None for rate in rates):
            return Price(currency=self.currency, before_tax=net)
        taxes = tuple(
            TaxLine(name="VAT", percentage=rate.percent, amount=rate.tax or Decimal(0))
            for rate in rates
            if self.taxed and rate.percent is not None
        )
        after_tax = net + sum((tax.amount for tax in taxes), Decimal(0))
        return Price(currency=self.currency, before_tax=net, after_tax=after_tax, taxes=taxes)


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
