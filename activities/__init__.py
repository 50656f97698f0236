"""The only glue that does I/O: each activity calls an adapter, the store or settlement for one step of a workflow.

Activities are idempotent, and each says by which key. They take and return ids and small values.
"""

from collections.abc import Callable

from activities.billing import BillingActivities
from activities.commands import CommandActivities
from activities.delivery import DeliveryActivities
from activities.financial_log import LogActivities
from activities.handshake import HandshakeActivities
from activities.partner_feed import FeedActivities
from activities.resources import Resources
from activities.resync import ResyncActivities
from activities.retention import RetentionActivities
from activities.schedules import ScheduleActivities
from activities.session_watch import SessionWatchActivities
from activities.settlement import SettlementActivities
from activities.sweep import SweepActivities, Wake
from activities.token_rotation import TokenRotationActivities
from activities.webhooks import WebhookActivities


def all_activities(resources: Resources, wake: Wake) -> list[Callable[..., object]]:
    """Every activity a worker serves, bound to its resources."""
    handshake, resync, feed = (
        HandshakeActivities(resources),
        ResyncActivities(resources, wake),
        FeedActivities(resources),
    )
    commands, delivery = CommandActivities(resources), DeliveryActivities(resources, wake)
    schedules = ScheduleActivities(resources, wake)
    webhooks = WebhookActivities(resources)
    billing, settlement = BillingActivities(resources), SettlementActivities(resources, wake)
    sessions = SessionWatchActivities(resources, resync)
    return [
        handshake.discover,
        handshake.offer_access,
        handshake.exchange_credentials,
        handshake.answer_registration,
        handshake.prove,
        handshake.connect_unproved,
        handshake.partner_has_called,
        handshake.refresh_roles,
        handshake.unregister,
        handshake.revoke,
        handshake.modules_to_pull,
        resync.begin,
        resync.pull_page,
        resync.finish,
        schedules.arrange,
        schedules.due,
        feed.drain,
        commands.send,
        commands.conclude,
        commands.tell_result,
        commands.give_up,
        billing.generate_cdr,
        billing.check_cdr,
        sessions.cdr_here,
        sessions.look,
        sessions.settle,
        delivery.deliver,
        delivery.abandon,
        delivery.send_cdr,
        delivery.prove_receipt,
        settlement.claim,
        settlement.assess,
        settlement.invoice,
        settlement.reconcile,
        settlement.book,
        SweepActivities(resources, wake).wake_unattended,
        LogActivities(resources).extend,
        RetentionActivities(resources).let_go,
        TokenRotationActivities(resources, wake).begin,
        webhooks.deliver,
        webhooks.pause,
    ]
