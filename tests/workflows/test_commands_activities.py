"""The steps of an order on the real store: sent once, concluded once, told once, and found when left behind."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
import pytest_asyncio
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.commands import MARGIN, RESULT_WITHIN, Asked, CommandActivities, CommandRef
from activities.sweep import SweepActivities, SweepOrder
from adapters.transport.http import PartnerHttp
from canonical.command import (
    SENT_WITHIN,
    Command,
    CommandKind,
    CommandOutcome,
    CommandRecord,
    CommandResult,
    CommandState,
)
from canonical.event import EventKind
from canonical.identity import PartyId
from canonical.partner import Connection, Endpoint, Side
from canonical.store import Store
from tests.adapters.transport.partner import Partner, enveloped, running_partner
from tests.api.recorder import Recorder
from tests.store.samples import connection
from tests.workflows.test_activities import LOCAL, resources

NOW = datetime.fromisoformat("2027-01-01T00:00:00+00:00")
REF = CommandRef("C1", "emsp")
REPLY = "/results/7f?key=s3cr3t"
ACCEPTED = CommandResult(outcome=CommandOutcome.ACCEPTED)


@pytest_asyncio.fixture
async def partner() -> AsyncIterator[Partner]:
    async with running_partner() as running:
        yield running


@pytest_asyncio.fixture
async def steps(store: Store, partner: Partner) -> AsyncIterator[CommandActivities]:
    """The activities, with a clock that stands still, and a partner on a real port that takes orders and results."""
    async with PartnerHttp(LOCAL) as http:
        made = resources(store, http)
        object.__setattr__(made, "clock", lambda: NOW)
        adapter = made.registry.by_key("ocpi-2.2.1/standard")
        endpoints = tuple(
            Endpoint(module="commands", interface=role, url=partner.url("/commands")) for role in ("RECEIVER", "SENDER")
        )
        linked: Connection = connection().model_copy(
            update={
                "adapter": adapter.key,
                "version": adapter.version,
                "endpoints": endpoints,
                "our_sides": tuple(Side),
            }
        )
        async with store.transaction() as work:
            await work.connections.add(linked)
            await work.access.keep_outbound("emsp", SecretStr("token-of-the-partner"), request_key="test")
        yield CommandActivities(made)


async def known(store: Store, partner: Partner, *, ours: bool, given: datetime = NOW) -> None:
    record = CommandRecord(
        id=REF.command_id,
        connection_id=REF.connection_id,
        party=PartyId.parse("NL*MSP"),
        ours=ours,
        command=Command(kind=CommandKind.STOP_SESSION, session_id="S1"),
        state=CommandState.REQUESTED if ours else CommandState.ACCEPTED,
        given_at=given,
        due_at=given + timedelta(seconds=30),
    )
    async with store.transaction() as work:
        await work.commands.add(record, reply_to=partner.url(REPLY))


async def kept(store: Store) -> CommandRecord:
    async with store.transaction() as work:
        return await work.commands.get(REF.command_id)


async def send(steps: CommandActivities) -> Asked:
    return await ActivityEnvironment().run(steps.send, REF)


async def tell(steps: CommandActivities) -> None:
    await ActivityEnvironment().run(steps.tell_result, REF)


class TestSending:
    async def test_once_however_often_it_is_tried(self, store: Store, steps: CommandActivities, partner: Partner):
        partner.answers["POST", "/commands/STOP_SESSION"] = enveloped({"result": "ACCEPTED", "timeout": 45})
        await known(store, partner, ours=True)
        first, again = await send(steps), await send(steps)
        assert first == again == Asked("ACCEPTED", 45 + MARGIN.total_seconds())
        assert [seen.path for seen in partner.seen] == ["/commands/STOP_SESSION"]
        assert REPLY.encode() in partner.seen[0].body
        record = await kept(store)
        assert record.state is CommandState.ACCEPTED
        assert record.response is not None
        assert record.response.timeout_s == 45

    async def test_a_no_is_kept_with_its_reason(self, store: Store, steps: CommandActivities, partner: Partner):
        partner.answers["POST", "/commands/STOP_SESSION"] = enveloped({"result": "UNKNOWN_SESSION", "timeout": 0})
        await known(store, partner, ours=True)
        assert (await send(steps)).state == "REFUSED"
        record = await kept(store)
        assert record.response is not None
        assert record.response.answer == "UNKNOWN_SESSION"

    async def test_an_error_of_the_partner_is_a_no(self, store: Store, steps: CommandActivities, partner: Partner):
        partner.answers["POST", "/commands/STOP_SESSION"] = enveloped(status_code=2003)
        await known(store, partner, ours=True)
        assert (await send(steps)).state == "REFUSED"
        assert "2003" in (await kept(store)).note

    @pytest.mark.parametrize("answer", [Response(status_code=503), enveloped({"result": "PERHAPS", "timeout": 1})])
    async def test_without_a_usable_answer_the_result_may_yet_come(
        self, store: Store, steps: CommandActivities, partner: Partner, answer: Response
    ):
        partner.answers["POST", "/commands/STOP_SESSION"] = answer
        await known(store, partner, ours=True)
        assert await send(steps) == Asked("UNANSWERED", (RESULT_WITHIN + MARGIN).total_seconds())
        assert len(partner.seen) == 1
        assert (await send(steps)).state == "UNANSWERED"
        assert len(partner.seen) == 1

    async def test_a_sender_that_dies_leaves_it_unanswered_and_nobody_sends_it_again(
        self, store: Store, steps: CommandActivities, partner: Partner
    ):
        under_way, never = asyncio.Event(), asyncio.Event()

        async def hang(_: Request) -> Response:
            under_way.set()
            await never.wait()
            return Response()

        partner.answers["POST", "/commands/STOP_SESSION"] = hang
        await known(store, partner, ours=True)
        first = asyncio.create_task(send(steps))
        await under_way.wait()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert (await send(steps)).state == "UNANSWERED"
        assert len(partner.seen) == 1
        never.set()

    async def test_what_is_too_old_is_not_sent_at_all(self, store: Store, steps: CommandActivities, partner: Partner):
        await known(store, partner, ours=True, given=NOW - SENT_WITHIN - timedelta(seconds=1))
        assert (await send(steps)).state == "REFUSED"
        assert partner.seen == []

    async def test_a_result_that_overtakes_the_answer_stays_and_so_does_the_answer(
        self, store: Store, steps: CommandActivities, partner: Partner
    ):
        async def overtaken(_: Request) -> Response:
            async with store.transaction() as work:
                assert await work.commands.conclude(REF.command_id, ACCEPTED, NOW)
            return enveloped({"result": "ACCEPTED", "timeout": 45})

        partner.answers["POST", "/commands/STOP_SESSION"] = overtaken
        await known(store, partner, ours=True)
        assert (await send(steps)).state == "CONCLUDED"
        record = await kept(store)
        assert record.result == ACCEPTED
        assert record.response is not None
        assert record.response.timeout_s == 45


class TestConcluding:
    @pytest.mark.parametrize("ours", [True, False])
    async def test_nothing_heard_is_a_timeout_once(
        self, store: Store, steps: CommandActivities, partner: Partner, ours: bool
    ):
        await known(store, partner, ours=ours)
        assert [await steps.conclude(REF) for _ in range(2)] == ["TIMEOUT", "TIMEOUT"]
        async with store.transaction() as work:
            assert not await work.commands.conclude(REF.command_id, ACCEPTED, NOW)
            events = await work.events.after(0, kinds=(EventKind.COMMAND_RESULT,), limit=9)
        assert [told.event.data for told in events] == [{"outcome": "TIMEOUT", "late": False}]

    async def test_what_was_heard_stays(self, store: Store, steps: CommandActivities, partner: Partner):
        await known(store, partner, ours=True)
        async with store.transaction() as work:
            assert await work.commands.conclude(REF.command_id, ACCEPTED, NOW)
        assert await steps.conclude(REF) == "ACCEPTED"


class TestTelling:
    async def test_each_word_once(self, store: Store, steps: CommandActivities, partner: Partner):
        partner.answers["POST", "/results/7f"] = enveloped()
        await known(store, partner, ours=False)
        await tell(steps)
        assert partner.seen == []
        async with store.transaction() as work:
            assert await work.commands.conclude(REF.command_id, ACCEPTED, NOW)
        for _ in range(2):
            await tell(steps)
        cancelled = CommandResult(outcome=CommandOutcome.CANCELED_RESERVATION)
        async with store.transaction() as work:
            assert await work.commands.add_afterword(REF.command_id, cancelled, tell=True)
            assert not await work.commands.add_afterword(REF.command_id, ACCEPTED, tell=True)
        for _ in range(2):
            await tell(steps)
        assert [seen.body for seen in partner.seen] == [
            b'{"result":"ACCEPTED"}', b'{"result":"CANCELED_RESERVATION"}',
        ]  # fmt: skip
        assert (await kept(store)).told_at == NOW

    async def test_a_partner_that_is_down_is_tried_again(
        self, store: Store, steps: CommandActivities, partner: Partner
    ):
        partner.answers["POST", "/results/7f"] = Response(status_code=503)
        await known(store, partner, ours=False)
        await steps.conclude(REF)
        with pytest.raises(ApplicationError) as failed:
            await tell(steps)
        assert not failed.value.non_retryable
        partner.answers["POST", "/results/7f"] = enveloped()
        await tell(steps)
        assert (await kept(store)).told_at == NOW

    async def test_a_no_to_the_result_is_the_end_of_it(self, store: Store, steps: CommandActivities, partner: Partner):
        partner.answers["POST", "/results/7f"] = enveloped(status_code=2000, http=404)
        await known(store, partner, ours=False)
        await steps.conclude(REF)
        with pytest.raises(ApplicationError) as failed:
            await tell(steps)
        assert failed.value.non_retryable
        assert "did not take the result" in (await kept(store)).note
        async with store.transaction() as work:
            assert await work.commands.unattended(NOW + timedelta(days=1)) == ()


class TestSweeping:
    @pytest.mark.parametrize("ours", [True, False])
    async def test_what_nobody_was_woken_for_is_found(self, store: Store, partner: Partner, ours: bool):
        await known(store, partner, ours=ours, given=NOW - timedelta(minutes=1))
        signals = Recorder(store)
        made = resources(store)
        object.__setattr__(made, "clock", lambda: NOW)
        swept = await SweepActivities(made, signals).wake_unattended(SweepOrder())
        assert swept.commands == 1
        assert signals.of("command") == [("C1", "emsp", ours, 0.0)]

    async def test_what_is_under_way_is_left_alone(self, store: Store, partner: Partner):
        await known(store, partner, ours=False, given=NOW - timedelta(seconds=20))
        async with store.transaction() as work:
            assert await work.commands.unattended(NOW - timedelta(seconds=10)) == ()
            assert await work.commands.conclude("C1", ACCEPTED, NOW - timedelta(seconds=11))
            (untold,) = await work.commands.unattended(NOW - timedelta(seconds=10))
            await work.commands.told("C1", NOW)
            assert await work.commands.unattended(NOW) == ()
        assert untold.id == "C1"
