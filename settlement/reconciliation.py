"""The checking side's answer to a statement: every CDR agreed or disputed, and every difference by component.

The answer depends on what is claimed and what is held, never on the order in which either came.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from canonical.cdr import CdrDossier, CostComponent
from canonical.identity import PartyId
from canonical.model import Finding
from canonical.settlement import (
    ComponentAmount,
    ItemOutcome,
    ReconciledItem,
    ReconciliationReport,
    Statement,
    StatementItem,
)
from settlement.agreement import STANDARD
from settlement.statement import cdr_sha256, component_amounts
from settlement.validation import COMPONENT_CODES, component_code, sign_of

_ZERO = Decimal(0)
_SUMS = frozenset(("cdr.total_cost_differs", "cdr.gross_cost_differs"))
_TIME_TOLERANCE = timedelta(seconds=1)
"""Not every version and partner keeps fractions of a second."""


def reconcile(
    claimed: Statement,
    held: Sequence[CdrDossier],
    *,
    tolerance: Decimal,
    checked_by: PartyId,
    checked_at: datetime,
    accepted: Collection[str] = frozenset(),
    with_tax: Collection[str] = frozenset(),
) -> ReconciliationReport:
    """Compare a statement with the CDRs that the checking side holds for the month, as it priced them itself.

    `tolerance` is in the statement's currency, per amount. `accepted` are keys of held CDRs that a person let
    pass although their check had findings that block, `with_tax` of those whose bare amounts hold the tax by agreement:
    where such a one could not be priced, what it states is compared after tax. A CDR that is claimed twice is disputed.
    """
    dossiers = {dossier.cdr.object_id.key: dossier for dossier in held}
    claims: dict[str, list[StatementItem]] = {}
    for claim in claimed.items:
        claims.setdefault(claim.cdr.key, []).append(claim)
    agreed: list[StatementItem] = []
    verdicts: list[ReconciledItem] = []
    for key in sorted(claims):
        claim = claims[key][0]
        findings: tuple[Finding, ...]
        if len(claims[key]) > 1:
            outcome, findings = ItemOutcome.DISPUTED, (_claimed_twice(claims[key]),)
        elif key not in dossiers:
            outcome, findings = ItemOutcome.MISSING_HERE, (_missing_here(claim),)
        else:
            found = _differences(
                claim, dossiers[key], claimed, tolerance, accepted=key in accepted, with_tax=key in with_tax
            )
            findings = tuple(sorted(found, key=_what_it_is_about))
            outcome = ItemOutcome.DISPUTED if any(f.blocks for f in findings) else ItemOutcome.AGREED
        verdicts.append(ReconciledItem(cdr=claim.cdr, outcome=outcome, findings=findings))
        if outcome is ItemOutcome.AGREED:
            agreed.append(claim)
    verdicts += [_not_claimed(dossiers[key]) for key in sorted(dossiers.keys() - claims.keys())]
    return ReconciliationReport(
        statement_id=claimed.id,
        checked_by=checked_by,
        checked_at=checked_at,
        currency=claimed.currency,
        items=tuple(verdicts),
        agreed_net=sum((claim.net for claim in agreed), _ZERO),
        agreed_gross=sum((claim.gross for claim in agreed), _ZERO),
    )


def left_out(statement: Statement, report: ReconciliationReport) -> tuple[ReconciledItem, ...]:
    """Items of the statement that the partner did not agree to. What it did not mention, it did not agree to."""
    verdicts = {item.cdr.key: item for item in report.items}
    silent = Finding(code="report.not_mentioned", message="the partner's report does not mention it", blocks=True)
    out: list[ReconciledItem] = []
    for item in statement.items:
        verdict = verdicts.get(item.cdr.key)
        if verdict is None:
            out.append(ReconciledItem(cdr=item.cdr, outcome=ItemOutcome.DISPUTED, findings=(silent,)))
        elif verdict.outcome is not ItemOutcome.AGREED:
            out.append(verdict)
    return tuple(out)


def _differences(
    claim: StatementItem,
    dossier: CdrDossier,
    claimed: Statement,
    tolerance: Decimal,
    *,
    accepted: bool,
    with_tax: bool,
) -> Iterator[Finding]:
    cdr = dossier.cdr
    if cdr.currency != claimed.currency:
        yield _finding("cdr.currency_differs", "currency", cdr.currency, claimed.currency)
    if cdr.owner.key != claimed.issuer.key:
        yield _finding("cdr.owner_differs", "issuer", cdr.owner.key, claimed.issuer.key)
    for where, ours, theirs in (("start", cdr.start, claim.start), ("end", cdr.end, claim.end)):
        if abs(ours - theirs) >= _TIME_TOLERANCE:
            yield _finding("cdr.times_differ", where, ours.isoformat(), theirs.isoformat())
    energy_kwh = sign_of(cdr) * cdr.total_energy_kwh
    if abs(energy_kwh - claim.energy_kwh) > STANDARD.energy_tolerance_kwh:
        yield _finding("cdr.energy_differs", "energy_kwh", energy_kwh, claim.energy_kwh)
    if with_tax and not dossier.lines:
        yield from _difference_after_tax(claim, cdr.total_cost.before_tax, tolerance)
    else:
        yield from _component_differences(claim, dossier, tolerance)
        yield from _total_differences(claim, dossier, tolerance)
    if claim.cdr_sha256 != cdr_sha256(cdr):
        yield _finding("cdr.record_differs", "cdr_sha256", cdr_sha256(cdr), claim.cdr_sha256, blocks=False)
    if not accepted:
        yield from (finding for finding in dossier.provenance.findings if finding.blocks)


def _component_differences(claim: StatementItem, dossier: CdrDossier, tolerance: Decimal) -> Iterator[Finding]:
    ours = _by_component(component_amounts(dossier))
    theirs = _by_component(claim.components)
    for component in CostComponent:
        expected, stated = ours.get(component, _ZERO), theirs.get(component, _ZERO)
        if abs(expected - stated) > tolerance:
            where = f"components.{component}"
            yield _finding(component_code(component), where, expected, stated)


def _total_differences(claim: StatementItem, dossier: CdrDossier, tolerance: Decimal) -> Iterator[Finding]:
    expected, gross = _expected_net(dossier), _expected_gross(dossier)
    if abs(expected - claim.net) > tolerance:
        # The tax on a disputed net differs by itself: one cause, one finding.
        yield _finding("cdr.total_cost_differs", "net", expected, claim.net)
    elif gross is not None and abs(gross - claim.gross) > tolerance:
        yield _finding("cdr.gross_cost_differs", "gross", gross, claim.gross)


def _difference_after_tax(claim: StatementItem, gross: Decimal, tolerance: Decimal) -> Iterator[Finding]:
    """All that a single amount with the tax in it can say."""
    if abs(gross - claim.gross) > tolerance:
        yield _finding("cdr.gross_cost_differs", "gross", gross, claim.gross)


def _expected_net(dossier: CdrDossier) -> Decimal:
    if not dossier.lines:
        return dossier.cdr.total_cost.before_tax
    return sum((amount.net for amount in component_amounts(dossier)), _ZERO)


def _expected_gross(dossier: CdrDossier) -> Decimal | None:
    """By our own pricing, as the net is; None: the tax is not known."""
    if not dossier.lines:
        return dossier.cdr.total_cost.after_tax
    known = [line.gross for line in dossier.lines if line.gross is not None]
    return sign_of(dossier.cdr) * sum(known, _ZERO) if len(known) == len(dossier.lines) else None


def _by_component(amounts: Sequence[ComponentAmount]) -> dict[CostComponent, Decimal]:
    """Idle time counts as parking: who has only the CDR cannot tell them apart (OCPI has one price for both)."""
    sums: dict[CostComponent, Decimal] = {}
    for amount in amounts:
        component = CostComponent.PARKING if amount.component is CostComponent.IDLE else amount.component
        sums[component] = sums.get(component, _ZERO) + amount.net
    return sums


def _what_it_is_about(finding: Finding) -> tuple[int, str]:
    """The cause before its consequences: a component, then the sums that differ because of it, then the rest."""
    if finding.code in COMPONENT_CODES:
        return 0, finding.code
    return (1, finding.code) if finding.code in _SUMS else (2, finding.code)


def _claimed_twice(claims: Sequence[StatementItem]) -> Finding:
    return Finding(
        code="cdr.claimed_twice",
        message=f"the statement has this CDR {len(claims)} times",
        where="items",
        stated=" + ".join(sorted(f"{claim.net:f}" for claim in claims)),
        blocks=True,
    )


def _missing_here(claim: StatementItem) -> Finding:
    return Finding(
        code="cdr.missing_here",
        message="claimed, but no such CDR was received",
        where="items",
        stated=f"{claim.net:f}",
        blocks=True,
    )


def _not_claimed(dossier: CdrDossier) -> ReconciledItem:
    finding = Finding(
        code="cdr.not_claimed",
        message="held, but not on the statement",
        where="items",
        expected=f"{_expected_net(dossier):f}",
    )
    return ReconciledItem(cdr=dossier.cdr.object_id, outcome=ItemOutcome.NOT_CLAIMED, findings=(finding,))


def _finding(code: str, where: str, expected: Decimal | str, stated: Decimal | str, *, blocks: bool = True) -> Finding:
    name = code.removeprefix("cdr.").removesuffix("_differs").replace("_", " ")
    return Finding(
        code=code,
        message=f"{name}: expected {expected}, the statement has {stated}",
        where=where,
        expected=str(expected),
        stated=str(stated),
        blocks=blocks,
    )
