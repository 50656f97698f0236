"""What does not go well, with scripted activities: the branches that two healthy deployments never take."""

from activities.billing import Billed, BillingActivities, Verdict
from activities.commands import Asked, CommandActivities
from activities.handshake import HandshakeActivities, RegistrationAnswer
from activities.partner_feed import FeedActivities
from activities.resync import Begun, Finished, Progress, ResyncActivities
from activities.settlement import Booked, Claimed, Exceptions, SettlementActivities
from activities.webhooks import Delivered, WebhookActivities
from adapters.transport.crawl import Place
from canonical.command import CommandState
from canonical.identity import ObjectId
from canonical.partner import Side
from canonical.session import SessionStatus
from tests.workflows.stage import Stage, eventually, refusal
from workflows import ids
from workflows.cdr_delivery import CdrDelivery
from workflows.contract import RegistrationFailed
from workflows.handshake import Handshake
from workflows.unregistration import Unregistration

_CDR = ObjectId.parse("DE*RCO/C-1")


def _session(number: int) -> ObjectId:
    return ObjectId.parse(f"DE*RCO/S-{number}")


async def play(stage: Stage) -> None:
    await _handshakes(stage)
    await leavings(stage)
    await _sessions(stage)
    await _deliveries(stage)
    await commands(stage)
    await _lists(stage)
    await _settlements(stage)
    await webhooks(stage)


async def webhooks(stage: Stage) -> None:
    """One that is delivered to, paused, resumed and removed."""
    stage.script.on(
        WebhookActivities.deliver,
        Delivered(50, more=True),
        Delivered(3),
        refusal("the receiver answered 410 to event evt_54", "WebhookFailed"),
        Delivered(0, paused=True),
        Delivered(1),
        Delivered(0, exists=False),
    ).on(WebhookActivities.pause, None)
    webhook = ids.webhook("wh_1")
    await stage.signals.deliver("wh_1")
    for state in ("IDLE", "PAUSED"):
        await stage.reaches(webhook, state)
        await stage.signals.deliver("wh_1")
    await eventually(lambda: len(stage.script.inputs(WebhookActivities.deliver)) >= 4, "a look at a paused one")
    await stage.signals.deliver("wh_1")
    await stage.reaches(webhook, "IDLE")
    await stage.signals.deliver("wh_1")
    await stage.result(webhook)


async def _handshakes(stage: Stage) -> None:
    script, signals = stage.script, stage.signals
    script.on(HandshakeActivities.discover, refusal("down", "PartnerUnavailable"), "by an adapter")
    script.on(HandshakeActivities.offer_access, None).on(HandshakeActivities.exchange_credentials, None)
    script.on(HandshakeActivities.prove, None).on(HandshakeActivities.modules_to_pull, [])
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


async def leavings(stage: Stage) -> None:
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


async def _sessions(stage: Stage) -> None:
    script, signals = stage.script, stage.signals
    await signals.session_started(_session(1), "c", Side.CPO)
    await signals.session_changed(_session(1), "c", Side.CPO, SessionStatus.INVALID)
    script.on(BillingActivities.generate_cdr, Billed(None, "no tariff", needs_person=True))
    await signals.session_changed(_session(2), "c", Side.CPO, SessionStatus.COMPLETED)
    script.on(BillingActivities.check_cdr, Verdict("QUARANTINED", "cdr.total_cost_differs", needs_person=True))
    await signals.session_started(_session(3), "c", Side.EMSP)
    await stage.reaches(ids.charging_session("c", _session(3).key), "RUNNING")
    await signals.cdr_received(_CDR, "S-3", "c")
    for number in (1, 2, 3):
        await stage.result(ids.charging_session("c", _session(number).key))


