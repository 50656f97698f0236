"""Bring a CDR of ours to its partner, and prove that the partner holds it.

What comes between is one activity, and every attempt at it begins in the store: what stands there decides, so that a
repeat goes on where the one before was cut off, and what a person has decided holds also for an attempt under way.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, Protocol
from zlib import crc32

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.agreements import agreement_for
from activities.billing import CdrRef
from activities.cases import open_case
from activities.correction import remade
from activities.emission import Known, contradictions, doubts, emission
from activities.failures import may_pass, partner_conversation
from activities.heartbeat import beating
from activities.late_cdr import say_if_late
from activities.partner_link import calls_to, connected_adapter
from activities.receipts import accepted_receipt, is_taken, refused_receipt
from activities.resources import Resources
from adapters.contract import (
    CannotWrite,
    InvalidWire,
    Module,
    Parties,
    PartnerCalls,
    PartnerError,
    PartnerProtocolError,
    PartnerRejected,
    PartnerUnauthorized,
    Receipt,
)
from canonical.cdr import Cdr, CdrDossier, TariffMoment
from canonical.identity import ObjectId
from canonical.partner import CLOSED, Connection, LinkState, Side
from canonical.settlement import CaseState
from canonical.store import CdrState, DeliveryState, Driver, NotFound, StoredCdr, Undelivered, UnitOfWork, cdr_decisions
from canonical.store.cdr_decisions import NotUnderWay
from canonical.tariff import Tariff
from settlement.agreement import Agreement
from settlement.pricing.breakdown import Unpriceable
from settlement.statement import cdr_sha256
from settlement.validation import copy_differences

_SELF_CHECK: Final = "cdr-self-check"

_LOOK_AT_WHAT_IS_HELD: Final = timedelta(hours=6)
"""Somebody looks so often whether the partner can be called again, although nobody has said so."""

_LOOK_AT_WHO_WAITS: Final = timedelta(hours=1)

_LONGEST_PAUSE_S: Final = 3600
"""Between two attempts at a partner that does not answer."""

_LONGEST_PAUSE_OF_PROOF_S: Final = 300
"""Between two attempts to read back what it has taken: it answered a while ago, however long that had taken."""

_CONFLICT: Final = 409
_NOTHING_DONE: Final = frozenset({408, 425, 429})
"""HTTP statuses by which a partner turns a request away without doing anything."""

_BY_A_PERSON: Final = "mend the cause and release it, correct the CDR, or abandon its delivery (`roam deliveries`)"


_BY_NEW_TOKENS: Final = (
    "renew the credentials with the partner (`POST /connections/{id}/renew`); where it takes none of our tokens, "
    "hand in one that is good (`roam handshake token`) while that waits"
)


class Turn(Protocol):
    """Who is told that a delivery should look again."""

    async def delivery_due(self, cdr: ObjectId, connection_id: str) -> None: ...


@dataclass(frozen=True)
class Dispatch:
    """Which CDR goes to whom. `released`: a person says that it goes out, although it was put aside."""

    cdr_key: str
    connection_id: str
    released: bool = False


@dataclass(frozen=True)
class Standing:
    """Where a delivery stands: its state, what it waits for or why it has ended, and what a person can do."""

    state: str
    text: str
    next_action: str = "nothing to do"
    attention: bool = False


@dataclass(frozen=True)
class _Matter:
    """One CDR on its way, as it is kept, with whom it concerns and what was agreed about delivery."""

    ref: CdrRef
    stored: StoredCdr
    connection: Connection
    terms: Agreement
    taken: bool

    @property
    def cdr(self) -> Cdr:
        return self.stored.dossier.cdr

    @property
    def name(self) -> ObjectId:
        return self.cdr.object_id


class DeliveryActivities:
    def __init__(self, resources: Resources, turn: Turn) -> None:
        self._resources = resources
        self._turn = turn

    @activity.defn(name="delivery-send")
    async def deliver(self, order: Dispatch) -> Standing:
        """POST the CDR, keep the receipt, read the CDR back and keep the proof. Keyed by CDR and connection.

        Repeated: with a receipt only the proof is left, with a proof nothing. Cut off after the first byte has left:
        the next attempt looks whether the partner holds it before it is sent again. At the same time: the receiver
        knows the id, and the store keeps one receipt. Reordered: what a person decided meanwhile stands.

        Ends when the partner has it, when nobody tries any more, or when something else has to happen first; what
        time may mend is repeated by Temporal, with a failure that says when.
        """
        async with beating():
            matter, rests = await self._taken_up(order)
            if rests is None and not matter.taken:
                rests = await self._sent(matter)
            if rests is None or rests.state == DeliveryState.PARKED:
                await self._tell_next(matter)
            return rests or await self._proof(matter)

    @activity.defn(name="delivery-abandon")
    async def abandon(self, ref: CdrRef) -> Standing:
        """Note that nobody tries any more. By CDR: once. What the partner took meanwhile stays delivered."""
        resources, cdr = self._resources, ObjectId.parse(ref.cdr_key)
        async with resources.store.transaction() as work:
            with suppress(NotUnderWay):
                await cdr_decisions.abandon(work, cdr, ref.connection_id, "by a person", resources.clock())
        matter, rests = await self._taken_up(Dispatch(ref.cdr_key, ref.connection_id))
        await self._tell_next(matter)
        return rests or Standing(CdrState.DELIVERED, "nothing; the partner has taken it meanwhile")

    @activity.defn(name="billing-send-cdr")
    async def send_cdr(self, ref: CdrRef) -> None:
        """The first half of `deliver`, for deliveries that an earlier release began. Keyed and repeated like it."""
        async with partner_conversation():
            matter, rests = await self._taken_up(Dispatch(ref.cdr_key, ref.connection_id, released=True))
            if rests is None and not matter.taken:
                rests = await self._sent(matter)
        if rests is not None:
            held = rests.state in (DeliveryState.HELD, DeliveryState.WAITING_FOR_ITS_TURN)
            raise ApplicationError(rests.text, type=rests.state, non_retryable=not held)

    @activity.defn(name="billing-prove-receipt")
    async def prove_receipt(self, ref: CdrRef) -> str:
        """The second half of `deliver`, for deliveries that an earlier release began. The first proof is kept."""
        async with partner_conversation():
            matter, _ = await self._taken_up(Dispatch(ref.cdr_key, ref.connection_id))
            return await self._proved(matter)

    async def _taken_up(self, order: Dispatch) -> tuple[_Matter, Standing | None]:
        """What the store says: the matter, and why nothing is to be sent now, if that is so."""
        resources, ref = self._resources, CdrRef(order.cdr_key, order.connection_id)
        name, now = ObjectId.parse(ref.cdr_key), resources.clock()
        async with resources.store.transaction() as work:
            stored = await work.cdrs.get(name, connection_id=ref.connection_id, ours=True)
            if stored is None:
                raise LookupError(f"CDR {ref.cdr_key} is not in the store")
            connection = await work.connections.get(ref.connection_id)
            terms = await agreement_for(work, connection.id, now, resources.policy)
            taken = any(map(is_taken, await work.cdr_deliveries.receipts(name, ref.connection_id)))
            matter = _Matter(ref, stored, connection, terms, taken)
            stands = await work.undelivered.get(name, ref.connection_id)
            if stands is not None and stands.state is DeliveryState.CORRECTING:
                return matter, await self._corrected(work, matter, stands.reason)
            if taken:
                return matter, None
            if stored.state in (CdrState.ABANDONED, CdrState.REPLACED):
                return matter, _ended(stored.state)
            if stands is None:
                await work.undelivered.take_up(name, ref.connection_id, now)
            elif stands.state is DeliveryState.PARKED and not order.released:
                return matter, _parked(stands.reason)
            held = await self._unreachable(work, matter)
            if held is not None:
                # Nobody needs to look again before a closed connection is opened.
                look_at = None if connection.state in CLOSED else now + _LOOK_AT_WHAT_IS_HELD
                await work.undelivered.stands(
                    name, ref.connection_id, DeliveryState.HELD, held.text, now, next_at=look_at
                )
                return matter, held
            first = await self._goes_before(work, matter)
            if first is None:
                return matter, None
            waits = Standing(DeliveryState.WAITING_FOR_ITS_TURN, f"CDR {first.key}, which goes before it")
            state, next_at = DeliveryState.WAITING_FOR_ITS_TURN, now + _LOOK_AT_WHO_WAITS
            await work.undelivered.stands(name, ref.connection_id, state, waits.text, now, next_at=next_at)
            return matter, waits

    async def _goes_before(self, work: UnitOfWork, matter: _Matter) -> ObjectId | None:
        in_order = Module.CDRS in matter.terms.in_order
        if not (in_order or matter.cdr.credit):
            return None
        return await work.undelivered.before(matter.name, matter.ref.connection_id, in_order=in_order)

    async def _corrected(self, work: UnitOfWork, matter: _Matter, why: str) -> Standing:
        """Make another CDR of its session, out of what the store says now. Once, by the number of CDRs of the session.

        One that was credited stays as it is; the place of one that nobody took is taken. The sweep has the new one
        delivered.
        """
        name, of, now = matter.name, matter.ref.connection_id, self._resources.clock()
        try:
            made = await remade(work, self._resources, matter.stored, matter.connection, why)
        except Unpriceable as error:
            text = f"no other CDR can be made of its session: {error}"
            await open_case(work, self._resources, "session-unbillable", name.key, text, error.findings)
            if not matter.taken:
                return await self._put_aside(work, matter, text, in_doubt=None)
            await work.undelivered.end(name, of)
            return Standing(CdrState.CREDITED, text, "see the open case", attention=True)
        if not matter.taken:
            await work.cdrs.replace(name, made.object_id, of, now)
        await work.undelivered.end(name, of)
        return Standing(CdrState.REPLACED, f"nothing; CDR {made.id} was made of its session")

    async def _unreachable(self, work: UnitOfWork, matter: _Matter) -> Standing | None:
        """Why the partner cannot be called now, and what that waits for."""
        connection, party = matter.connection, matter.cdr.token.issuer_party
        if connection.state is LinkState.SUSPENDED:
            return _held(f"{connection.name} to be called again: the connection is suspended", "resume the connection")
        if connection.state is LinkState.UNREGISTERED or connection.adapter is None:
            text = f"{connection.name} to be connected: the connection is {connection.state}"
            return _held(text, "connect with the partner, or abandon the delivery")
        if await work.hub_clients.is_away(connection, party, Side.CPO):
            return _held(f"{connection.name} to reach {party}, which it says is away", "nothing to do")
        return None

    async def _sent(self, matter: _Matter) -> Standing | None:
        """POST it, or find that the partner holds it. None: there is a receipt."""
        try:
            before = await self._begun(matter)
        except CannotWrite as error:
            return await self._not_sent(matter, f"{matter.connection.name} cannot be told in its version: {error}")
        if isinstance(before, Standing):
            return before
        try:
            calls = await self._calls(matter)
            receipt = await self._found(matter, calls) if before.in_doubt else None
            await self._accepted(matter, receipt or await self._posted(matter, calls, before))
        except NotFound:
            return await self._without_token(matter, before, "we have no token to call it with")
        except PartnerUnauthorized as refusal:
            if may_pass(refusal):
                return await self._later(matter, before, refusal)
            return await self._without_token(matter, before, f"it does not accept our token ({refusal})")
        except PartnerError as failure:
            if failure.retryable or may_pass(failure):
                return await self._later(matter, before, failure)
            return await self._refused(matter, before, failure)
        return None

    async def _begun(self, matter: _Matter) -> Undelivered | Standing:
        """Check what is about to be sent, keep its outcome with what the version cannot say, and that it is sent.

        By what our own check says a receiver may quarantine it: then there is a case `cdr-self-check`, and it goes out
        all the same, for a wrong guess of ours must not keep money from being claimed. It is held back where its
        amounts contradict each other, until somebody accepts that case and releases the delivery.
        """
        resources, ref, cdr = self._resources, matter.ref, matter.cdr
        session_id = matter.stored.dossier.handles.session_id
        async with resources.store.transaction() as work:
            of_session = ObjectId(owner=cdr.owner, id=session_id) if session_id else None
            known = Known(
                session=await work.sessions.get(of_session) if of_session else None,
                tariff=await _priced_by(work, matter.stored.dossier),
                agreement=await agreement_for(work, matter.connection.id, cdr.start, resources.policy),
                registered_key=resources.meter_key(cdr.meter_id),
            )
            adapter = connected_adapter(resources.registry, matter.connection)
            sent = emission(adapter, matter.stored.dossier, known, resources.clock())
            await work.cdr_deliveries.add_emission(cdr.object_id, ref.connection_id, sent)
            if doubts(sent):
                text = f"by our own check {matter.connection.name} may not take CDR {ref.cdr_key} as it is"
                await open_case(work, resources, _SELF_CHECK, ref.cdr_key, text, doubts(sent))
            if contradictions(sent) and not await _is_let_out(work, ref.cdr_key):
                said = "; ".join(finding.message for finding in contradictions(sent))
                return await self._put_aside(
                    work, matter, f"we held it back, its amounts contradict each other: {said}", in_doubt=None
                )
            before = await work.undelivered.begin(matter.name, ref.connection_id, resources.clock())
            if before is not None:
                return before
            stored = await work.cdrs.get(matter.name, connection_id=ref.connection_id, ours=True)
            return _ended(stored.state if stored else CdrState.ABANDONED)

    async def _posted(self, matter: _Matter, calls: PartnerCalls, before: Undelivered) -> Receipt:
        """The partner's yes. A no to what it may hold already is a yes, if it gives our CDR back."""
        try:
            return await calls.post_cdr(matter.cdr)
        except PartnerUnauthorized:
            raise
        except PartnerRejected as refusal:
            if refusal.http_status == _CONFLICT or before.in_doubt:
                found = await self._found(matter, calls)
                if found is not None:
                    return found
            raise

    async def _found(self, matter: _Matter, calls: PartnerCalls) -> Receipt | None:
        """A receipt, if the partner gives our CDR back by its id. None: it does not, which proves nothing."""
        try:
            url, theirs = await calls.find_cdr(matter.name)
        except InvalidWire:
            return None
        except PartnerError as failure:
            if failure.retryable or isinstance(failure, PartnerUnauthorized):
                raise
            return None
        if cdr_sha256(theirs.value) != cdr_sha256(self._as_sent(matter)):
            return None
        return Receipt(http_status=200, ocpi_status=1000, url=url)

    async def _accepted(self, matter: _Matter, receipt: Receipt) -> None:
        resources, ref = self._resources, matter.ref
        kept = accepted_receipt(receipt, matter.connection, resources.clock())
        async with resources.store.transaction() as work:
            await work.undelivered.get(matter.name, ref.connection_id, lock=True)
            if any(map(is_taken, await work.cdr_deliveries.receipts(matter.name, ref.connection_id))):
                return  # another attempt, which was taken for dead, has had its answer
            await work.cdr_deliveries.add_receipt(matter.name, ref.connection_id, kept)
            text = f"accepted with {receipt.ocpi_status}"
            await self._note(work, matter, CdrState.DELIVERED, text)
            await work.undelivered.end(matter.name, ref.connection_id)
            if matter.cdr.credit:  # it was made without us
                await say_if_late(work, resources, matter.cdr, ref.connection_id)

    async def _proof(self, matter: _Matter) -> Standing:
        """Read it back. What time may mend is tried again for as long as a delivery is."""
        try:
            outcome = await self._proved(matter)
        except (PartnerError, InvalidWire) as failure:
            passing = isinstance(failure, PartnerUnauthorized) or (
                isinstance(failure, PartnerError) and (failure.retryable or may_pass(failure))
            )
            tried = self._resources.clock() - matter.stored.recorded_at
            if passing and tried < timedelta(days=matter.terms.delivery_days):
                raise self._again(matter, failure, longest_s=_LONGEST_PAUSE_OF_PROOF_S) from failure
            return Standing(CdrState.DELIVERED, f"nothing; its copy could not be read back: {failure}")
        if outcome == "DIFFERENT":
            text = "nothing; the partner's copy differs from ours"
            return Standing(outcome, text, "see the open case", attention=True)
        return Standing(outcome, "nothing")

    async def _proved(self, matter: _Matter) -> str:
        """Read the CDR back from where the partner says it is, and compare. Repeatable; the first proof is kept.

        Proved is what money hangs on. A partner that spells an id in another case, or leaves out what it does not
        need, still holds our CDR: such differences are findings of the proof, and no case.
        """
        resources, ref = self._resources, matter.ref
        async with resources.store.transaction() as work:
            receipts = await work.cdr_deliveries.receipts(matter.name, ref.connection_id)
        receipt = [each for each in receipts if is_taken(each)][-1]
        if receipt.outcome != "ACCEPTED":
            return receipt.outcome
        if receipt.url is None:
            return "DELIVERED"
        theirs = (await (await self._calls(matter)).get_cdr(receipt.url)).value
        ours = self._as_sent(matter)
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
            await work.cdr_deliveries.add_receipt(matter.name, ref.connection_id, proof)
            if not proved:
                text = f"{matter.connection.name} holds another content of CDR {ref.cdr_key} than we sent"
                await open_case(work, resources, "receipt-differs", ref.cdr_key, text, differences)
        return proof.outcome

    # What does not go well

    async def _later(self, matter: _Matter, before: Undelivered, failure: PartnerError) -> Standing:
        """Raises what Temporal repeats, and says when; after the agreed time it is put aside instead."""
        resources, ref, now = self._resources, matter.ref, self._resources.clock()
        in_doubt = before.in_doubt or failure.http_status not in _NOTHING_DONE
        tried = now - (before.trying_since or now)
        async with resources.store.transaction() as work:
            if tried >= timedelta(days=matter.terms.delivery_days):
                said = f"{matter.connection.name} has not taken it within {matter.terms.delivery_days} days: {failure}"
                await open_case(work, resources, "cdr-not-taken", ref.cdr_key, f"CDR {ref.cdr_key}: {said}")
                return await self._put_aside(work, matter, said, in_doubt=in_doubt)
            again = self._again(matter, failure)
            next_at = None if again.next_retry_delay is None else now + again.next_retry_delay
            state, text = DeliveryState.RETRYING, str(failure)
            await work.undelivered.stands(
                matter.name, ref.connection_id, state, text, now, next_at=next_at, in_doubt=in_doubt
            )
        raise again from failure

    def _again(self, matter: _Matter, failure: Exception, *, longest_s: int = _LONGEST_PAUSE_S) -> ApplicationError:
        asked = failure.retry_after_s if isinstance(failure, PartnerError) else None
        pause = (
            timedelta(seconds=asked)
            if asked
            else pause_before(activity.info().attempt + 1, matter.ref.cdr_key, longest_s)
        )
        return ApplicationError(
            str(failure),
            type=type(failure).__name__,
            next_retry_delay=pause,
            category=ApplicationErrorCategory.BENIGN,
        )

    async def _without_token(self, matter: _Matter, before: Undelivered, why: str) -> Standing:
        """The partner has said nothing about the CDR: it waits until the tokens are renewed."""
        now, state = self._resources.clock(), DeliveryState.HELD
        text = f"new tokens: {matter.connection.name} cannot be called, {why}"
        async with self._resources.store.transaction() as work:
            await work.undelivered.stands(
                matter.name,
                matter.ref.connection_id,
                state,
                text,
                now,
                next_at=now + _LOOK_AT_WHAT_IS_HELD,
                in_doubt=before.in_doubt,
            )
        return _held(text, _BY_NEW_TOKENS, attention=True)

    async def _refused(self, matter: _Matter, before: Undelivered, refusal: PartnerError) -> Standing:
        """It is not sent again before a person has decided; in the words of what has happened."""
        resources, ref, partner = self._resources, matter.ref, matter.connection.name
        status = refusal.http_status
        if status is None:  # it was no partner who said no: the request could not be made
            return await self._not_sent(matter, f"no request to {partner} could be made: {refusal}")
        unclear = isinstance(refusal, PartnerProtocolError)
        said = f"{partner} refused it: {refusal}"
        if unclear:
            said = f"whether {partner} has taken it is not known, its answer could not be understood: {refusal}"
        elif before.in_doubt or status == _CONFLICT:
            said += "; it may hold it from an attempt before, and did not give it back as we sent it"
        async with resources.store.transaction() as work:
            answer = refused_receipt(refusal, status, matter.connection, resources.clock())
            await work.cdr_deliveries.add_receipt(matter.name, ref.connection_id, answer)
            await open_case(work, resources, "cdr-refused", ref.cdr_key, f"CDR {ref.cdr_key}: {said}")
            return await self._put_aside(work, matter, said, in_doubt=unclear or before.in_doubt)

    async def _not_sent(self, matter: _Matter, why: str) -> Standing:
        async with self._resources.store.transaction() as work:
            await open_case(
                work, self._resources, "cdr-not-sent", matter.ref.cdr_key, f"CDR {matter.ref.cdr_key}: {why}"
            )
            return await self._put_aside(work, matter, f"nothing was sent: {why}", in_doubt=None)

    async def _put_aside(self, work: UnitOfWork, matter: _Matter, why: str, *, in_doubt: bool | None) -> Standing:
        """For a person to decide, unless one has decided already."""
        name, of = matter.name, matter.ref.connection_id
        if await work.undelivered.get(name, of, lock=True) is None:
            stored = await work.cdrs.get(name, connection_id=of, ours=True)
            return _ended(stored.state if stored else CdrState.ABANDONED)
        await self._note(work, matter, CdrState.UNDELIVERABLE, why)
        now = self._resources.clock()
        await work.undelivered.stands(name, of, DeliveryState.PARKED, why, now, in_doubt=in_doubt)
        return _parked(why)

    async def _note(self, work: UnitOfWork, matter: _Matter, state: CdrState, text: str) -> None:
        await work.cdrs.note(
            matter.name,
            connection_id=matter.ref.connection_id,
            ours=True,
            state=state,
            text=text,
            at=self._resources.clock(),
        )

    async def _tell_next(self, matter: _Matter) -> None:
        """Where CDRs go out in order: whose turn it is now."""
        if Module.CDRS not in matter.terms.in_order:
            return
        async with self._resources.store.transaction() as work:
            following = await work.undelivered.next_in_line(matter.ref.connection_id)
        for cdr in following:
            await self._turn.delivery_due(cdr, matter.ref.connection_id)

    def _as_sent(self, matter: _Matter) -> Cdr:
        """Our CDR as the partner's version can say it."""
        cdr, adapter = matter.cdr, connected_adapter(self._resources.registry, matter.connection)
        between = Parties(cpo=cdr.owner, emsp=cdr.token.issuer_party)
        return adapter.read(Cdr, adapter.write(cdr), between).value

    async def _calls(self, matter: _Matter) -> PartnerCalls:
        """To whom a CDR goes: the issuer of its token, also behind a hub. Raises NotFound without a token."""
        cdr = matter.cdr
        return await calls_to(
            self._resources.store,
            self._resources.registry,
            matter.connection,
            object_key=cdr.object_id.key,
            our_side=Side.CPO,
            addressee=cdr.token.issuer_party,
            driver=Driver.of(cdr.token),
        )


