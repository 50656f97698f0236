"""Gather what a partner's CDR is checked against, and check it."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Final

from activities.agreements import agreement_for
from activities.resources import Resources
from canonical.cdr import Cdr, CdrDossier
from canonical.identity import ObjectId
from canonical.location import Location
from canonical.model import Finding, fold
from canonical.session import Session
from canonical.store import StoredCdr, UnitOfWork
from canonical.tariff import Tariff
from canonical.token import Token
from settlement import validation
from settlement.validation import Circumstances, Kin, OtherCdr, Payer, Validation

_MOST_TARIFFS: Final = 100
_MOST_KIN: Final = 50
_LOG = logging.getLogger(__name__)


async def check(work: UnitOfWork, resources: Resources, stored: StoredCdr) -> Validation:
    """Price the CDR again in the zone of the charge point, under what was agreed when its session began, and compare.

    It may be asked again at any time: it goes by when the CDR came, and by what came before. Only what comes to light
    later changes the answer: the session, its tariff, the location, a credit.
    """
    cdr, source = stored.dossier.cdr, stored.connection_id
    session = await _session(work, stored)
    place = await _place(work, cdr, session, source)
    held = await _tariffs(work, cdr, session, place, source)
    zone = place.time_zone if place else None
    kin = await _kin(work, resources, stored, session)
    validate = partial(
        validation.validate,
        cdr,
        session=session,
        tariff_held=held,
        time_zone=zone or resources.terms.time_zone.key,
        agreement=await agreement_for(work, source, cdr.start, resources.policy),
        circumstances=Circumstances(
            received_at=stored.recorded_at,
            bare_amounts=stored.dossier.provenance.bare_amounts,
            registered_key=resources.meter_key(cdr.meter_id or (session.meter_id if session else None)),
            kin=kin,
            payer=Payer(party=resources.us.party, token=await _token(work, cdr)),
            published=True,
        ),
    )
    result = await _checked_apart(stored, validate)
    assumed = () if zone else _zone_assumed((*held, *cdr.tariffs), resources.terms.time_zone.key)
    return result.model_copy(
        update={"findings": (*stored.dossier.provenance.findings, *result.findings, *_crowded(kin), *assumed)},
    )


async def _checked_apart(stored: StoredCdr, validate: Callable[[], Validation]) -> Validation:
    """In a thread, for it may take a second, and others are not to wait for a partner's largest CDR.

    A check that breaks off would break off whenever it is repeated: the CDR waits for a person. What the error says is
    not logged: it may say what is in the CDR.
    """
    try:
        return await asyncio.to_thread(validate)
    except Exception as error:  # noqa: BLE001  it is pure: whatever it raises is a fault of ours that a partner found
        _LOG.error("the check of CDR %s broke off: %s", stored.dossier.cdr.object_id.key, type(error).__name__)
        message = f"its check broke off ({type(error).__name__}): nothing is known of its amounts"
        return Validation(findings=(Finding(code="cdr.check_failed", message=message, blocks=True),), lines=())


def _crowded(kin: Kin) -> tuple[Finding, ...]:
    if len(kin.earlier) < _MOST_KIN:
        return ()
    message = f"{_MOST_KIN} or more CDRs came before that may be over the same: not all of them were looked at"
    return (Finding(code="cdr.too_many_alike", message=message, where="session_id", blocks=True),)


def checked(dossier: CdrDossier, result: Validation) -> CdrDossier:
    """The dossier with our own pricing and findings in it, for reconciliation."""
    provenance = dossier.provenance.model_copy(update={"findings": result.findings})
    return dossier.model_copy(
        update={"lines": result.lines, "provenance": provenance, "agreement": result.agreement},
    )


async def _session(work: UnitOfWork, stored: StoredCdr) -> Session | None:
    """The session that the CDR names or was found to be of; else that of its authorisation; else that of the same
    token at the same EVSE at the same time (OCPI trap 149).
    """
    cdr, source, named = stored.dossier.cdr, stored.connection_id, stored.dossier.handles.session_id
    if named is not None:
        session = await work.sessions.get(ObjectId(owner=cdr.owner, id=named), source=source)
        if session is not None:
            return session
    return await work.sessions.authorized(cdr, source=source) or await work.sessions.unnamed(cdr, source=source)


async def _place(work: UnitOfWork, cdr: Cdr, session: Session | None, source: str) -> Location | None:
    """A CDR names no time zone (OCPI issue 517): the location does, if we have it or it came along (OCPI 2.1.1)."""
    location_id = ObjectId(owner=cdr.owner, id=cdr.charge_point.location_id)
    held = await work.locations.get(location_id, source=source)
    return held or cdr.place or (session.place if session else None)


async def _tariffs(
    work: UnitOfWork, cdr: Cdr, session: Session | None, place: Location | None, source: str
) -> tuple[Tariff, ...]:
    """The versions that were in force when the session began; none if one of those that were used is not held, or if
    there are more of them than any session has.
    """
    names = _tariffs_used(cdr, session, place)
    held: list[Tariff] = []
    for name in names if len(names) <= _MOST_TARIFFS else ():
        tariff = await work.tariffs.in_force(name, cdr.start, source=source)
        if tariff is None:
            return ()
        held.append(tariff)
    return tuple(held)


def _tariffs_used(cdr: Cdr, session: Session | None, place: Location | None) -> tuple[ObjectId, ...]:
    """As the charging periods name them; else the first one in the CDR; else the only one of the connector."""
    periods = (*cdr.charging_periods, *(session.charging_periods if session and not cdr.tariffs else ()))
    named = dict.fromkeys(period.tariff_id for period in periods if period.tariff_id)
    if named:
        return tuple(ObjectId(owner=cdr.owner, id=each) for each in named)
    if cdr.tariffs:
        return (cdr.tariffs[0].object_id,)
    point = cdr.charge_point
    offered = {
        tariff_id
        for evse in (place.evses if place else ())
        for connector in evse.connectors
        if evse.uid == point.evse_uid and connector.id == point.connector_id
        for tariff_id in connector.tariff_ids
    }
    return (ObjectId(owner=cdr.owner, id=offered.pop()),) if len(offered) == 1 else ()


async def _token(work: UnitOfWork, cdr: Cdr) -> Token | None:
    """As we have it ourselves. A CDR that names the contract alone (OCPI 2.1.1) leaves open which token it was."""
    named = cdr.token
    if named.uid is None or named.type is None:
        return None
    return await work.tokens.get(ObjectId(owner=named.issuer_party, id=f"{named.type}/{fold(named.uid)}"))


async def _kin(work: UnitOfWork, resources: Resources, stored: StoredCdr, session: Session | None) -> Kin:
    cdr, source = stored.dossier.cdr, stored.connection_id
    session_id = session.id if session else stored.dossier.handles.session_id
    earlier = await work.cdrs.kin(cdr, session_id, connection_id=source, limit=_MOST_KIN)
    debits = [other.dossier.cdr.id for other in earlier if not other.dossier.cdr.credit]
    taken_back = await work.cdrs.credits_of(debits, connection_id=source) if debits else ()
    original = None
    if cdr.credit and cdr.credit_reference_id is not None:
        name = ObjectId(owner=cdr.owner, id=cdr.credit_reference_id)
        original = await work.cdrs.get(name, connection_id=source, ours=False)
    return Kin(
        session_id=session_id,
        earlier=tuple(
            OtherCdr(cdr=other.dossier.cdr, session_id=other.dossier.handles.session_id) for other in earlier
        ),
        credits=tuple(other.dossier.cdr for other in taken_back),
        original=original.dossier.cdr if original else None,
        original_waits=await _waits(work, resources, original) if original else False,
    )


async def _waits(work: UnitOfWork, resources: Resources, original: StoredCdr) -> bool:
    """Whether what is credited may be paid itself. A credit of a credit is wrong whatever that one is."""
    return not original.dossier.cdr.credit and (await check(work, resources, original)).quarantine


def _zone_assumed(tariffs: tuple[Tariff, ...], zone: str) -> tuple[Finding, ...]:
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
        for tariff in tariffs
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
