"""From a session that has ended to a CDR that both sides hold, on either side of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.agreements import agreement_for
from activities.cases import open_case
from activities.cdr_check import check
from activities.emission import Known, contradictions, doubts, emission
from activities.failures import partner_conversation
from activities.partner_link import calls_to, connected_adapter
from activities.resources import Resources
from adapters.contract import CannotWrite, Parties, PartnerCalls, PartnerError
from canonical.cdr import BillingContext, Cdr, CdrDossier, TariffMoment
from canonical.identity import ObjectId
from canonical.model import Finding
from canonical.partner import Connection, Side
from canonical.session import MeterReading, Session, VehicleState
from canonical.settlement import CaseState
from canonical.store import CdrReceipt, CdrState, Driver, StoredCdr, UnitOfWork
from canonical.tariff import Tariff
from settlement import cdr_generator
from settlement.cdr_generator import Issue, TariffsInForce
from settlement.pricing.breakdown import Unpriceable
from settlement.statement import cdr_sha256, month_of, settles_at, statement_id
from settlement.validation import copy_differences

_SELF_CHECK: Final = "cdr-self-check"

_REFUSED: Final = "REFUSED"
"""Outcome of a receipt that is none."""


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
            try:
                dossier = await self._price(work, session, context, connection, cdr_id.id)
            except Unpriceable as error:
                return await self._unbillable(work, ref, str(error), error.findings)
            unused = _is_unused_reservation(await work.sessions.readings(session_id))
            if unused and dossier.cdr.total_cost.before_tax == 0:
                reason = "a reservation that expired, and the tariff asks nothing for it"
                await work.sessions.conclude(session_id, cdr=None, reason=reason)
                return Billed(None, reason)
            await work.cdrs.add(dossier, connection_id=ref.connection_id, ours=True, evidence_id=None)
            await work.sessions.conclude(session_id, cdr=cdr_id)
            await self._say_if_late(work, dossier.cdr, ref.connection_id)
        return Billed(cdr_id.key)

    @activity.defn(name="billing-send-cdr")
    async def send_cdr(self, ref: CdrRef) -> None:
        """POST the CDR and keep the receipt, in one activity. A CDR with a receipt is not sent again.

        Cut off between the answer and the commit it sends once more: the receiver knows the id and answers alike.

        It is checked first as if it came to us. What a receiver may quarantine it for opens a case `cdr-self-check`,
        and it goes out: a wrong guess of ours must not keep money from being claimed. It is held back where its
        amounts contradict each other, until somebody accepts that case and releases the delivery.
        """
        resources = self._resources
        cdr_id = ObjectId.parse(ref.cdr_key)
        async with partner_conversation():
            async with resources.store.transaction() as work:
                stored = await self._ours(work, ref)
                connection = await work.connections.get(ref.connection_id)
                if _accepted(await work.cdr_deliveries.receipts(cdr_id, ref.connection_id)):
                    return
            calls = await self._calls(connection, stored.dossier.cdr)
            try:
                await self._keep_emission(ref, stored, connection)
                receipt = await calls.post_cdr(stored.dossier.cdr)
            except (PartnerError, CannotWrite) as refusal:
                if not (isinstance(refusal, PartnerError) and refusal.retryable):
                    await self._refused(ref, connection, refusal)
                raise
            accepted = CdrReceipt(
                http_status=receipt.http_status,
                ocpi_status=receipt.ocpi_status,
                url=receipt.url,
                version_accepted=connection.version or "",
                outcome="ACCEPTED",
                findings=receipt.findings,
                proved=False,
                at=resources.clock(),
            )
            async with resources.store.transaction() as work:
                await work.cdr_deliveries.add_receipt(cdr_id, ref.connection_id, accepted)
                await work.cdrs.note(
                    cdr_id,
                    connection_id=ref.connection_id,
                    ours=True,
                    state=CdrState.DELIVERED,
                    text=f"accepted with {receipt.ocpi_status}",
                    at=accepted.at,
                )
                if stored.dossier.cdr.credit:  # it was made without us
                    await self._say_if_late(work, stored.dossier.cdr, ref.connection_id)

    @activity.defn(name="billing-prove-receipt")
    async def prove_receipt(self, ref: CdrRef) -> str:
        """Read the CDR back from where the partner says it is, and compare. Repeatable; the first proof is kept.

        Proved is what money hangs on. A partner that spells an id in another case, or leaves out what it does not
        need, still holds our CDR: such differences are findings of the proof, and no case.
        """
        resources = self._resources
        cdr_id = ObjectId.parse(ref.cdr_key)
        async with partner_conversation():
            async with resources.store.transaction() as work:
                stored = await self._ours(work, ref)
                connection = await work.connections.get(ref.connection_id)
                receipts = await work.cdr_deliveries.receipts(cdr_id, ref.connection_id)
            receipt = _accepted(receipts)[-1]
            if any(r.proved for r in receipts):
                return "PROVED"
            if receipt.url is None:
                return "DELIVERED"
            calls = await self._calls(connection, stored.dossier.cdr)
            theirs = (await calls.get_cdr(receipt.url)).value
            adapter = connected_adapter(resources.registry, connection)
            cdr = stored.dossier.cdr
            between = Parties(cpo=cdr.owner, emsp=cdr.token.issuer_party)
            ours = adapter.read(Cdr, adapter.write(cdr), between).value
            proved = cdr_sha256(ours) == cdr_sha256(theirs)
            differences = copy_differences(ours, theirs, blocks=not proved)
            proof = replace(
                receipt,
                proved=proved,
                outcome="PROVED" if proved else "DIFFERENT",
                findings=differences,
                at=resources.clock(),
            )
            async with resources.store.transaction() as work:
                await work.cdr_deliveries.add_receipt(cdr_id, ref.connection_id, proof)
                if not proved:
                    text = f"{connection.name} holds another content of CDR {ref.cdr_key} than we sent"
                    await open_case(work, resources, "receipt-differs", ref.cdr_key, text, differences)
            return proof.outcome

    @activity.defn(name="billing-check-cdr")
    async def check_cdr(self, ref: CdrRef) -> Verdict:
        """Price a partner's CDR again and say what may be done with it. Repeatable: the same CDR, the same verdict."""
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
            if stored.state is CdrState.RECEIVED:
                await work.cdrs.note(
                    cdr_id,
                    connection_id=ref.connection_id,
                    ours=False,
                    state=state,
                    text=text,
                    at=resources.clock(),
                )
            if result.quarantine:
                await open_case(work, resources, "cdr-quarantined", ref.cdr_key, text, result.findings)
        return Verdict(state.value, text, needs_person=result.quarantine)

    async def _price(
        self,
        work: UnitOfWork,
        session: Session,
        context: BillingContext,
        connection: Connection,
        cdr_id: str,
    ) -> CdrDossier:
        at_start = await work.tariffs.version(context.tariff_at_start) if context.tariff_at_start else None
        readings = await work.sessions.readings(session.object_id)
        now = self._resources.clock().replace(microsecond=0)  # not every version and partner keeps fractions
        end = session.end or now
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
            issue=Issue(cdr_id, now, connection.adapter or "", connection.version or ""),
            registered_key=self._resources.meter_key(session.meter_id),
            reservation_expired=_is_unused_reservation(readings),
        )

    async def _say_if_late(self, work: UnitOfWork, cdr: Cdr, connection_id: str) -> None:
        """A statement is never made anew: a CDR of its month that comes later is for a person to claim."""
        us, zone = self._resources.us, self._resources.terms.time_zone
        month = month_of(settles_at(cdr), zone)
        issued = await work.settlement.statement(statement_id(us.party, connection_id, month))
        if issued is None or any(item.cdr.key == cdr.object_id.key for item in issued.items):
            return
        text = f"CDR {cdr.object_id.key} is of {month}, whose statement for {connection_id} was issued already"
        await open_case(work, self._resources, "cdr-late", cdr.object_id.key, text)

    async def _unbillable(
        self, work: UnitOfWork, ref: SessionRef, reason: str, findings: tuple[Finding, ...] = ()
    ) -> Billed:
        text = f"session {ref.session_key} cannot be billed: {reason}"
        await open_case(work, self._resources, "session-unbillable", ref.session_key, text, findings)
        await work.sessions.conclude(ObjectId.parse(ref.session_key), cdr=None, reason=reason)
        return Billed(None, reason, needs_person=True)

    async def _keep_emission(self, ref: CdrRef, stored: StoredCdr, connection: Connection) -> None:
        """Check what is about to be sent, and keep the outcome with what the version cannot say.

        Raises ApplicationError, which no retry mends, where its money contradicts itself and nobody accepted that.
        """
        dossier, resources = stored.dossier, self._resources
        cdr, session_id = dossier.cdr, dossier.handles.session_id
        async with resources.store.transaction() as work:
            of_session = ObjectId(owner=cdr.owner, id=session_id) if session_id else None
            known = Known(
                session=await work.sessions.get(of_session) if of_session else None,
                tariff=await _priced_by(work, dossier),
                agreement=await agreement_for(work, connection.id, cdr.start, resources.policy),
                registered_key=resources.meter_key(cdr.meter_id),
            )
            adapter = connected_adapter(resources.registry, connection)
            sent = emission(adapter, dossier, known, resources.clock())
            await work.cdr_deliveries.add_emission(cdr.object_id, ref.connection_id, sent)
            if doubts(sent):
                text = f"by our own check {connection.name} may not take CDR {ref.cdr_key} as it is"
                await open_case(work, resources, _SELF_CHECK, ref.cdr_key, text, doubts(sent))
            held_for = contradictions(sent)
            held = bool(held_for) and not await _is_let_out(work, ref.cdr_key)
        if held:
            message = f"not sent, its amounts contradict each other: {'; '.join(f.message for f in held_for)}"
            raise ApplicationError(message, type="ContradictsItself", non_retryable=True)

    async def _refused(self, ref: CdrRef, connection: Connection, refusal: PartnerError | CannotWrite) -> None:
        cdr_id = ObjectId.parse(ref.cdr_key)
        text = f"{connection.name} refused CDR {ref.cdr_key}: {refusal}"
        async with self._resources.store.transaction() as work:
            if isinstance(refusal, PartnerError) and refusal.http_status is not None:
                answer = _refusal(refusal, refusal.http_status, connection, self._resources.clock())
                await work.cdr_deliveries.add_receipt(cdr_id, ref.connection_id, answer)
            await work.cdrs.note(
                cdr_id,
                connection_id=ref.connection_id,
                ours=True,
                state=CdrState.UNDELIVERABLE,
                text=text,
                at=self._resources.clock(),
            )
            await open_case(work, self._resources, "cdr-refused", ref.cdr_key, text)

    async def _calls(self, connection: Connection, cdr: Cdr) -> PartnerCalls:
        """To whom a CDR goes: the issuer of its token, also behind a hub."""
        return await calls_to(
            self._resources.store,
            self._resources.registry,
            connection,
            object_key=cdr.object_id.key,
            our_side=Side.CPO,
            addressee=cdr.token.issuer_party,
            driver=Driver.of(cdr.token),
        )

    async def _ours(self, work: UnitOfWork, ref: CdrRef) -> StoredCdr:
        stored = await work.cdrs.get(ObjectId.parse(ref.cdr_key), connection_id=ref.connection_id, ours=True)
        if stored is None:
            message = f"CDR {ref.cdr_key} is not in the store"
            raise LookupError(message)
        return stored


