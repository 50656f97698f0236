"""An order on either side, from the moment it is given to its last word."""

import asyncio
from datetime import timedelta

from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from activities.commands import Asked, CommandActivities, CommandRef, GivenUp
from canonical.command import CommandState
from tests.workflows.stage import Stage, refusal, staged
from workflows import ids, patience
from workflows.search_attributes import CONNECTION, OBJECT
from workflows.signals import TemporalSignals

ORDER = "C-1"


def command_of(stage: Stage) -> str:
    return ids.command(stage.connection_id, ORDER)


def ref_of(stage: Stage) -> CommandRef:
    return CommandRef(ORDER, stage.connection_id)


async def give(stage: Stage) -> None:
    await stage.signals.command(ORDER, stage.connection_id, ours=True)


async def take(stage: Stage, wait_s: float = 60.0) -> None:
    await stage.signals.command(ORDER, stage.connection_id, ours=False, wait_s=wait_s)


async def test_an_order_of_ours_is_sent_and_waits_for_its_result(stage: Stage) -> None:
    stage.script.on(CommandActivities.send, Asked(CommandState.ACCEPTED, 60.0))
    stage.script.on(CommandActivities.conclude, "ACCEPTED")
    await give(stage)
    await stage.reaches(command_of(stage), "WAITING", attention=False)
    found = (await stage.handle(command_of(stage)).describe()).typed_search_attributes
    assert (found[CONNECTION], found[OBJECT]) == (stage.connection_id, ORDER)
    await stage.signals.command_concluded(ORDER, stage.connection_id, ours=True)
    assert await stage.result(command_of(stage)) == "ACCEPTED"
    assert stage.script.inputs(CommandActivities.send) == [ref_of(stage)]
    assert stage.script.inputs(CommandActivities.tell_result) == []
    assert await stage.state(command_of(stage)) == ("ACCEPTED", False)


async def test_a_no_is_the_end(stage: Stage) -> None:
    stage.script.on(CommandActivities.send, Asked(CommandState.REFUSED, 0.0))
    await give(stage)
    assert await stage.result(command_of(stage)) == "REFUSED"
    assert stage.script.inputs(CommandActivities.conclude) == []


async def test_a_result_that_comes_before_the_answer_is_not_waited_for(stage: Stage) -> None:
    arrived = asyncio.Event()

    async def slow(_: object) -> Asked:
        await asyncio.wait_for(arrived.wait(), 10)
        return Asked(CommandState.CONCLUDED, 3600.0)

    stage.script.on(CommandActivities.send, slow).on(CommandActivities.conclude, "FAILED")
    await give(stage)
    await stage.signals.command_concluded(ORDER, stage.connection_id, ours=True)
    arrived.set()
    assert await stage.result(command_of(stage)) == "FAILED"


async def test_what_is_not_heard_of_in_time_is_over(timeless: WorkflowEnvironment, timeless_stage: Stage) -> None:
    stage = timeless_stage
    stage.script.on(CommandActivities.send, Asked(CommandState.UNANSWERED, 150.0))
    stage.script.on(CommandActivities.conclude, "TIMEOUT")
    await give(stage)
    await timeless.fast_forward(stage.handle(command_of(stage)), timedelta(seconds=151))
    assert await stage.result(command_of(stage)) == "TIMEOUT"
    assert await stage.state(command_of(stage)) == ("TIMEOUT", False)


async def test_an_order_of_a_partner_waits_for_the_backend_and_its_result_is_told(stage: Stage) -> None:
    stage.script.on(CommandActivities.conclude, "ACCEPTED").on(CommandActivities.tell_result, None)
    await take(stage)
    await take(stage)
    await stage.reaches(command_of(stage), "WAITING")
    await stage.signals.command_concluded(ORDER, stage.connection_id, ours=False)
    assert await stage.result(command_of(stage)) == "ACCEPTED"
    assert stage.script.inputs(CommandActivities.send) == []
    assert stage.script.inputs(CommandActivities.tell_result) == [ref_of(stage)]


