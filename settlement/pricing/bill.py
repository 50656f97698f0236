"""The lines of a bill, their sums, and the working beneath them: prices, then discounts, then limits."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from canonical.cdr import CostComponent, Discount
from canonical.model import Finding
from canonical.money import TaxLine
from canonical.tariff import Tariff, TaxIncluded
from settlement.pricing.amounts import Rounded, Rounder
from settlement.pricing.breakdown import Breakdown, ExactTotal, NetUnknown, rate_totals
from settlement.pricing.exact import Exact, decimal_of
from settlement.pricing.levies import UNTAXED, Levy
from settlement.pricing.limits import Totals, limited
from settlement.pricing.policy import PricingPolicy
from settlement.pricing.tally import Item
from settlement.pricing.trusted import trusted
from settlement.pricing.writing import Writer, off


@dataclass(slots=True)
class _Entry:
    """A line: as it is rounded, and exactly."""

    component: CostComponent
    levy: Levy
    rounded: Rounded
    stated: Exact
    net: Exact
    gross: Exact | None


@dataclass(slots=True)
class _Group:
    """All lines under the same taxes."""

    levy: Levy
    net: int
    taxes: list[int]


class Bill:
    """One charge, line by line. Exact amounts are in `parts` of the currency."""

    def __init__(self, policy: PricingPolicy, currency: str, parts: int) -> None:
        self.notes: list[Finding] = []
        self._currency = currency
        self._parts = parts
        self._round = Rounder(policy, currency, parts)
        self._entries: list[_Entry] = []
        self._writer = Writer(currency, self._round, parts)
        self._net_unknown = False
        self._limited: Totals | None = None
        self._limited_before_tax_alone = False

    def add(self, item: Item) -> None:
        """What was used at one price."""
        quote, billed = item.quote, item.billed
        stated = quote.stated * billed
        levy = quote.levy
        net = quote.net * billed if quote.net is not None else stated
        gross = quote.gross * billed if quote.gross is not None else None if stated else 0
        self._net_unknown |= quote.net is None and bool(stated)
        entry = _Entry(quote.component, levy, self._round.line(levy, stated), stated, net, gross)
        self._entries.append(entry)
        self._writer.price(item, entry.rounded, Totals(net, gross))

    def take_off(self, discounts: Sequence[Discount]) -> None:
        """Discounts: each is a share of the undiscounted price, and together they are never more than all of it."""
        entries = list(self._entries)
        given: dict[str, tuple[Fraction, int]] = {}
        taken: dict[CostComponent, Fraction] = {}
        for discount in discounts:
            shares = self._shares(discount, entries, taken)
            for levy in {entry.levy.key: entry.levy for entry in entries if shares.get(entry.component)}.values():
                of_levy = [e for e in entries if e.levy.key == levy.key and e.component in shares]
                self._take_off(discount, levy, [(e, shares[e.component]) for e in of_levy], given)

    def limit(self, tariff: Tariff, *, at_least: bool) -> None:
        """Bring the total within the tariff's limits, on lines of their own: one a tax rate, in proportion to what was
        billed at that rate. OCPI does not say how to split it.
        """
        if tariff.min_price is None and tariff.max_price is None:
            return
        limits = (tariff.min_price, tariff.max_price)
        self._limited_before_tax_alone = any(limit is not None and limit.after_tax is None for limit in limits)
        exactly, rounded = self._exactly(), self._rounded()
        self._limited = limited(exactly, tariff, self._parts, at_least=at_least)
        if self._round.by_line:
            within = limited(rounded, tariff, self._round.units, at_least=at_least)
            gross = None if within.gross is None else self._round.nearest(within.gross)
            billed = Totals(self._round.nearest(within.net), gross)
        else:
            billed = self._rounded_where_bound(exactly, rounded)
        if billed != rounded:
            self._write_limits(rounded, billed)
        if self._limited != exactly:
            self._write_limit_usage(tariff, exactly, self._limited)

    def breakdown(self, notes: Iterable[Finding], *, taxed: bool) -> Breakdown:
        """Raises NetUnknown when prices include a tax of unknown rate."""
        final = self._limited or self._exactly()
        if self._net_unknown:
            raise self._refusal(final.gross)
        rates = rate_totals(self._writer.lines)
        net = sum((line.net for line in self._writer.lines), self._round.money(0))
        taxes = [rate.tax for rate in rates if rate.tax is not None]
        return trusted(
            Breakdown,
            currency=self._currency,
            lines=tuple(self._writer.lines),
            rates=rates,
            net=net,
            gross=sum(taxes, net) if len(taxes) == len(rates) else None,
            taxed=taxed,
            notes=(*notes, *self.notes),
            exact=trusted(
                ExactTotal,
                before_tax=decimal_of(final.net, self._parts),
                after_tax=None if final.gross is None else decimal_of(final.gross, self._parts),
            ),
            usages=tuple(self._writer.usages),
        )

    def _refusal(self, gross: Exact | None) -> NetUnknown:
        finding = Finding(
            code="pricing.net_unknown",
            message="prices include tax, and the tariff does not say how much of it",
            where="elements.price_components.vat",
            blocks=True,
        )
        if gross is None or self._limited_before_tax_alone:
            return NetUnknown([finding], self._currency, None)
        return NetUnknown([finding], self._currency, decimal_of(gross, self._parts))

    def _exactly(self) -> Totals:
        gross = [entry.gross for entry in self._entries if entry.gross is not None]
        known = len(gross) == len(self._entries)
        return Totals(sum(entry.net for entry in self._entries), sum(gross) if known else None)

    def _rounded(self) -> Totals:
        net = sum(entry.rounded.net for entry in self._entries)
        taxes = [entry.rounded.taxes for entry in self._entries]
        if any(each is None for each in taxes):
            return Totals(net, None)
        return Totals(net, net + sum(sum(each) for each in taxes if each))

    def _rounded_where_bound(self, exactly: Totals, rounded: Totals) -> Totals:
        """The limited total, rounded from its exact amounts; a side that no limit changed is what the lines sum to."""
        final = self._limited or exactly
        net = rounded.net if final.net == exactly.net else self._round.in_units(final.net)
        if final.gross is None:
            return Totals(net, None)
        return Totals(net, rounded.gross if final.gross == exactly.gross else self._round.in_units(final.gross))

    def _shares(
        self, discount: Discount, entries: Sequence[_Entry], taken: dict[CostComponent, Fraction]
    ) -> dict[CostComponent, Fraction]:
        """What `discount` takes off each component that was billed; `taken` is brought forward."""
        shares: dict[CostComponent, Fraction] = {}
        for component in dict.fromkeys(entry.component for entry in entries):
            if discount.components and component not in discount.components:
                continue
            wanted, left = Fraction(discount.percent) / 100, 1 - taken.get(component, Fraction(0))
            shares[component] = min(wanted, left)
            taken[component] = taken.get(component, Fraction(0)) + shares[component]
            if wanted > left:
                self.notes.append(
                    Finding(
                        code="pricing.discount_capped",
                        message=f"{discount.name} would take more off {component} than it costs",
                        where="discounts",
                    )
                )
        return {component: share for component, share in shares.items() if share}

    def _take_off(
        self,
        discount: Discount,
        levy: Levy,
        shares: Sequence[tuple[_Entry, Fraction]],
        given: dict[str, tuple[Fraction, int]],
    ) -> None:
        stated = -sum((share * entry.stated for entry, share in shares), Fraction(0))
        if not stated:
            return
        net = -sum((share * entry.net for entry, share in shares), Fraction(0))
        known = all(entry.gross is not None for entry, _ in shares)
        gross = -sum((share * entry.gross for entry, share in shares if entry.gross is not None), Fraction(0))
        before, rounded_before = given.get(levy.key, (Fraction(0), 0))
        after = before - sum((share * entry.rounded.stated for entry, share in shares), Fraction(0))
        given[levy.key] = after, self._round.nearest(after)
        rounded = self._round.share(levy, stated, Fraction(given[levy.key][1] - rounded_before))
        entry = _Entry(CostComponent.DISCOUNT, levy, rounded, stated, net, gross if known else None)
        self._entries.append(entry)
        why = f"{discount.name}: {off(discount.percent, discount.components)}"
        taxes = None if rounded.taxes is None else self._writer.taxes(levy, rounded.taxes)
        self._writer.adjustment(CostComponent.DISCOUNT, levy, rounded.net, taxes, why)
        self._writer.working(CostComponent.DISCOUNT, levy.percent, Totals(net, entry.gross), why)

    def _write_limits(self, before: Totals, after: Totals) -> None:
        note = _limit_note(before, after)
        groups = self._groups()
        net_change = int(after.net - before.net)
        tax_change = None
        if before.gross is not None and after.gross is not None:
            tax_change = int((after.gross - after.net) - (before.gross - before.net))
        if not before.net:
            groups = groups if len(groups) == 1 else [_Group(UNTAXED, 0, [])]
            nets = iter([net_change])
        else:
            nets = self._round.portions(net_change, [group.net for group in groups])
        for group, net, taxes in zip(groups, nets, self._limit_taxes(tax_change, groups), strict=True):
            self._writer.adjustment(CostComponent.LIMIT, group.levy, net, taxes, note)

    def _groups(self) -> list[_Group]:
        """The lines by their taxes, lowest rate first; lines without a rate come last."""
        groups: dict[str, _Group] = {}
        for entry in self._entries:
            group = groups.setdefault(entry.levy.key, _Group(entry.levy, 0, [0] * len(entry.levy.taxes)))
            group.net += entry.rounded.net
            group.taxes = [sum(pair) for pair in zip(group.taxes, entry.rounded.taxes or group.taxes, strict=True)]
        return sorted(groups.values(), key=lambda g: (g.levy.percent is None, g.levy.percent or 0))

    def _limit_taxes(self, change: int | None, groups: Sequence[_Group]) -> Iterator[tuple[TaxLine, ...] | None]:
        """The change of each group's taxes, in proportion to what they are. None: unknown."""
        if change is None:
            yield from [None] * len(groups)
            return
        amounts = [amount for group in groups for amount in group.taxes]
        if not sum(amounts):
            yield self._writer.unnamed_tax(change)
            yield from [()] * (len(groups) - 1)
            return
        portions = self._round.portions(change, amounts)
        for group in groups:
            yield self._writer.taxes(group.levy, [next(portions) for _ in group.levy.taxes])

    def _write_limit_usage(self, tariff: Tariff, before: Totals, after: Totals) -> None:
        gross = None if before.gross is None or after.gross is None else after.gross - before.gross
        percents = {entry.levy.percent for entry in self._entries}
        why = f"{_limit_note(before, after)} of tariff {tariff.id}"
        percent = next(iter(percents)) if len(percents) == 1 else None
        self._writer.working(CostComponent.LIMIT, percent, Totals(after.net - before.net, gross), why)


def is_taxed(tariff: Tariff) -> bool:
    return tariff.tax_included is not TaxIncluded.NOT_APPLICABLE


def _limit_note(before: Totals, after: Totals) -> str:
    if before.net == after.net and before.gross is not None and after.gross is not None:
        return "minimum price" if after.gross > before.gross else "maximum price"
    return "minimum price" if after.net > before.net else "maximum price"
