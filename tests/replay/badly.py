"""What does not go well, with scripted activities: the branches that two healthy deployments never take."""

from activities.billing import Billed, BillingActivities, Verdict
from activities.handshake import HandshakeActivities, RegistrationAnswer
from activities.partner_feed import FeedActivities
from activities.resync import Progress, ResyncActivities
from activities.settlement import Booked, Claimed, Exceptions, SettlementActivities
from canonical.identity import ObjectId
from canonical.partner import Side
from canonical.session import SessionStatus
from tests.workflows.stage import Stage, refusal
from workflows import ids
from workflows.cdr_delivery import CdrDelivery
from workflows.contract import RegistrationFailed
from workflows.handshake import Handshake

_CDR = ObjectId.parse("DE*RCO/C-1")


def _session(number: int) -> ObjectId:
    return ObjectId.parse(f"DE*RCO/S-{number}")


async def play(stage: Stage) -> None:
    await _handshakes(stage)
    await _sessions(stage)
    await _deliveries(stage)
    await _lists(stage)
    await _settlements(stage)


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


async def _lists(stage: Stage) -> None:
    script, signals = stage.script, stage.signals
    script.on(ResyncActivities.pull_page, Progress(2, "https://partner.example/2"), Progress(1, None))
    await signals.pull("c", "tariffs")
    await stage.result(ids.resync("c", "tariffs"))
    script.on(ResyncActivities.pull_page, Progress(2, "https://partner.example/1"))
    await signals.pull("c", "locations")
    await stage.reaches(ids.resync("c", "locations"), "CIRCLE")
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
