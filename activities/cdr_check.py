"""Gather what a partner's CDR is checked against, and check it: the same question gets the same answer at any time."""

from activities.resources import Resources
from canonical.cdr import Cdr, CdrDossier
from canonical.identity import ObjectId
from canonical.model import Finding
from canonical.session import Session
from canonical.store import StoredCdr, UnitOfWork
from canonical.tariff import Tariff
from settlement import validation
from settlement.validation import Validation


async def check(work: UnitOfWork, resources: Resources, stored: StoredCdr) -> Validation:
    """Price the CDR again by the tariff that we hold, in the zone of the charge point, and compare."""
    cdr, source = stored.dossier.cdr, stored.connection_id
    zone = await _time_zone(work, cdr, source)
    result = validation.validate(
        cdr,
        session=await _session(work, stored),
        tariff_held=await _tariff(work, cdr, source),
        time_zone=zone or resources.terms.time_zone.key,
        policy=resources.policy,
    )
    session_id = stored.dossier.handles.session_id
    twins = await work.cdrs.by_session(session_id, connection_id=source, ours=False) if session_id else ()
    findings = (
        *stored.dossier.provenance.findings,
        *result.findings,
        *_second_debit(cdr, session_id, twins),
        *(() if zone else _zone_assumed(cdr, resources.terms.time_zone.key)),
    )
    return result.model_copy(
        update={"findings": findings, "quarantine": result.quarantine or any(f.blocks for f in findings)}
    )


def checked(dossier: CdrDossier, result: Validation) -> CdrDossier:
    """The dossier with our own pricing and findings in it, for reconciliation."""
    provenance = dossier.provenance.model_copy(update={"findings": result.findings})
    return dossier.model_copy(update={"lines": result.lines, "provenance": provenance})


async def _session(work: UnitOfWork, stored: StoredCdr) -> Session | None:
    """The session that the CDR names, or that was found for one that names none."""
    session_id = stored.dossier.handles.session_id
    if session_id is None:
        return None
    return await work.sessions.get(ObjectId(owner=stored.dossier.cdr.owner, id=session_id), source=stored.connection_id)


async def _tariff(work: UnitOfWork, cdr: Cdr, source: str) -> Tariff | None:
    if not cdr.tariffs:
        return None
    return await work.tariffs.in_force(cdr.tariffs[0].object_id, cdr.start, source=source)


async def _time_zone(work: UnitOfWork, cdr: Cdr, source: str) -> str | None:
    """A CDR names no zone (OCPI issue 517): the location does, if we have it or it came along (OCPI 2.1.1)."""
    location_id = ObjectId(owner=cdr.owner, id=cdr.charge_point.location_id)
    location = await work.locations.get(location_id, source=source)
    place = location or cdr.place
    return place.time_zone if place else None


def _zone_assumed(cdr: Cdr, zone: str) -> tuple[Finding, ...]:
    """Without the location its zone is a guess. Where a price depends on local time, a guess moves money."""
    local = any(
        element.restrictions
        and (
            element.restrictions.start_time
            or element.restrictions.end_time
            or element.restrictions.start_date
            or element.restrictions.end_date
            or element.restrictions.days_of_week
        )
        for tariff in cdr.tariffs
        for element in tariff.elements
    )
    return (
        Finding(
            code="cdr.time_zone_unknown",
            message=f"the location is not known here; its time zone was taken to be {zone}",
            where="cdr_location.id",
            blocks=local,
        ),
    )


def _second_debit(cdr: Cdr, session_id: str | None, of_session: tuple[StoredCdr, ...]) -> tuple[Finding, ...]:
    """A session is billed once. A further debit waits for a person: a credit was lost, or it is billed twice."""
    others = [s.dossier.cdr for s in of_session if s.dossier.cdr.id != cdr.id and not s.dossier.cdr.credit]
    if cdr.credit or not others:
        return ()
    message = f"session {session_id} was billed already, by {others[0].id}"
    return (Finding(code="cdr.second_debit", message=message, where="session_id", blocks=True),)
