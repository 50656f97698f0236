"""Is something billed that was billed before? A session, an authorisation, and an EVSE at a time are billed once."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from canonical.cdr import Cdr
from canonical.identity import UNKNOWN_ID
from canonical.model import Finding, fold
from canonical.token import same_token
from settlement.validation.circumstances import Kin, OtherCdr
from settlement.validation.findings import blocking, noted

_OVERLAP = timedelta(minutes=1)
"""One car drives off, the next one plugs in: so far two records may reach into each other."""


def billed_before(cdr: Cdr, kin: Kin, tolerance: Decimal) -> Iterator[Finding]:
    """An earlier debit that stands. One that was credited in full does not: a correction is a credit and a new CDR."""
    if cdr.credit:
        return
    standing = [other for other in kin.earlier if not other.cdr.credit and not _credited(other.cdr, kin, tolerance)]
    for other in standing:
        finding = _same_matter(cdr, kin.session_id, other)
        if finding:
            yield finding
            return
    for other in standing:
        if _same_evse(cdr, other.cdr) and _together(cdr, other.cdr) > _OVERLAP:
            message = f"CDR {other.cdr.id}, of another token, is over the same EVSE at the same time"
            yield noted("cdr.overlap", message, "start_date_time")
            return


def _same_matter(cdr: Cdr, session_id: str | None, other: OtherCdr) -> Finding | None:
    if _same(session_id, other.session_id):
        return blocking("cdr.second_debit", f"session {session_id} was billed already, by {other.cdr.id}", "session_id")
    if _same(cdr.authorization_reference, other.cdr.authorization_reference):
        message = f"authorisation {cdr.authorization_reference} was billed already, by {other.cdr.id}"
        return blocking("cdr.second_debit_of_authorization", message, "authorization_reference")
    same_driver = same_token(cdr.token, other.cdr.token)
    if same_driver and _same_evse(cdr, other.cdr) and _together(cdr, other.cdr) > _OVERLAP:
        message = f"the same token at the same EVSE was billed for some of the same time already, by {other.cdr.id}"
        return blocking("cdr.duplicate_economic", message, "start_date_time")
    return None


def _credited(debit: Cdr, kin: Kin, tolerance: Decimal) -> bool:
    credited = sum(
        (c.total_cost.before_tax for c in kin.credits if _same(c.credit_reference_id, debit.id)),
        debit.total_cost.before_tax,
    )
    credits_it = any(_same(c.credit_reference_id, debit.id) for c in kin.credits)
    return credits_it and abs(credited) <= tolerance


def _same_evse(one: Cdr, other: Cdr) -> bool:
    here, there = one.charge_point, other.charge_point
    sides = ((here.evse_uid, there.evse_uid), (here.evse_id, there.evse_id))
    known = [_same(mine, theirs) for mine, theirs in sides if UNKNOWN_ID not in (mine, theirs)]
    return _same(here.location_id, there.location_id) and bool(known) and known[0]


def _together(one: Cdr, other: Cdr) -> timedelta:
    return min(one.end, other.end) - max(one.start, other.start)


def _same(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and fold(one) == fold(other)