async def _deliveries(stage: Stage) -> None:
    script = stage.script
    script.on(BillingActivities.send_cdr, refusal("2001"), None)
    script.on(BillingActivities.prove_receipt, refusal("404", "PartnerNotFound"))
    script.on(BillingActivities.generate_cdr, Billed("DE*RCO/C-4"), Billed("DE*RCO/C-5"))
    for number, decision in ((4, CdrDelivery.release), (5, CdrDelivery.abandon)):
        delivery = ids.cdr_delivery("c", f"DE*RCO/C-{number}")
        await stage.signals.session_changed(_session(number), "c", Side.CPO, SessionStatus.COMPLETED)
        await stage.reaches(ids.charging_session("c", _session(number).key), "DELIVERING")
        await stage.reaches(delivery, "PARKED")
        await stage.handle(delivery).signal(decision)
        await stage.result(ids.charging_session("c", _session(number).key))
        script.on(BillingActivities.send_cdr, refusal("2001"))


async def commands(stage: Stage) -> None:
    """Every way that an order can take, on either side."""
    script, signals = stage.script, stage.signals
    answers = (CommandState.ACCEPTED, 60.0), (CommandState.REFUSED, 0.0), (CommandState.UNANSWERED, 0.2)
    script.on(CommandActivities.send, *(Asked(state, wait_s) for state, wait_s in answers))
    script.on(CommandActivities.conclude, "ACCEPTED", "TIMEOUT", "ACCEPTED", "TIMEOUT", "FAILED")
    await signals.command("accepted", "c", ours=True)
    await stage.reaches(ids.command("c", "accepted"), "WAITING")
    await signals.command_concluded("accepted", "c", ours=True)
    await stage.result(ids.command("c", "accepted"))
    for name in ("refused", "unanswered"):
        await signals.command(name, "c", ours=True)
        await stage.result(ids.command("c", name))

    script.on(CommandActivities.tell_result, None, None, refusal("404")).on(CommandActivities.give_up, None)
    await signals.command("told", "c", ours=False, wait_s=60.0)
    await stage.reaches(ids.command("c", "told"), "WAITING")
    await signals.command_concluded("told", "c", ours=False)
    await stage.result(ids.command("c", "told"))
    for name in ("timed-out", "untold"):
        await signals.command(name, "c", ours=False, wait_s=0.2)
        await stage.result(ids.command("c", name))


async def _lists(stage: Stage) -> None:
    script, signals = stage.script, stage.signals
    place = Place("https://partner.example/2", page=2)
    script.on(ResyncActivities.begin, Begun(1))
    script.on(ResyncActivities.pull_page, Progress(2, place.url, place), Progress(1, None))
    script.on(ResyncActivities.finish, Finished("3 seen; the list may not be whole", whole=False))
    await signals.pull("c", "tariffs")
    await stage.result(ids.resync("c", "tariffs"))
    script.on(ResyncActivities.pull_page, refusal("401", "PartnerUnauthorized"))
    await signals.pull("c", "locations")
    await stage.reaches(ids.resync("c", "locations"), "REFUSED")
    script.on(FeedActivities.drain, refusal("401", "PartnerUnauthorized"), 2, 0)
    await signals.feed("c")
    await stage.reaches(ids.partner_feed("c"), "STUCK")
    await signals.feed("c")
    await stage.reaches(ids.partner_feed("c"), "IDLE")


async def _settlements(stage: Stage) -> None:
    script, signals = stage.script, stage.signals
    script.on(SettlementActivities.claim, Claimed(None, "no CDR"), Claimed("S-1", "2 CDRs", "I-1"))
    for month in ("2026-01", "2026-02"):
        await stage.handle(await signals.settle("c", month)).result()
    script.on(SettlementActivities.reconcile, Exceptions(1, 1, "1 not"))
    script.on(SettlementActivities.book, Booked("DISPUTED", "it asks for more", needs_person=True))
    await signals.reconcile("c", "S-2")
    await stage.reaches(ids.reconciliation("c", "S-2"), "AWAITING_INVOICE")
    await signals.invoice_received("c", "S-2", "I-2")
    await stage.result(ids.reconciliation("c", "S-2"))
