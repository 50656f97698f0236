"""The handshake from both sides: what it does, and what it says to a person when it is stuck."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import pytest
from pydantic import SecretStr
from temporalio.client import WorkflowExecutionStatus

from activities.handshake import Exchange, HandshakeActivities, RegistrationAnswer, _ways
from activities.resync import Begun, Cursor, Finished, Progress, ResyncActivities
from activities.schedules import ScheduleActivities
from adapters.contract import AskAgain
from adapters.ocpi.adapter import OcpiAdapter
from adapters.partners.standard import STANDARD
from adapters.registry import VERSIONS
from canonical.store import HeldToken
from tests.workflows.stage import Script, Stage, eventually, refusal
from workflows import ids
from workflows.contract import CannotTell, Intervention, NotRunning, RegistrationFailed
from workflows.handshake import Handshake
from workflows.synchronisation import Synchronisation, SynchronisationOrder
from workflows.unregistration import Unregistration


def willing(script: Script, *modules: str) -> Script:
    """A partner with whom everything goes well."""
    script.on(HandshakeActivities.discover, "by an adapter")
    script.on(HandshakeActivities.offer_access, None)
    script.on(HandshakeActivities.exchange_credentials, None)
    script.on(HandshakeActivities.answer_registration, RegistrationAnswer(accepted=True))
    script.on(HandshakeActivities.prove, None)
    script.on(HandshakeActivities.connect_unproved, None)
    script.on(HandshakeActivities.partner_has_called, True)
    script.on(HandshakeActivities.modules_to_pull, list(modules))
    script.on(ScheduleActivities.arrange, None)
    script.on(ResyncActivities.begin, Begun(1))
    script.on(ResyncActivities.pull_page, Progress(2, None))
    script.on(ResyncActivities.finish, Finished("2 of 2"))
    return script


async def test_we_register_and_pull_what_the_partner_owns(stage: Stage) -> None:
    willing(stage.script, "tariffs", "locations")
    await stage.signals.connect(stage.connection_id)
    handshake = ids.handshake(stage.connection_id)

    assert await stage.result(handshake) == "CONNECTED"
    assert await stage.state(handshake) == ("CONNECTED", False)
    for module in ("tariffs", "locations"):
        assert await stage.result(ids.resync(stage.connection_id, module)) == 2
    done = [name for name, _ in stage.script.calls if name.startswith("handshake-")]
    assert done == [
        "handshake-discover",
        "handshake-offer-access",
        "handshake-exchange-credentials",
        "handshake-prove",
        "handshake-modules-to-pull",
        "handshake-partner-has-called",
    ]


async def test_what_is_offered_is_what_is_exchanged(stage: Stage) -> None:
    willing(stage.script)
    await stage.signals.connect(stage.connection_id)
    await stage.result(ids.handshake(stage.connection_id))
    (offered,) = stage.script.inputs(HandshakeActivities.offer_access)
    (exchanged,) = stage.script.inputs(HandshakeActivities.exchange_credentials)
    assert isinstance(exchanged, Exchange)
    assert exchanged == offered  # one request key: a repeat finds the token that was committed before it left
    assert not exchanged.renew


async def test_a_renewal_replaces_and_has_a_key_of_its_own(stage: Stage) -> None:
    willing(stage.script)
    await stage.signals.connect(stage.connection_id)
    await stage.result(ids.handshake(stage.connection_id))
    await stage.signals.renew(stage.connection_id)
    assert await stage.result(ids.handshake(stage.connection_id)) == "CONNECTED"
    first, second = stage.script.inputs(HandshakeActivities.exchange_credentials)
    assert (first.renew, second.renew) == (False, True)
    assert first.request_key != second.request_key


async def test_a_stuck_step_says_why_and_what_to_do_and_a_nudge_ends_the_pause(stage: Stage) -> None:
    down = refusal("no route to the partner", "PartnerUnavailable")
    willing(stage.script).on(HandshakeActivities.discover, down, down, down, down, "by an adapter")
    await stage.signals.connect(stage.connection_id)
    handshake = ids.handshake(stage.connection_id)

    await stage.reaches(handshake, "STUCK_DISCOVERING", attention=True)
    said = await stage.details(handshake)
    assert "no route to the partner" in said
    assert "attempt 1 failed" in said
    assert "tried again in 1 s" in said
    assert "`retry`" in said
    assert "`give_up_now`" in said
    began = time.monotonic()
    for attempt in range(2, 6):
        await stage.signals.nudge(stage.connection_id)
        await eventually(partial(_attempted, stage, attempt), f"attempt {attempt}")
        if attempt < 5:
            await _says(stage, handshake, f"attempt {attempt} failed")
    assert await stage.result(handshake) == "CONNECTED"
    assert time.monotonic() - began < 10  # 1 + 2 + 4 + 8 s of pauses otherwise
    assert len(stage.script.inputs(HandshakeActivities.discover)) == 5


def _attempted(stage: Stage, times: int) -> bool:
    return len(stage.script.inputs(HandshakeActivities.discover)) >= times


async def _says(stage: Stage, workflow_id: str, words: str) -> None:
    async with asyncio.timeout(10):
        while words not in await stage.details(workflow_id):  # noqa: ASYNC110  a test has no event for it
            await asyncio.sleep(0.02)


async def test_a_step_that_failed_is_tried_again_by_itself(stage: Stage) -> None:
    willing(stage.script).on(HandshakeActivities.exchange_credentials, refusal("2001"), None)
    await stage.signals.connect(stage.connection_id)
    await stage.reaches(ids.handshake(stage.connection_id), "STUCK_EXCHANGING", attention=True)
    assert await stage.result(ids.handshake(stage.connection_id)) == "CONNECTED"
    assert len({e.request_key for e in stage.script.inputs(HandshakeActivities.exchange_credentials)}) == 1


async def test_a_person_gives_up(stage: Stage) -> None:
    willing(stage.script).on(HandshakeActivities.prove, refusal("401", "PartnerUnauthorized"))
    await stage.signals.connect(stage.connection_id)
    handshake = ids.handshake(stage.connection_id)
    await stage.reaches(handshake, "STUCK_PROVING", attention=True)
    await stage.handle(handshake).signal(Handshake.give_up)
    assert await stage.result(handshake) == "GIVEN_UP"
    assert await stage.state(handshake) == ("GIVEN_UP", True)
    assert stage.script.inputs(HandshakeActivities.modules_to_pull) == []


async def test_nobody_can_nudge_what_does_not_run(stage: Stage) -> None:
    with pytest.raises(CannotTell):
        await stage.signals.nudge(stage.connection_id)


async def test_the_partner_calls_and_is_answered_before_it_is_called_with_its_new_token(stage: Stage) -> None:
    willing(stage.script, "tokens")
    await stage.signals.register(stage.connection_id)
    assert await stage.result(ids.handshake(stage.connection_id)) == "CONNECTED"
    done = [name for name, _ in stage.script.calls]
    assert done[:4] == [
        "handshake-answer-registration",
        "handshake-prove",
        "schedules-arrange",
        "handshake-modules-to-pull",
    ]


@pytest.mark.parametrize("ocpi_status", [3001, 3002, 3003])
async def test_a_partner_that_cannot_be_called_back_is_told_so_and_may_come_again(
    stage: Stage, ocpi_status: int
) -> None:
    no = RegistrationAnswer(accepted=False, ocpi_status=ocpi_status, message="not like this")
    willing(stage.script).on(HandshakeActivities.answer_registration, no, RegistrationAnswer(accepted=True))
    handshake = ids.handshake(stage.connection_id)

    with pytest.raises(RegistrationFailed) as refused:
        await stage.signals.register(stage.connection_id)
    assert (refused.value.ocpi_status, refused.value.message) == (ocpi_status, "not like this")
    assert await stage.state(handshake) == ("REFUSED", True)
    assert "tell the partner: not like this" in await stage.details(handshake)

    await stage.signals.register(stage.connection_id)
    assert await stage.result(handshake) == "CONNECTED"


async def test_each_post_of_the_partner_gets_a_token_of_its_own(stage: Stage) -> None:
    willing(stage.script).on(HandshakeActivities.prove, refusal("not yet"), refusal("not yet"), None)
    await stage.signals.register(stage.connection_id)
    await stage.signals.update_credentials(stage.connection_id)
    assert await stage.result(ids.handshake(stage.connection_id)) == "CONNECTED"
    first, second = stage.script.inputs(HandshakeActivities.answer_registration)
    assert first.request_key != second.request_key


async def test_a_fault_of_ours_is_not_a_refusal(stage: Stage) -> None:
    willing(stage.script).on(
        HandshakeActivities.answer_registration, refusal("the store", "NotFound"), RegistrationAnswer(accepted=True)
    )
    with pytest.raises(CannotTell):
        await stage.signals.register(stage.connection_id)
    await stage.signals.register(stage.connection_id)
    assert await stage.result(ids.handshake(stage.connection_id)) == "CONNECTED"


async def test_a_renewal_while_a_pull_is_still_under_way_is_no_failure(stage: Stage) -> None:
    willing(stage.script, "tokens", "tariffs").on(ResyncActivities.pull_page, RuntimeError("the partner is slow"))
    await stage.signals.pull(stage.connection_id, "tokens")
    await stage.signals.connect(stage.connection_id)
    assert await stage.result(ids.handshake(stage.connection_id)) == "CONNECTED"
    assert await stage.status(ids.resync(stage.connection_id, "tariffs")) is WorkflowExecutionStatus.RUNNING


async def test_behind_a_hub_it_is_known_whose_objects_come_before_they_come(stage: Stage) -> None:
    listed = asyncio.Event()

    async def page(cursor: Cursor) -> Progress:
        if cursor.module == "hubclientinfo":
            await listed.wait()
        return Progress(1, None)

    willing(stage.script, "hubclientinfo", "locations").on(ResyncActivities.pull_page, page)
    await stage.signals.connect(stage.connection_id)
    await stage.reaches(ids.resync(stage.connection_id, "hubclientinfo"), "PULLING")
    await eventually(partial(_asked, stage, "hubclientinfo"), "the hub's clients")
    assert not _asked(stage, "locations")
    listed.set()
    assert await stage.result(ids.handshake(stage.connection_id)) == "CONNECTED"
    assert await stage.result(ids.resync(stage.connection_id, "locations")) == 1


def _asked(stage: Stage, module: str) -> bool:
    return any(cursor.module == module for cursor in stage.script.inputs(ResyncActivities.pull_page))


async def test_a_partner_hears_that_we_leave(stage: Stage) -> None:
    stage.script.on(HandshakeActivities.unregister, refusal("no route", "PartnerUnavailable"), None)
    await stage.signals.unregister(stage.connection_id)
    assert await stage.result(ids.unregistration(stage.connection_id)) == "TOLD"
    assert stage.script.inputs(HandshakeActivities.unregister) == [stage.connection_id] * 2
    assert stage.script.inputs(HandshakeActivities.revoke) == []


async def test_a_person_leaves_without_a_word(stage: Stage) -> None:
    stage.script.on(HandshakeActivities.unregister, refusal("no route", "PartnerUnavailable"))
    stage.script.on(HandshakeActivities.revoke, None)
    await stage.signals.unregister(stage.connection_id)
    leaving = ids.unregistration(stage.connection_id)
    await stage.reaches(leaving, "STUCK_TELLING", attention=True)
    await stage.handle(leaving).signal(Unregistration.give_up)
    assert await stage.result(leaving) == "LEFT_UNTOLD"
    assert await stage.state(leaving) == ("LEFT_UNTOLD", True)
    assert stage.script.inputs(HandshakeActivities.revoke) == [stage.connection_id]


async def test_a_partner_that_cannot_be_told_for_a_day_is_left(timeless_stage: Stage) -> None:
    timeless_stage.script.on(HandshakeActivities.unregister, refusal("no route", "PartnerUnavailable"))
    timeless_stage.script.on(HandshakeActivities.revoke, None)
    await timeless_stage.signals.unregister(timeless_stage.connection_id)
    assert await timeless_stage.result(ids.unregistration(timeless_stage.connection_id)) == "LEFT_UNTOLD"


async def test_a_handshake_stops_when_the_relation_has_ended(stage: Stage) -> None:
    willing(stage.script).on(HandshakeActivities.prove, refusal("401", "PartnerUnauthorized"))
    await stage.signals.register(stage.connection_id)
    await stage.reaches(ids.handshake(stage.connection_id), "STUCK_PROVING")
    await stage.signals.give_up(stage.connection_id)
    assert await stage.result(ids.handshake(stage.connection_id)) == "GIVEN_UP"
    await stage.signals.give_up(stage.connection_id)  # nothing runs any more, and that is fine


@pytest.mark.parametrize("refused", [False, True])
async def test_a_hub_is_asked_whom_it_reaches_before_all_of_it_is_read(stage: Stage, refused: bool) -> None:
    willing(stage.script).on(ScheduleActivities.due, ["hubclientinfo", "locations"])
    stage.script.on(HandshakeActivities.refresh_roles, refusal("404", "PartnerNotFound") if refused else None)
    for delta, asked in ((True, []), (False, [stage.connection_id])):
        handle = await stage.client.start_workflow(
            Synchronisation.run,
            SynchronisationOrder(stage.connection_id, delta),
            id=ids.synchronisation(stage.connection_id, delta=delta),
            task_queue=stage.signals.task_queue,
        )
        assert await handle.result() == {"hubclientinfo": "2 pulled", "locations": "2 pulled"}
        assert stage.script.inputs(HandshakeActivities.refresh_roles) == asked


async def test_the_partners_first_call_proves_the_other_direction(stage: Stage) -> None:
    willing(stage.script).on(HandshakeActivities.partner_has_called, False)
    await stage.signals.connect(stage.connection_id)
    handshake = ids.handshake(stage.connection_id)
    await stage.reaches(handshake, "PROVING_INBOUND", attention=False)
    assert "the connection works meanwhile" in await stage.details(handshake)
    await eventually(lambda: bool(stage.script.inputs(HandshakeActivities.modules_to_pull)), "the first pulls")
    await stage.signals.partner_called(stage.connection_id)
    assert await stage.result(handshake) == "CONNECTED"
    assert await stage.state(handshake) == ("CONNECTED", False)


async def test_a_call_that_nobody_told_of_is_found_in_the_store(stage: Stage) -> None:
    willing(stage.script).on(HandshakeActivities.partner_has_called, False, True)
    await stage.signals.connect(stage.connection_id)
    asked = partial(stage.script.inputs, HandshakeActivities.partner_has_called)
    await eventually(lambda: bool(asked()), "a look into the store")
    await intervening(stage, Intervention.RETRY)
    assert await stage.result(ids.handshake(stage.connection_id)) == "CONNECTED"


async def test_a_partner_that_only_listens_is_connected_and_it_is_said_what_is_not_proved(
    timeless_stage: Stage,
) -> None:
    willing(timeless_stage.script).on(HandshakeActivities.partner_has_called, False)
    await timeless_stage.signals.connect(timeless_stage.connection_id)
    handshake = ids.handshake(timeless_stage.connection_id)
    assert await timeless_stage.result(handshake) == "CONNECTED"
    assert await timeless_stage.state(handshake) == ("CONNECTED", True)
    assert "not proved that the partner can call us" in await timeless_stage.details(handshake)


async def test_a_person_vouches_for_either_direction(stage: Stage) -> None:
    willing(stage.script).on(HandshakeActivities.prove, refusal("401", "PartnerUnauthorized"))
    stage.script.on(HandshakeActivities.partner_has_called, False)
    await stage.signals.connect(stage.connection_id)
    handshake = ids.handshake(stage.connection_id)
    await stage.reaches(handshake, "STUCK_PROVING", attention=True)
    await intervening(stage, Intervention.SKIP_CANARY)
    await stage.reaches(handshake, "PROVING_INBOUND")
    assert stage.script.inputs(HandshakeActivities.connect_unproved) == [stage.connection_id]
    await intervening(stage, Intervention.SKIP_CANARY)
    assert await stage.result(handshake) == "CONNECTED"


async def test_what_makes_no_sense_now_is_refused_with_the_reason(stage: Stage) -> None:
    down = refusal("no route", "PartnerUnavailable")
    willing(stage.script).on(HandshakeActivities.discover, down).on(HandshakeActivities.partner_has_called, False)
    with pytest.raises(NotRunning, match="no handshake"):
        await stage.signals.intervene(stage.connection_id, Intervention.RETRY)

    await stage.signals.connect(stage.connection_id)
    handshake = ids.handshake(stage.connection_id)
    await stage.reaches(handshake, "STUCK_DISCOVERING", attention=True)
    with pytest.raises(CannotTell, match="no canary call to skip: it is stuck at DISCOVERING"):
        await stage.signals.intervene(stage.connection_id, Intervention.SKIP_CANARY)
    stage.script.on(HandshakeActivities.discover, "by an adapter")
    await intervening(stage, Intervention.USE_TOKEN)

    await stage.reaches(handshake, "PROVING_INBOUND")
    with pytest.raises(CannotTell, match="it is connected"):
        await stage.signals.intervene(stage.connection_id, Intervention.GIVE_UP)
    with pytest.raises(CannotTell, match="our own calls work"):
        await stage.signals.intervene(stage.connection_id, Intervention.USE_TOKEN)
    await intervening(stage, Intervention.SKIP_CANARY)
    assert await stage.result(handshake) == "CONNECTED"


async def test_where_the_partner_begins_only_giving_up_makes_sense(stage: Stage) -> None:
    no = RegistrationAnswer(accepted=False, ocpi_status=3001, message="not like this")
    willing(stage.script).on(HandshakeActivities.answer_registration, no)
    with pytest.raises(RegistrationFailed):
        await stage.signals.register(stage.connection_id)
    for how in (Intervention.RETRY, Intervention.SKIP_CANARY, Intervention.USE_TOKEN):
        with pytest.raises(CannotTell, match="the partner is to begin"):
            await stage.signals.intervene(stage.connection_id, how)
    await intervening(stage, Intervention.GIVE_UP)
    assert await stage.result(ids.handshake(stage.connection_id)) == "GIVEN_UP"


async def test_a_partner_that_does_not_come_again_is_not_waited_for_for_ever(timeless_stage: Stage) -> None:
    no = RegistrationAnswer(accepted=False, ocpi_status=3001, message="not like this")
    willing(timeless_stage.script).on(HandshakeActivities.answer_registration, no)
    with pytest.raises(RegistrationFailed):
        await timeless_stage.signals.register(timeless_stage.connection_id)
    assert await timeless_stage.result(ids.handshake(timeless_stage.connection_id)) == "NOT_RETURNED"


async def test_new_tokens_are_wanted_while_the_partner_has_not_called_yet(stage: Stage) -> None:
    async def after_the_renewal(_: str) -> bool:
        return len(stage.script.inputs(HandshakeActivities.exchange_credentials)) == 2

    willing(stage.script).on(HandshakeActivities.partner_has_called, after_the_renewal)
    await stage.signals.connect(stage.connection_id)
    await stage.reaches(ids.handshake(stage.connection_id), "PROVING_INBOUND")
    await stage.signals.renew(stage.connection_id)
    assert await stage.result(ids.handshake(stage.connection_id)) == "CONNECTED"
    first, second = stage.script.inputs(HandshakeActivities.exchange_credentials)
    assert (first.renew, second.renew) == (False, True)
    assert first.request_key != second.request_key


async def test_a_partner_that_registers_once_more_is_called_once_more(stage: Stage) -> None:
    willing(stage.script).on(HandshakeActivities.partner_has_called, False)
    await stage.signals.register(stage.connection_id)
    await stage.reaches(ids.handshake(stage.connection_id), "PROVING_INBOUND")
    await stage.signals.update_credentials(stage.connection_id)
    await eventually(lambda: len(stage.script.inputs(HandshakeActivities.prove)) == 2, "a call with the newer token")
    await stage.reaches(ids.handshake(stage.connection_id), "PROVING_INBOUND")
    await stage.signals.partner_called(stage.connection_id)
    assert await stage.result(ids.handshake(stage.connection_id)) == "CONNECTED"


async def intervening(stage: Stage, how: Intervention) -> None:
    """As soon as the state that was reached has got so far: what is told in it comes a moment after."""
    async with asyncio.timeout(10):
        while True:
            try:
                await stage.signals.intervene(stage.connection_id, how)
            except CannotTell:
                await asyncio.sleep(0.02)
            else:
                return


def test_the_order_in_which_a_lost_answer_is_mended_is_the_partners() -> None:
    held = [HeldToken(number, SecretStr("t"), datetime.now(UTC)) for number in (3, 2)]

    def order(*, renew: bool, **changed: tuple[AskAgain, ...]) -> list[tuple[str, int]]:
        adapter = OcpiAdapter(VERSIONS[0], replace(STANDARD, **changed))
        return [(method, each.number) for method, each in _ways(adapter, held, renew=renew)]

    usual = [("POST", 3), ("POST", 2), ("PUT", 3), ("PUT", 2), ("GET", 3), ("GET", 2)]
    assert order(renew=False) == usual
    assert order(renew=True, asks_again=(AskAgain.READ,)) == [("PUT", 3), ("GET", 3)]
    assert order(renew=True, asks_again=()) == [("PUT", 3)]
