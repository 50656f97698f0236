"""The engine and the oracle asked the same, and where their answers differ."""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from canonical.cdr import CostComponent
from settlement.pricing import Breakdown, NetUnknown, Unpriceable, price
from settlement.pricing.policy import PriceChange
from tests.settlement import oracle
from tests.settlement.pricing_cases import Case

Number = Decimal | Fraction | int
_SPANS = "pricing.period_spans_price_change"
_NEAR = Fraction(1, 10**9)
"""Exact amounts that have no end are given to twelve decimals. What is billed has at most four, and has to be equal."""


def engine(case: Case) -> Breakdown | Unpriceable:
    """The price, or what stands against one."""
    try:
        return price(case.charge, case.tariffs, case.policy)
    except Unpriceable as refused:
        return refused


def codes(got: Breakdown | Unpriceable) -> list[str]:
    return [finding.code for finding in (got.notes if isinstance(got, Breakdown) else got.findings)]


def disagreements(case: Case, got: Breakdown | Unpriceable, session: oracle.Session | None = None) -> Iterator[str]:
    """Where the engines differ, in words. The oracle may be given the session in other periods."""
    if isinstance(got, NetUnknown):
        gross_alone = oracle.gross_alone(session or case.charge, case.tariffs, case.rules)
        yield from _unlike("gross without a net", got.after_tax, gross_alone)
    try:
        expected = oracle.answer(session or case.charge, case.tariffs, case.rules)
    except oracle.NoPriceError as refused:
        if isinstance(got, Breakdown):
            yield f"the oracle refuses ({refused}), the engine says {got.net}"
        return
    if isinstance(got, Unpriceable):
        if not _refused_for_a_change(case):
            yield f"the engine refuses ({got}), the oracle says {float(expected.total.net)}"
        return
    for component in CostComponent:
        part = expected.parts.get(component, oracle.FREE)
        usages = [usage for usage in got.usages if usage.component is component]
        after_tax = [usage.after_tax for usage in usages]
        gross = None if None in after_tax else sum(Fraction(amount) for amount in after_tax if amount is not None)
        yield from _unlike(f"{component} net", sum(Fraction(u.before_tax) for u in usages), part.net)
        yield from _unlike(f"{component} gross", gross, part.gross)
    for (component, costs), quantity in expected.quantities.items():
        # Whether what is free has a price of zero or none at all is not reason enough for a cut.
        if costs or session is None:
            usages = [u for u in got.usages if u.component == component and bool(u.unit_price) is costs]
            yield from _unlike(f"{component} quantity", sum(Fraction(u.billed) for u in usages), quantity)
    yield from _unlike("exact net", got.exact.before_tax, expected.total.net)
    yield from _unlike("exact gross", got.exact.after_tax, expected.total.gross)
    yield from _unlike("billed net", got.net, expected.rounded_net)
    yield from _unlike("billed gross", got.gross, expected.rounded_gross)


def unlike_in_notes(case: Case, got: Breakdown | Unpriceable) -> Iterator[str]:
    """A period within which a price changes has a note that says so, or no price by such a policy; no other has."""
    noted = _SPANS in codes(got)
    if not isinstance(got, Breakdown) and not noted:
        return
    try:
        changes = oracle.price_changes_inside(case.charge, case.tariffs, case.rules)
    except oracle.NoPriceError:
        return
    if changes is not None and changes is not noted:
        yield f"a price {'changes' if changes else 'does not change'} within a period, and the engine says otherwise"


def _refused_for_a_change(case: Case) -> bool:
    """Whether a policy that wants no price to change within a period may refuse this one: it changes, or that is not
    known.
    """
    if case.policy.price_change is not PriceChange.REFUSE:
        return False
    try:
        return oracle.price_changes_inside(case.charge, case.tariffs, case.rules) is not False
    except oracle.NoPriceError:
        return True


def _unlike(what: str, engines: Number | None, oracles: Number | None) -> Iterator[str]:
    if engines is None or oracles is None:
        if engines is not oracles:
            yield f"{what}: engine {engines}, oracle {oracles}"
    elif abs(Fraction(engines) - Fraction(oracles)) > _NEAR:
        yield f"{what}: engine {engines}, oracle {float(oracles)}"