def pause_before(attempt: int, cdr_key: str, longest_s: int = _LONGEST_PAUSE_S) -> timedelta:
    """1 s, 2 s, 4 s … 1 h (or `longest_s`), each by up to a quarter longer or shorter: CDRs that failed together do not
    come together.

    By CDR and attempt, so that a repeat says the same.
    """
    seconds = min(2 ** min(attempt - 2, 20), longest_s)
    spread = crc32(f"{cdr_key}/{attempt}".encode()) / 2**32
    return timedelta(seconds=seconds * (0.75 + spread / 2))


def _held(text: str, next_action: str, *, attention: bool = False) -> Standing:
    return Standing(DeliveryState.HELD, text, next_action, attention)


def _parked(why: str) -> Standing:
    return Standing(DeliveryState.PARKED, f"a decision; {why}", _BY_A_PERSON, attention=True)


def _ended(state: CdrState) -> Standing:
    """Nobody tries any more; what it is now has been decided elsewhere."""
    if state is CdrState.REPLACED:
        return Standing(state, "nothing; another CDR was made of its session")
    return Standing(CdrState.ABANDONED, "nothing", "settle the CDR outside OCPI", attention=True)


async def _priced_by(work: UnitOfWork, dossier: CdrDossier) -> Tariff | None:
    """The version that priced the CDR: never what the tariff is now."""
    start = next((m for m in dossier.tariff_moments if m.moment is TariffMoment.SESSION_START), None)
    return await work.tariffs.version(start.tariff) if start else None


async def _is_let_out(work: UnitOfWork, cdr_key: str) -> bool:
    """Whether a person let it pass although our own check speaks against it."""
    closed = await work.cases.list(state=CaseState.CLOSED)
    return any(c.kind == _SELF_CHECK and c.subject == cdr_key and c.accepted for c in closed)
