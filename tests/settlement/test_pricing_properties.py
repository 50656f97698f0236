"""What holds of every price, whatever the tariff and the session."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from canonical.cdr import CostComponent, Discount
from canonical.session import ChargingPeriod, Volume, VolumeDimension
from canonical.tariff import (
    PriceComponent,
    Tariff,
    TariffDimension,
    TariffElement,
    TariffRestrictions,
    TaxIncluded,
    TaxRate,
)
from settlement.pricing import Breakdown, Charge, Pricer, PricingPolicy, price
from settlement.pricing.policy import RoundingPlace, StepSizeReading
from settlement.rounding import Rounding
from tests.settlement.build import BERLIN, component, element, tariff

_QUICK = settings(max_examples=20, deadline=None)
_BEGAN = datetime(2026, 3, 28, 20, 0, tzinfo=UTC)
_amounts = st.integers(0, 99_999).map(lambda n: Decimal(n).scaleb(-4))
_TAXES: tuple[tuple[TaxRate, ...], ...] = (
    (),
    (TaxRate(name="VAT", percent=Decimal(19)),),
    (TaxRate(name="VAT", percent=Decimal("8.1")),),
    (TaxRate(name="GST", percent=Decimal(5)), TaxRate(name="QST", percent=Decimal("9.975"))),
)


@st.composite
def _components(draw: st.DrawFn, dimension: TariffDimension, *, known: bool) -> PriceComponent:
    taxes = draw(st.sampled_from(_TAXES[1:] if known else _TAXES))
    return PriceComponent(
        dimension=dimension,
        price=draw(_amounts),
        vat_percent=sum((tax.percent for tax in taxes), Decimal(0)) if taxes else None,
        taxes=taxes,
        step_size=draw(st.sampled_from([0, 1, 60, 900])),
    )


@st.composite
def tariffs(draw: st.DrawFn) -> Tariff:
    """Of windows that follow each other around the clock: they do not overlap, and there is no gap."""
    tax = draw(st.sampled_from([TaxIncluded.NO, TaxIncluded.YES]))
    known = tax is TaxIncluded.YES
    hours = sorted(draw(st.sets(st.integers(0, 23), min_size=2, max_size=5)))
    ends = [*hours[1:], hours[0]]
    elements = [
        TariffElement(
            price_components=tuple(
                draw(_components(d, known=known)) for d in draw(st.sets(st.sampled_from(_DIMENSIONS), min_size=1))
            ),
            restrictions=TariffRestrictions(start_time=f"{begin:02}:00", end_time=f"{end:02}:00"),
        )
        for begin, end in zip(hours, ends, strict=True)
    ]
    limits = st.none() | _amounts.map(lambda amount: {"currency": "EUR", "before_tax": amount})
    return tariff(*elements, tax=tax, min_price=draw(limits), max_price=draw(limits))


_DIMENSIONS = [TariffDimension.ENERGY, TariffDimension.TIME, TariffDimension.PARKING_TIME, TariffDimension.FLAT]


@st.composite
def charges(draw: st.DrawFn) -> Charge:
    at = _BEGAN
    periods = []
    for _ in range(draw(st.integers(1, 6))):
        minutes = draw(st.integers(0, 500))
        hours = Decimal(minutes) / 60
        if draw(st.booleans()):
            volumes = {VolumeDimension.ENERGY: draw(_amounts), VolumeDimension.TIME: hours}
        else:
            volumes = {VolumeDimension.PARKING_TIME: hours}
        periods.append(
            ChargingPeriod(start=at, volumes=tuple(Volume(dimension=d, volume=v) for d, v in volumes.items()))
        )
        at += timedelta(minutes=minutes)
    discounts = draw(
        st.lists(
            st.builds(
                Discount,
                name=st.just("d"),
                percent=st.integers(0, 100).map(Decimal),
                components=st.lists(st.sampled_from([CostComponent.ENERGY, CostComponent.IDLE]), max_size=2).map(tuple),
            ),
            max_size=2,
        )
    )
    return Charge(start=_BEGAN, end=at, periods=tuple(periods), time_zone=BERLIN, discounts=tuple(discounts))


policies = st.builds(
    PricingPolicy,
    name=st.just("any"),
    decimals=st.sampled_from([None, 0, 2, 4]),
    rounding=st.sampled_from(Rounding),
    rounding_place=st.sampled_from(RoundingPlace),
    step_size=st.sampled_from(StepSizeReading),
)


@_QUICK
@given(charges(), tariffs(), policies)
def test_lines_make_the_totals_and_taxes_make_the_tax(charge: Charge, priced_by: Tariff, policy: PricingPolicy):
    got = price(charge, priced_by, policy)
    assert sum((line.net for line in got.lines), Decimal(0)) == got.net
    for line in got.lines:
        assert line.tax is None or (line.gross == line.net + line.tax and line.tax == sum(t.amount for t in line.taxes))
        assert -line.net.as_tuple().exponent == policy.digits("EUR")
    taxes = [line.tax for line in got.lines]
    assert got.gross == (None if None in taxes else got.net + sum(tax for tax in taxes if tax is not None))
    total = got.total()
    assert (total.before_tax, total.after_tax) == (got.net, got.gross)
    parts = [got.component(component) for component in CostComponent]
    assert sum((part.before_tax for part in parts if part), Decimal(0)) == got.net


@_QUICK
@given(charges(), tariffs(), policies)
def test_the_working_makes_the_exact_total_and_rounding_is_small(
    charge: Charge, priced_by: Tariff, policy: PricingPolicy
):
    got = price(charge, priced_by, policy)
    near = Fraction(len(got.usages) + 1, 10**11)
    assert abs(sum(Fraction(usage.before_tax) for usage in got.usages) - Fraction(got.exact.before_tax)) < near
    unit = Fraction(1, 10 ** policy.digits("EUR"))
    # Each line may be rounded by half a unit, and so may each of its taxes; a limit by one more.
    assert abs(Fraction(got.net) - Fraction(got.exact.before_tax)) <= unit * (2 * len(got.lines) + 2)


@_QUICK
@given(charges(), tariffs(), st.randoms(use_true_random=False))
def test_the_order_of_elements_that_do_not_overlap_changes_nothing(charge: Charge, priced_by: Tariff, chance):
    shuffled = list(priced_by.elements)
    chance.shuffle(shuffled)
    policy = PricingPolicy(name="exact", decimals=12)
    one = price(charge, priced_by, policy)
    other = price(charge, priced_by.model_copy(update={"elements": tuple(shuffled)}), policy)
    assert one.exact == other.exact
    assert [line.net for line in one.lines] == [line.net for line in other.lines]


@_QUICK
@given(charges(), tariffs(), st.integers(1, 5))
def test_the_parts_of_a_session_cost_what_the_whole_does(charge: Charge, priced_by: Tariff, place: int):
    """As long as nothing is counted by the session: no flat fee, step, limit or discount."""
    plain = priced_by.model_copy(
        update={
            "elements": tuple(_without_steps(each) for each in priced_by.elements),
            "min_price": None,
            "max_price": None,
        }
    )
    cut = charge.periods[min(place, len(charge.periods)) - 1].start
    first = tuple(p for p in charge.periods if p.start < cut)
    rest = tuple(p for p in charge.periods if p.start >= cut)
    whole = charge.model_copy(update={"discounts": ()})
    parts = [whole.model_copy(update={"start": cut, "periods": rest})]
    if first:
        parts.append(whole.model_copy(update={"end": cut, "periods": first}))
    pricer = Pricer(plain, PricingPolicy(name="exact", decimals=12))
    together = sum(Fraction(pricer.price(part).exact.before_tax) for part in parts)
    assert abs(together - Fraction(pricer.price(whole).exact.before_tax)) < Fraction(1, 10**11)


def _without_steps(each: TariffElement) -> TariffElement:
    components = tuple(
        c.model_copy(update={"step_size": 0, "price": Decimal(0) if c.dimension is TariffDimension.FLAT else c.price})
        for c in each.price_components
    )
    return each.model_copy(update={"price_components": components})


@_QUICK
@given(charges(), tariffs(), policies)
def test_a_prepared_pricer_has_no_memory_of_other_charges(charge: Charge, priced_by: Tariff, policy: PricingPolicy):
    pricer = Pricer(priced_by, policy)
    once: Breakdown = pricer.price(charge)
    pricer.price(charge.model_copy(update={"periods": charge.periods[:1], "discounts": ()}))
    assert pricer.price(charge) == once == price(charge, priced_by, policy)


def test_a_million_prices_take_no_more_memory_than_a_thousand():
    """What is remembered between charges is bounded: sets of elements, and parts of the calendar."""
    many = tariff(
        *(element(component("TIME", "1"), min_duration_s=60 * n, max_duration_s=60 * n + 60) for n in range(1500)),
    )
    pricer = Pricer(many, PricingPolicy(name="exact", decimals=12))
    minutes = [
        ChargingPeriod(
            start=_BEGAN + timedelta(minutes=n),
            volumes=(Volume(dimension=VolumeDimension.TIME, volume=Decimal("0.0167")),),
        )
        for n in range(1500)
    ]
    end = _BEGAN + timedelta(minutes=1500)
    got = pricer.price(Charge(start=_BEGAN, end=end, periods=tuple(minutes), time_zone=BERLIN))
    assert got.exact.before_tax == 25
    [prepared] = pricer._prepared.values()
    assert prepared.in_use.cache_info().currsize <= 1024
