"""The only glue that does I/O: each activity calls an adapter, the store or settlement for one step of a workflow.

Activities are idempotent, and each says by which key. They take and return ids and small values.
"""

from collections.abc import Callable

from activities.billing import BillingActivities
from activities.handshake import HandshakeActivities
from activities.partner_feed import FeedActivities
from activities.resources import Resources
from activities.resync import ResyncActivities
from activities.settlement import SettlementActivities
from activities.sweep import SweepActivities, Wake


def all_activities(resources: Resources, wake: Wake) -> list[Callable[..., object]]:
    """Every activity a worker serves, bound to its resources."""
    handshake, resync, feed = (
        HandshakeActivities(resources),
        ResyncActivities(resources),
        FeedActivities(resources),
    )
    billing, settlement = BillingActivities(resources), SettlementActivities(resources)
    return [
        handshake.discover,
        handshake.offer_access,
        handshake.exchange_credentials,
        handshake.answer_registration,
        handshake.prove,
        handshake.modules_to_pull,
        resync.pull_page,
        feed.drain,
        billing.generate_cdr,
        billing.send_cdr,
        billing.prove_receipt,
        billing.check_cdr,
        settlement.claim,
        settlement.assess,
        settlement.invoice,
        settlement.reconcile,
        settlement.book,
        SweepActivities(resources, wake).wake_unattended,
    ]