async def test_a_backend_that_says_nothing(timeless: WorkflowEnvironment, timeless_stage: Stage) -> None:
    stage = timeless_stage
    stage.script.on(CommandActivities.conclude, "TIMEOUT").on(CommandActivities.tell_result, None)
    await take(stage, 30.0)
    await timeless.fast_forward(stage.handle(command_of(stage)), timedelta(seconds=31))
    assert await stage.result(command_of(stage)) == "TIMEOUT"
    assert stage.script.inputs(CommandActivities.tell_result) == [ref_of(stage)]


async def test_a_result_is_told_until_it_is_taken(timeless: WorkflowEnvironment, timeless_stage: Stage) -> None:
    stage = timeless_stage
    stage.script.on(CommandActivities.conclude, "ACCEPTED")
    stage.script.on(CommandActivities.tell_result, RuntimeError("down"), RuntimeError("down"), None)
    await take(stage, 0.0)
    await timeless.fast_forward(stage.handle(command_of(stage)), timedelta(seconds=10))
    assert await stage.result(command_of(stage)) == "ACCEPTED"
    assert len(stage.script.inputs(CommandActivities.tell_result)) == 3


async def test_a_result_that_nobody_takes_is_given_up(timeless: WorkflowEnvironment, timeless_stage: Stage) -> None:
    stage = timeless_stage
    stage.script.on(CommandActivities.conclude, "ACCEPTED").on(CommandActivities.give_up, None)
    later = ApplicationError("down, and asks for patience", next_retry_delay=patience.RESULT_PERIOD / 4)
    stage.script.on(CommandActivities.tell_result, later)
    await take(stage, 0.0)
    await timeless.fast_forward(stage.handle(command_of(stage)), patience.RESULT_PERIOD + timedelta(minutes=1))
    assert await stage.result(command_of(stage)) == "ACCEPTED"
    (given_up,) = stage.script.inputs(CommandActivities.give_up)
    assert given_up.command_id == ORDER
    assert await stage.state(command_of(stage)) == ("UNTOLD", False)


async def test_a_result_that_is_refused_is_not_told_again(stage: Stage) -> None:
    stage.script.on(CommandActivities.conclude, "ACCEPTED").on(CommandActivities.give_up, None)
    stage.script.on(CommandActivities.tell_result, refusal("there is no such address"))
    await take(stage, 0.0)
    assert await stage.result(command_of(stage)) == "ACCEPTED"
    assert len(stage.script.inputs(CommandActivities.tell_result)) == 1
    assert stage.script.inputs(CommandActivities.give_up) == [
        GivenUp(ORDER, "the result could not be told: PartnerRejected: there is no such address")
    ]


async def test_a_word_after_the_end_is_told_by_a_new_run(stage: Stage) -> None:
    stage.script.on(CommandActivities.conclude, "ACCEPTED").on(CommandActivities.tell_result, None)
    await take(stage, 0.0)
    await stage.result(command_of(stage))
    await stage.signals.command_concluded(ORDER, stage.connection_id, ours=False)
    assert await stage.result(command_of(stage)) == "ACCEPTED"
    assert len(stage.script.inputs(CommandActivities.tell_result)) == 2


async def test_a_worker_that_goes_away_while_a_result_is_awaited(stage: Stage) -> None:
    """The first worker knows of the order; another one, with nothing in its memory, brings it to its end."""
    name = f"{stage.connection_id}-moving"
    async with staged(stage.client, name) as first:
        await first.signals.command(ORDER, name, ours=False, wait_s=60.0)
        await first.reaches(ids.command(name, ORDER), "WAITING")
    async with staged(stage.client, name) as second:
        second.script.on(CommandActivities.conclude, "ACCEPTED").on(CommandActivities.tell_result, None)
        await TemporalSignals(second.client, second.signals.task_queue).command_concluded(ORDER, name, ours=False)
        assert await second.result(ids.command(name, ORDER)) == "ACCEPTED"