def _accepted(receipts: Sequence[CdrReceipt]) -> tuple[CdrReceipt, ...]:
    return tuple(receipt for receipt in receipts if receipt.outcome != _REFUSED)


def _refusal(error: PartnerError, http_status: int, connection: Connection, at: datetime) -> CdrReceipt:
    """What a partner answers to a CDR that it does not take."""
    return CdrReceipt(
        http_status=http_status,
        ocpi_status=error.ocpi_status,
        url=None,
        version_accepted=None,
        outcome=_REFUSED,
        findings=(Finding(code="receipt.refused", message=f"{connection.name} refused it: {error}", blocks=True),),
        proved=False,
        at=at,
    )


async def _priced_by(work: UnitOfWork, dossier: CdrDossier) -> Tariff | None:
    """The version that priced the CDR: never what the tariff is now."""
    start = next((m for m in dossier.tariff_moments if m.moment is TariffMoment.SESSION_START), None)
    return await work.tariffs.version(start.tariff) if start else None


async def _is_let_out(work: UnitOfWork, cdr_key: str) -> bool:
    """Whether a person let it pass although our own check speaks against it."""
    closed = await work.cases.list(state=CaseState.CLOSED)
    return any(c.kind == _SELF_CHECK and c.subject == cdr_key and c.accepted for c in closed)


def _is_unused_reservation(readings: Sequence[MeterReading]) -> bool:
    return bool(readings) and all(reading.state is VehicleState.RESERVED for reading in readings)
