"""Handshakes that do not go well, and ends of registrations, with scripted activities."""

import contextlib
from dataclasses import replace

from temporalio.client import WorkflowUpdateFailedError

from activities.handshake import HandshakeActivities, RegistrationAnswer
from tests.workflows.stage import Stage, eventually, refusal
from workflows import ids
from workflows.contract import RegistrationFailed
from workflows.handshake import Handshake, HandshakeOrder, Opening
from workflows.unregistration import Unregistration

SOON = 24
"""Events until a new run."""


async def play(stage: Stage) -> None:
    await _stuck_and_refused(stage)
    await _by_hand(stage)
    await _leavings(stage)


async def _stuck_and_refused(stage: Stage) -> None:
    script, signals = stage.script, stage.signals
    script.on(HandshakeActivities.discover, refusal("down", "PartnerUnavailable"), "by an adapter")
    script.on(HandshakeActivities.offer_access, None).on(HandshakeActivities.exchange_credentials, None)
    script.on(HandshakeActivities.prove, None).on(HandshakeActivities.modules_to_pull, [])
    script.on(HandshakeActivities.partner_has_called, True)
    await signals.connect("stuck")
    await stage.reaches(ids.handshake("stuck"), "STUCK_DISCOVERING")
    await signals.nudge("stuck")
    await stage.result(ids.handshake("stuck"))

    script.on(HandshakeActivities.discover, refusal("down", "PartnerUnavailable"))
    await signals.connect("given-up")
    await stage.reaches(ids.handshake("given-up"), "STUCK_DISCOVERING")
    await stage.handle(ids.handshake("given-up")).signal(Handshake.give_up)
    await stage.result(ids.handshake("given-up"))

    no = RegistrationAnswer(accepted=False, ocpi_status=3002, message="no version in common")
    script.on(HandshakeActivities.answer_registration, no, RegistrationAnswer(accepted=True))
    for _ in range(2):
        try:
            await signals.register("refused-first")
        except RegistrationFailed:
            await stage.reaches(ids.handshake("refused-first"), "REFUSED")
    await stage.result(ids.handshake("refused-first"))


async def _by_hand(stage: Stage) -> None:
    """What a person does about one that is stuck, a partner that is never heard or comes twice, and a long life."""
    script, signals = stage.script, stage.signals
    script.on(HandshakeActivities.discover, "by an adapter").on(HandshakeActivities.partner_has_called, False)
    script.on(HandshakeActivities.prove, refusal("down", "PartnerUnavailable"))
    script.on(HandshakeActivities.connect_unproved, None)
    unproved = stage.handle(ids.handshake("unproved"))
    await signals.connect("unproved")
    for state in ("STUCK_PROVING", "PROVING_INBOUND"):
        await stage.reaches(unproved.id, state)
        await unproved.execute_update(Handshake.skip_canary)
    await stage.result(unproved.id)

    script.on(HandshakeActivities.exchange_credentials, refusal("405", "PartnerRejected"), refusal("405"), None)
    script.on(HandshakeActivities.prove, None)
    by_hand = stage.handle(ids.handshake("by-hand"))
    await signals.connect("by-hand")
    await stage.reaches(by_hand.id, "STUCK_EXCHANGING")
    await by_hand.execute_update(Handshake.retry)
    await eventually(lambda: len(script.inputs(HandshakeActivities.exchange_credentials)) >= 3, "a second attempt")
    await stage.reaches(by_hand.id, "STUCK_EXCHANGING")
    await by_hand.execute_update(Handshake.use_token)
    await stage.reaches(by_hand.id, "PROVING_INBOUND")
    await by_hand.signal(Handshake.renew)
    await eventually(lambda: len(script.inputs(HandshakeActivities.exchange_credentials)) >= 5, "the renewal")
    await stage.reaches(by_hand.id, "PROVING_INBOUND")
    script.on(HandshakeActivities.partner_has_called, True)
    await by_hand.signal(Handshake.partner_called)
    await stage.result(by_hand.id)

    script.on(HandshakeActivities.answer_registration, RegistrationAnswer(accepted=True))
    script.on(HandshakeActivities.partner_has_called, False)
    twice = stage.handle(ids.handshake("twice"))
    for _ in range(2):
        await signals.register("twice")
        await stage.reaches(twice.id, "PROVING_INBOUND")
    await twice.signal(Handshake.partner_called)
    await stage.result(twice.id)

    script.on(HandshakeActivities.discover, refusal("down", "PartnerUnavailable"))
    order = replace(HandshakeOrder.of_today("for-months", Opening.WE_REGISTER), events_max=SOON)
    long = await stage.client.start_workflow(
        Handshake.run, order, id=ids.handshake("for-months"), task_queue=signals.task_queue
    )
    before = len(script.inputs(HandshakeActivities.discover))
    for number in range(4):
        await eventually(
            lambda n=number: len(script.inputs(HandshakeActivities.discover)) > before + n,  # type: ignore[misc]
            "an attempt",
        )
        await stage.reaches(long.id, "STUCK_DISCOVERING")
        with contextlib.suppress(WorkflowUpdateFailedError):  # it is being tried
            await stage.handle(long.id).execute_update(Handshake.retry)
    await stage.reaches(long.id, "STUCK_DISCOVERING")
    await stage.handle(long.id).execute_update(Handshake.give_up_now)
    await stage.result(long.id)


async def _leavings(stage: Stage) -> None:
    """The end of a registration: told at the second attempt, and left untold."""
    script, signals = stage.script, stage.signals
    script.on(HandshakeActivities.unregister, refusal("down", "PartnerUnavailable"), None)
    await signals.unregister("told")
    await stage.reaches(ids.unregistration("told"), "STUCK_TELLING")
    await stage.handle(ids.unregistration("told")).signal(Unregistration.nudge)
    await stage.result(ids.unregistration("told"))

    script.on(HandshakeActivities.unregister, refusal("down", "PartnerUnavailable"))
    script.on(HandshakeActivities.revoke, None)
    await signals.unregister("untold")
    await stage.reaches(ids.unregistration("untold"), "STUCK_TELLING")
    await stage.handle(ids.unregistration("untold")).signal(Unregistration.give_up)
    await stage.result(ids.unregistration("untold"))
