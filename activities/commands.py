"""Orders between providers and operators, on either side: give one, conclude it, tell its result.

The store has the last word. An order of ours is sent once, whatever becomes of its sender: whether a charger was
started twice cannot be mended afterwards, whether it was started can be asked.
"""

from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity

from activities.failures import may_pass, partner_conversation, told_to_temporal
from activities.partner_link import calls_to
from activities.resources import Resources
from adapters.contract import CannotWrite, PartnerCalls, PartnerError, PartnerRejected, UnsafeUrl
from canonical.command import (
    SENT_WITHIN,
    CommandAnswer,
    CommandOutcome,
    CommandRecord,
    CommandResponse,
    CommandResult,
    CommandState,
)
from canonical.event import EventKind
from canonical.partner import Side
from canonical.store import conclude, event_of

RESULT_WITHIN = timedelta(seconds=120)
"""How long a result is waited for when the answer does not say (OCPI 2.1.1), or when there was none."""

MARGIN = timedelta(seconds=30)
"""How much longer than its operator promised a result is waited for."""


@dataclass(frozen=True)
class CommandRef:
    command_id: str
    connection_id: str


@dataclass(frozen=True)
class Asked:
    """Where an order of ours stands after it was sent, and how long its result may take."""

    state: str
    wait_s: float


@dataclass(frozen=True)
class GivenUp:
    command_id: str
    reason: str


class CommandActivities:
    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    @activity.defn(name="command-send")
    async def send(self, ref: CommandRef) -> Asked:
        """Give our order to the partner and keep its answer. By its id it goes out once: cut off, it is unanswered."""
        now = self._resources.clock()
        async with partner_conversation():
            async with self._resources.store.transaction() as work:
                record = await work.commands.get(ref.command_id)
                sending = record.state is CommandState.REQUESTED
                expired = now - record.given_at > SENT_WITHIN
                if sending and not expired:
                    sending = await work.commands.begin_sending(record.id, now)
            if sending and expired:
                reason = "it could not be sent in time, and was not sent at all"
                return await self._answered(record, CommandState.REFUSED, note=reason)
            if sending:
                return await self._sent(record)
            if record.state is CommandState.REQUESTED:
                reason = "its sender was cut off: it may have arrived"
                return await self._answered(record, CommandState.UNANSWERED, note=reason)
            return self._asked(record)

    @activity.defn(name="command-conclude")
    async def conclude(self, ref: CommandRef) -> str:
        """The outcome of an order: what was told, else TIMEOUT from now on. Repeatable: the first word stays."""
        with told_to_temporal():
            async with self._resources.store.transaction() as work:
                record = await work.commands.get(ref.command_id, lock=True)
                if record.result is not None:
                    return record.result.outcome.value
                timeout = CommandResult(outcome=CommandOutcome.TIMEOUT)
                await conclude(work, record, timeout, self._resources.clock())
        return CommandOutcome.TIMEOUT.value

    @activity.defn(name="command-tell-result")
    async def tell_result(self, ref: CommandRef) -> None:
        """Send the partner what it has yet to hear of its order. By the words told: each once, or again alike."""
        resources = self._resources
        async with partner_conversation():
            async with resources.store.transaction() as work:
                record = await work.commands.get(ref.command_id)
                reply_to = await work.commands.reply_to(ref.command_id)
                untold = await work.commands.untold(ref.command_id)
            if not untold or reply_to is None:
                return
            calls = await self._calls(record, Side.CPO)
            for word in untold:
                try:
                    await calls.send_result(record.command.kind, reply_to, word)
                except (PartnerError, CannotWrite) as refusal:
                    passing = isinstance(refusal, PartnerError) and may_pass(refusal)
                    if isinstance(refusal, PartnerRejected | UnsafeUrl | CannotWrite) and not passing:
                        await self._give_up(record.id, f"the partner did not take the result: {refusal}")
                    raise
                async with resources.store.transaction() as work:
                    await work.commands.told(record.id, resources.clock())

    @activity.defn(name="command-give-up")
    async def give_up(self, order: GivenUp) -> None:
        """The partner could not be told the result for so long that it is of no use any more. Repeatable."""
        with told_to_temporal():
            await self._give_up(order.command_id, order.reason)

    async def _sent(self, record: CommandRecord) -> Asked:
        try:
            calls = await self._calls(record, Side.EMSP)
            async with self._resources.store.transaction() as work:
                reply_to = await work.commands.reply_to(record.id)
            command = record.command.model_copy(update={"reply_to": reply_to})
            response = (await calls.send_command(command)).value
        except (PartnerRejected, UnsafeUrl, CannotWrite, LookupError) as refusal:
            return await self._answered(record, CommandState.REFUSED, note=str(refusal))
        except PartnerError as silence:
            return await self._answered(record, CommandState.UNANSWERED, note=str(silence))
        accepted = response.answer is CommandAnswer.ACCEPTED
        state = CommandState.ACCEPTED if accepted else CommandState.REFUSED
        return await self._answered(record, state, response)

    async def _answered(
        self, record: CommandRecord, state: CommandState, response: CommandResponse | None = None, *, note: str = ""
    ) -> Asked:
        told = None if response is None or response.timeout_s is None else timedelta(seconds=response.timeout_s)
        due_at = self._resources.clock() + (RESULT_WITHIN if told is None else told) + MARGIN
        async with self._resources.store.transaction() as work:
            if await work.commands.answer(record.id, state, response=response, due_at=due_at, note=note):
                kind = event_of(record.command.kind, EventKind.COMMAND_ANSWERED, EventKind.CHARGING_PROFILE_ANSWERED)
                document = {"state": state.value, "answer": response.answer.value if response else None, "note": note}
                await work.events.add(kind, record.id, record.connection_id, document)
            return self._asked(await work.commands.get(record.id))

    def _asked(self, record: CommandRecord) -> Asked:
        left = (record.due_at - self._resources.clock()).total_seconds()
        return Asked(record.state.value, max(left, 0.0))

    async def _calls(self, record: CommandRecord, our_side: Side) -> PartnerCalls:
        resources = self._resources
        async with resources.store.transaction() as work:
            connection = await work.connections.get(record.connection_id)
        return await calls_to(
            resources.store, resources.registry, connection, our_side=our_side, addressee=record.party
        )

    async def _give_up(self, command_id: str, reason: str) -> None:
        async with self._resources.store.transaction() as work:
            await work.commands.settle(command_id, note=reason)
