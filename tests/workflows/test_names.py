"""Names that are stored in histories, bookmarks and partners' tickets. A change here breaks work under way."""

from temporalio import activity, workflow

import workflows
from activities import all_activities
from workflows import ids
from workflows.search_attributes import REGISTERED

WORKFLOWS = {
    "CdrDelivery": ({"abandon", "release", "wake"}, {"abandon_now", "corrected", "release_now"}, set()),
    "ChargingSession": ({"cdr_received", "changed", "look"}, set(), set()),
    "Command": ({"concluded"}, set(), set()),
    "FinancialLog": (set(), set(), set()),
    "Handshake": (
        {"give_up", "nudge", "partner_called", "renew"},
        {"answer", "give_up_now", "retry", "skip_canary", "use_token"},
        set(),
    ),
    "PartnerFeed": ({"wake"}, set(), set()),
    "Reconciliation": ({"invoice_received"}, set(), set()),
    "Resync": (set(), set(), set()),
    "Retention": (set(), set(), set()),
    "SettlementCycle": ({"report_received"}, {"approve"}, {"state"}),
    "Sweep": (set(), set(), set()),
    "TokenRotation": (set(), set(), set()),
    "Unregistration": ({"give_up", "nudge"}, {"give_up_now", "retry"}, set()),
    "Synchronisation": (set(), set(), set()),
    "WebhookDelivery": ({"wake"}, set(), set()),
}

ACTIVITIES = {
    "billing-check-cdr",
    "billing-generate-cdr",
    "billing-prove-receipt",
    "billing-send-cdr",
    "command-conclude",
    "command-give-up",
    "command-send",
    "command-tell-result",
    "delivery-abandon",
    "delivery-send",
    "feed-drain",
    "financial-log-extend",
    "handshake-answer-registration",
    "handshake-connect-unproved",
    "handshake-discover",
    "handshake-exchange-credentials",
    "handshake-modules-to-pull",
    "handshake-offer-access",
    "handshake-partner-has-called",
    "handshake-prove",
    "handshake-refresh-roles",
    "handshake-revoke",
    "handshake-unregister",
    "resync-begin",
    "resync-finish",
    "resync-pull-page",
    "retention-let-go",
    "schedules-arrange",
    "schedules-due",
    "session-cdr-here",
    "session-look",
    "session-settle",
    "settlement-assess",
    "settlement-book",
    "settlement-claim",
    "settlement-invoice",
    "settlement-reconcile",
    "sweep-wake-unattended",
    "token-rotation-begin",
    "webhook-deliver",
    "webhook-pause",
}


def test_workflows_signals_updates_and_queries() -> None:
    found = {}
    for kind in workflows.ALL:
        definition = workflow._Definition.must_from_class(kind)
        found[definition.name] = (set(definition.signals), set(definition.updates), set(definition.queries))
    assert found == WORKFLOWS


def test_activities() -> None:
    served = all_activities(None, None)  # type: ignore[arg-type]
    assert {activity._Definition.must_from_callable(one).name for one in served} == ACTIVITIES


def test_workflow_ids() -> None:
    assert ids.SWEEP_SCHEDULE == "sweep"
    assert ids.SWEEP_ALL_SCHEDULE == "sweep-all"
    assert ids.SWEEP_NOW == "sweep-now"
    assert ids.LOG_SCHEDULE == "financial-log"
    assert ids.LOG_ALL_SCHEDULE == "financial-log-all"
    assert ids.RETENTION_SCHEDULE == "retention"
    assert ids.ROTATION_SCHEDULE == "token-rotation"
    assert ids.handshake("c") == "handshake/c"
    assert ids.unregistration("c") == "unregistration/c"
    assert ids.charging_session("c", "DE*RCO/S-1") == "session/c/DE*RCO/S-1"
    assert ids.cdr_delivery("c", "DE*RCO/C-1") == "cdr-delivery/c/DE*RCO/C-1"
    assert ids.partner_feed("c") == "feed/c"
    assert ids.resync("c", "tariffs") == "resync/c/tariffs"
    assert ids.synchronisation("c", delta=True) == "delta/c"
    assert ids.synchronisation("c", delta=False) == "full-sweep/c"
    assert ids.command("c", "C-1") == "command/c/C-1"
    assert ids.settlement_cycle("c", "2026-03") == "settlement/c/2026-03"
    assert ids.reconciliation("c", "S-1") == "reconciliation/c/S-1"


def test_search_attributes() -> None:
    assert REGISTERED == {
        "RoamConnection": "Keyword",
        "RoamObject": "Keyword",
        "RoamState": "Keyword",
        "RoamAttention": "Bool",
        "RoamSince": "Datetime",
        "RoamDeadline": "Datetime",
    }
