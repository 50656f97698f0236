"""What does not go well, with scripted activities: the branches that two healthy deployments never take."""

from datetime import timedelta

from temporalio.exceptions import ApplicationError

from activities.billing import Billed, BillingActivities, Verdict
from activities.commands import Asked, CommandActivities
from activities.delivery import DeliveryActivities, Standing
from activities.partner_feed import FeedActivities
from activities.resync import Begun, Finished, Progress, ResyncActivities
from activities.session_watch import Looked, SessionWatchActivities
from activities.settlement import Booked, Claimed, Exceptions, SettlementActivities
from activities.webhooks import Delivered, WebhookActivities
from adapters.transport.crawl import Place
from canonical.command import CommandState
from canonical.identity import ObjectId
from canonical.partner import Side
from canonical.session import SessionStatus
from tests.replay import handshakes
from tests.workflows.stage import Stage, eventually, refusal
from workflows import ids
from workflows.cdr_delivery import CdrDelivery
from workflows.partner_feed import FeedOrder, PartnerFeed
from workflows.resync import Resync, ResyncOrder

_SOON = 12
"""Events until a new run."""
_CDR = ObjectId.parse("DE*RCO/C-1")


def _session(number: int) -> ObjectId:
    return ObjectId.parse(f"DE*RCO/S-{number}")


async def play(stage: Stage) -> None:
    await handshakes.play(stage)
    await _sessions(stage)
    await _deliveries(stage)
    await commands(stage)
    await _lists(stage)
    await _settlements(stage)
    await webhooks(stage)
    await long_lives(stage)


async def long_lives(stage: Stage) -> None:
    """A feed and a walk that leave a run behind."""
    script, client, queue = stage.script, stage.client, stage.signals.task_queue
    feed = FeedOrder("c-for-months", events_max=_SOON)
    script.on(FeedActivities.drain, refusal("401", "PartnerUnauthorized"), 1, 0)
    handle = await client.start_workflow(PartnerFeed.run, feed, id=ids.partner_feed("c-for-months"), task_queue=queue)
    for number in range(1, 8):
        await eventually(lambda n=number: len(script.inputs(FeedActivities.drain)) > n, "a drain")  # type: ignore[misc]
        await stage.signals.feed("c-for-months")
    await eventually(lambda: len(script.inputs(FeedActivities.drain)) > 8, "the last drain")
    await handle.terminate("recorded")

    pages = [Progress(2, f"https://p/{n}", Place(f"https://p/{n}", page=n)) for n in range(2, 6)]
    script.on(ResyncActivities.begin, Begun(2)).on(ResyncActivities.pull_page, *pages, Progress(1, None))
    script.on(ResyncActivities.finish, Finished("9 seen"))
    order, walk = ResyncOrder("c-for-months", "tokens", events_max=_SOON), ids.resync("c-for-months", "tokens")
    await client.start_workflow(Resync.run, order, id=walk, task_queue=queue)
    await stage.result(walk)


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


async def _sessions(stage: Stage) -> None:
    script, signals = stage.script, stage.signals
    await signals.session_started(_session(1), "c", Side.CPO, SessionStatus.ACTIVE)
    await signals.session_changed(_session(1), "c", Side.CPO, SessionStatus.INVALID)
    script.on(BillingActivities.generate_cdr, Billed(None, "no tariff", needs_person=True))
    await signals.session_changed(_session(2), "c", Side.CPO, SessionStatus.COMPLETED)
    script.on(BillingActivities.check_cdr, Verdict("QUARANTINED", "cdr.total_cost_differs", needs_person=True))
    await signals.session_started(_session(3), "c", Side.EMSP, SessionStatus.ACTIVE)
    await stage.reaches(ids.charging_session("c", _session(3).key), "ACTIVE")
    await signals.cdr_received(_CDR, "S-3", "c")
    for number in (1, 2, 3):
        await stage.result(ids.charging_session("c", _session(number).key))
    await sessions_in_doubt(stage)


async def sessions_in_doubt(stage: Stage) -> None:
    """Silent and heard of again, without a CDR, a CDR without a session, and a store that is away."""
    script, signals = stage.script, stage.signals
    active, ended = SessionStatus.ACTIVE, SessionStatus.COMPLETED
    silent, late = ids.charging_session("c", _session(6).key), ids.charging_session("c", _session(7).key)
    script.on(SessionWatchActivities.settle, None).on(SessionWatchActivities.cdr_here, None)
    script.on(
        SessionWatchActivities.look,
        Looked("SILENT", "it", attention=True, status=active),
        Looked("ACTIVE", "it", status=active),
    )
    script.on(BillingActivities.generate_cdr, refusal("the store is away"), Billed(None, "free"))
    await signals.session_started(_session(6), "c", Side.CPO, active)
    for state in ("SILENT", "ACTIVE"):
        await signals.look(_session(6), "c", Side.CPO, active)
        await stage.reaches(silent, state)
    await signals.session_changed(_session(6), "c", Side.CPO, ended)
    await stage.result(silent)

    script.on(SessionWatchActivities.look, Looked("CDR_OVERDUE", "its CDR", attention=True, status=ended))
    script.on(BillingActivities.check_cdr, Verdict("ACCEPTED", "the same"))
    await signals.look(_session(7), "c", Side.EMSP, ended)
    await stage.reaches(late, "CDR_OVERDUE")
    await signals.cdr_received(_CDR, "S-7", "c")
    await stage.result(late)

    script.on(SessionWatchActivities.look, Looked("PLANNED", "the operator to tell of it"))
    await signals.cdr_received(_CDR, "S-8", "c")
    await stage.result(ids.charging_session("c", _session(8).key))


async def _deliveries(stage: Stage) -> None:
    """Parked, held, and waiting for the next attempt, with everything that a person can decide about it."""
    script = stage.script
    parked, held = Standing("PARKED", "a decision; 2001", "decide", attention=True), Standing("HELD", "a connection")
    proved, replaced = Standing("PROVED", "nothing"), Standing("REPLACED", "nothing")
    script.on(DeliveryActivities.abandon, Standing("ABANDONED", "nothing", attention=True))
    down = ApplicationError("down", next_retry_delay=timedelta(hours=1))
    for number, first, decision, last in (
        (4, parked, CdrDelivery.release_now, proved),
        (5, parked, CdrDelivery.abandon_now, proved),
        (6, held, CdrDelivery.wake, proved),
        (7, parked, CdrDelivery.corrected, replaced),
        (8, down, CdrDelivery.release, proved),
        (9, down, CdrDelivery.abandon, proved),
    ):
        cdr = ObjectId.parse(f"DE*RCO/C-{number}")
        delivery, before = ids.cdr_delivery("c", cdr.key), len(script.inputs(DeliveryActivities.deliver))
        script.on(DeliveryActivities.deliver, first, last)
        if number < 6:  # by the session that it is of
            script.on(BillingActivities.generate_cdr, Billed(cdr.key))
            await stage.signals.session_changed(_session(number), "c", Side.CPO, SessionStatus.COMPLETED)
        else:
            await stage.signals.cdr_issued(cdr, "c")
        if isinstance(first, Standing):
            await stage.reaches(delivery, first.state)
        else:
            await eventually(lambda: len(script.inputs(DeliveryActivities.deliver)) > before, "an attempt")  # noqa: B023
        handle = stage.handle(delivery)
        if decision in (CdrDelivery.release_now, CdrDelivery.abandon_now, CdrDelivery.corrected):
            await handle.execute_update(decision)
        else:
            await handle.signal(decision)
        await stage.result(delivery)


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
