"""Checking a received CDR: does it agree with itself, with its tariff, with ours, and with the session that we saw?

Nothing is dropped, and nothing is guessed: a CDR that may not be paid on its own strength is quarantined, with findings
by code. What each code means, and what a person does about it, is in docs/cdr-findings.md.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from canonical.cdr import Cdr
from canonical.model import Finding
from canonical.session import Session
from canonical.tariff import Tariff
from settlement.agreement import STANDARD, Agreement
from settlement.validation.amounts import own_amounts, tariff_currency
from settlement.validation.circumstances import Circumstances
from settlement.validation.costs import unheard_of_rates
from settlement.validation.credits import against_original, credit_shape
from settlement.validation.findings import blocking, differs, noted
from settlement.validation.meter import against_meter, read_meter, signed_kwh
from settlement.validation.outcome import Basis, Validation
from settlement.validation.payer import ours_to_pay
from settlement.validation.repricings import Priced, Pricing, energy_costs, time_costs
from settlement.validation.session import against_session
from settlement.validation.times import by_our_clock, own_times
from settlement.validation.twice import billed_before
from settlement.validation.volumes import energy_of_periods, own_volumes, wrong_unit

_ALONE: Final = Circumstances()


def validate(
    cdr: Cdr,
    *,
    session: Session | None,
    tariff_held: Tariff | Sequence[Tariff] | None,
    time_zone: str,
    agreement: Agreement = STANDARD,
    circumstances: Circumstances = _ALONE,
) -> Validation:
    """Price `cdr` again from its own tariffs, from `tariff_held` and from its session, and say what differs.

    `tariff_held` is what was published to us and in force at session start, `session` as it was last reported,
    `time_zone` that of the charge point. The findings name differences to the tariff that we hold, where there is one,
    and else to its own.
    """
    held = (tariff_held,) if isinstance(tariff_held, Tariff) else tuple(tariff_held or ())
    applied = held or cdr.tariffs
    timed = time_costs(applied)
    meter = read_meter(cdr, circumstances.registered_key, agreement)
    findings = [
        *own_times(cdr, time_costs=timed),
        *own_volumes(cdr, agreement.energy_tolerance_kwh, energy_costs=energy_costs(applied)),
        *own_amounts(cdr, agreement, bare=circumstances.bare_amounts),
        *against_session(cdr, session, agreement, time_costs=timed),
        *against_meter(cdr, meter, agreement),
        *wrong_unit(cdr, _other_energies(cdr, session, signed_kwh(meter))),
        *credit_shape(cdr),
        *_around(cdr, agreement, circumstances),
    ]
    pricing = Pricing(cdr, time_zone, agreement, bare=circumstances.bare_amounts, meter=meter)
    own, ours = pricing.by(Basis.OWN, cdr.tariffs), pricing.by(Basis.HELD, held)
    seen = pricing.from_session(session, applied)
    chosen = ours if held else own
    findings += [*_tariffs(cdr, held, agreement, circumstances), *_priced(chosen), *_compared(chosen, own, seen)]
    return Validation(
        findings=tuple(findings),
        lines=chosen.breakdown.lines if chosen.breakdown else (),
        repricings=tuple(priced.summary() for priced in (own, ours, seen)),
        agreement=agreement.ref,
    )


def _other_energies(cdr: Cdr, session: Session | None, signed: Decimal | None) -> dict[str, Decimal | None]:
    return {
        "the signed meter": signed,
        "the session": session.energy_kwh if session else None,
        "the charging periods": energy_of_periods(cdr),
    }


def _around(cdr: Cdr, agreement: Agreement, circumstances: Circumstances) -> Iterator[Finding]:
    if circumstances.received_at is not None:
        yield from by_our_clock(cdr, circumstances.received_at, None if cdr.credit else agreement.latest)
    if circumstances.payer is not None:
        yield from ours_to_pay(cdr, circumstances.payer)
    if circumstances.kin is not None:
        yield from billed_before(cdr, circumstances.kin, agreement.money_tolerance)
        yield from against_original(cdr, circumstances.kin, agreement)


def _tariffs(cdr: Cdr, held: Sequence[Tariff], agreement: Agreement, circumstances: Circumstances) -> Iterator[Finding]:
    if not held and not cdr.tariffs:
        yield blocking("cdr.tariff_unknown", "neither the CDR nor the store has the tariff", "tariffs")
        return
    if not held and circumstances.published:
        message = "its tariff was not published to us when the session began: the price is on its own word alone"
        yield noted("cdr.tariff_not_published", message, "tariffs")
    yield from unheard_of_rates(cdr, held or cdr.tariffs, agreement.money_tolerance)
    sent = {tariff.object_id.key: tariff for tariff in reversed(cdr.tariffs)}  # of one name the first
    for ours in held:
        yield from tariff_currency(cdr, ours)
        theirs = sent.get(ours.object_id.key)
        if theirs and _prices_of(theirs) != _prices_of(ours):
            yield differs(
                "cdr.tariff_differs",
                "the tariff in the CDR is not the one that was published for this session",
                "tariffs",
                ours.version().sha256,
                theirs.version().sha256,
                blocks=False,
            )


def _prices_of(tariff: Tariff) -> tuple[object, ...]:
    return (tariff.currency, tariff.tax_included, tariff.min_price, tariff.max_price, tariff.elements)


def _priced(chosen: Priced) -> Iterator[Finding]:
    if chosen.breakdown is not None:
        yield from (*chosen.breakdown.notes, *chosen.differences)
    elif chosen.obstacles:
        yield blocking("cdr.unpriceable", chosen.reason or "it cannot be priced")
        yield from chosen.obstacles


def _compared(chosen: Priced, own: Priced, seen: Priced) -> Iterator[Finding]:
    """What another pricing says that the one that counts does not: the cause of a difference, or a doubt."""
    if chosen.differences and own is not chosen and own.summary().explains:
        message = "the amounts follow from the tariff in the CDR, which is not the one that was published"
        yield blocking("cdr.priced_by_other_tariff", message, "tariffs")
    if chosen.breakdown is None or seen.breakdown is None:
        return
    expected, stated = seen.breakdown.net, chosen.breakdown.net
    if seen.differences and not chosen.differences:
        message = "priced from the session as it was reported, the amounts would be others"
        yield differs("cdr.session_price_differs", message, "total_cost", expected, stated, blocks=False)
    elif chosen.differences and seen.summary().explains:
        message = "the amounts follow from the session as it was reported, and not from the CDR's own periods"
        yield differs("cdr.priced_by_session", message, "charging_periods", expected, stated, blocks=False)
