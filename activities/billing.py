"""From a session that has ended to a CDR that both sides hold, on either side of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from temporalio import activity

from activities.agreements import agreement_for
from activities.cases import open_case
from activities.cdr_check import check
from activities.late_cdr import say_if_late
from activities.resources import Resources
from canonical.cdr import BillingContext, CdrDossier
from canonical.identity import ObjectId
from canonical.model import Finding
from canonical.partner import Connection
from canonical.session import MeterReading, Session, VehicleState
from canonical.store import CdrState, UnitOfWork
from settlement import cdr_generator
from settlement.cdr_generator import Issue, TariffsInForce
from settlement.pricing.breakdown import Unpriceable

_QUARANTINED: Final = "cdr-quarantined"


@dataclass(frozen=True)
class SessionRef:
    session_key: str
    connection_id: str


@dataclass(frozen=True)
class CdrRef:
    cdr_key: str
    connection_id: str


@dataclass(frozen=True)
class Billed:
    """The CDR that a session became, or why it became none."""

    cdr_key: str | None
    reason: str = ""
    needs_person: bool = False


@dataclass(frozen=True)
class Verdict:
    state: str
    text: str
    needs_person: bool = False


class BillingActivities:
    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    @activity.defn(name="billing-generate-cdr")
    async def generate_cdr(self, ref: SessionRef) -> Billed:
        """Make the CDR of a session, once: its id follows from the session's, and the store refuses a second."""
        session_id = ObjectId.parse(ref.session_key)
        async with self._resources.store.transaction() as work:
            await work.sessions.lock(session_id)
            session = await work.sessions.get(session_id)
            context = await work.sessions.context(session_id)
            if session is None or context is None:
                return await self._unbillable(work, ref, "its start was never recorded")
            cdr_id = ObjectId(owner=session.owner, id=cdr_generator.cdr_id_for(session.object_id))
            if await work.cdrs.get(cdr_id, connection_id=ref.connection_id, ours=True) is not None:
                return Billed(cdr_id.key)
            connection = await work.connections.get(ref.connection_id)
            unused = _is_unused_reservation(await work.sessions.readings(session_id))
            if unused and context.tariff_at_start is None:
                return await self._unused(work, session_id, "a reservation that expired, and no tariff asks for it")
            try:
                dossier = await self.priced(work, session, context, connection)
            except Unpriceable as error:
                return await self._unbillable(work, ref, str(error), error.findings)
            if unused and dossier.cdr.total_cost.before_tax == 0:
                reason = "a reservation that expired, and the tariff asks nothing for it"
                return await self._unused(work, session_id, reason)
            await work.cdrs.add(dossier, connection_id=ref.connection_id, ours=True, evidence_id=None)
            await work.sessions.conclude(session_id, cdr=cdr_id)
            await say_if_late(work, self._resources, dossier.cdr, ref.connection_id)
        return Billed(cdr_id.key)

    @activity.defn(name="billing-check-cdr")
    async def check_cdr(self, ref: CdrRef) -> Verdict:
        """Price a partner's CDR again and say what may be done with it. Repeatable: the same CDR, the same verdict,
        unless its session has said something else since: what was accepted is quarantined then.
        """
        resources = self._resources
        cdr_id = ObjectId.parse(ref.cdr_key)
        async with resources.store.transaction() as work:
            stored = await work.cdrs.get(cdr_id, connection_id=ref.connection_id, ours=False)
            if stored is None:
                message = f"CDR {ref.cdr_key} is not in the store"
                raise LookupError(message)
            result = await check(work, resources, stored)
            state = CdrState.QUARANTINED if result.quarantine else CdrState.ACCEPTED
            text = result.text
            if stored.state is CdrState.RECEIVED or (stored.state is CdrState.ACCEPTED and result.quarantine):
                await work.cdrs.note(
                    cdr_id,
                    connection_id=ref.connection_id,
                    ours=False,
                    state=state,
                    text=text,
                    at=resources.clock(),
                )
            # One matter for a person, also when its session has said more since it was put before one.
            if result.quarantine and not await work.cases.open_about(_QUARANTINED, ref.cdr_key):
                await open_case(work, resources, _QUARANTINED, ref.cdr_key, text, result.findings)
        return Verdict(state.value, text, needs_person=result.quarantine)

    async def priced(
        self,
        work: UnitOfWork,
        session: Session,
        context: BillingContext,
        connection: Connection,
        *,
        number: int = 1,
    ) -> CdrDossier:
        """The CDR of a session from what the store says now; `number` counts its CDRs. Raises Unpriceable."""
        at_start = await work.tariffs.version(context.tariff_at_start) if context.tariff_at_start else None
        readings = await work.sessions.readings(session.object_id)
        now = self._resources.clock().replace(microsecond=0)  # not every version and partner keeps fractions
        end = session.end or now
        cdr_id = cdr_generator.cdr_id_for(session.object_id, number)
        return cdr_generator.generate(
            session=session,
            context=context,
            readings=readings,
            signed=await work.sessions.signed(session.object_id),
            tariffs=TariffsInForce(
                at_start=at_start,
                at_end=await work.tariffs.in_force(at_start.object_id, end) if at_start else None,
                at_generation=await work.tariffs.in_force(at_start.object_id, now) if at_start else None,
            ),
            agreement=await agreement_for(work, connection.id, session.start, self._resources.policy),
            issue=Issue(cdr_id, now, connection.adapter or "", connection.version or "", number),
            registered_key=self._resources.meter_key(session.meter_id),
            reservation_expired=_is_unused_reservation(readings),
        )

    async def _unused(self, work: UnitOfWork, session: ObjectId, reason: str) -> Billed:
        await work.sessions.conclude(session, cdr=None, reason=reason)
        return Billed(None, reason)

    async def _unbillable(
        self, work: UnitOfWork, ref: SessionRef, reason: str, findings: tuple[Finding, ...] = ()
    ) -> Billed:
        text = f"session {ref.session_key} cannot be billed: {reason}"
        await open_case(work, self._resources, "session-unbillable", ref.session_key, text, findings)
        await work.sessions.conclude(ObjectId.parse(ref.session_key), cdr=None, reason=reason)
        return Billed(None, reason, needs_person=True)


def _is_unused_reservation(readings: Sequence[MeterReading]) -> bool:
    return bool(readings) and all(reading.state is VehicleState.RESERVED for reading in readings)
