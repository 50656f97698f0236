"""One charging session, from its start to a CDR that is on its way, or checked; the same workflow on either side.

Meter values go to the store and never here: only a change of state does, and the sweep, when it has found that a
session is silent, does not end, or has no CDR. As the CPO we make the CDR once, when the session has ended, and see
its delivery begin. As the eMSP we wait for the CDR and check it.
"""

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError, WorkflowAlreadyStartedError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.billing import BillingActivities, CdrRef, SessionRef
    from activities.session_watch import CDR_EXPECTED_WITHIN, Looked, LookOrder, SessionWatchActivities
    from canonical.partner import Side
    from canonical.session import SessionStatus
    from canonical.store.session_watch import word_for
    from workflows import ids, patience
    from workflows.cdr_delivery import CdrDelivery, DeliveryOrder
    from workflows.earlier.charging_session import Heard, told_as_before
    from workflows.search_attributes import standing_at_start, tell

R = TypeVar("R")
A = TypeVar("A")

REVISION: Final = 2
"""Which story a new session is told by: 1 is that of `workflows.earlier.charging_session`."""


@dataclass(frozen=True)
class SessionOrder:
    """`session_key` is the folded `DE*ABC/ID`; `status` is what was known of it when the workflow was started."""

    session_key: str
    connection_id: str
    side: Side
    status: SessionStatus | None = None
    revision: int = 1


@workflow.defn(name="ChargingSession")
class ChargingSession:
    """Ends with a word on how it was closed: `BILLED` as the CPO, `CLOSED` as the eMSP, or why not."""

    @workflow.init
    def __init__(self, order: SessionOrder) -> None:
        self._order = order
        self._heard = Heard(order.status)
        self._is_news = self._to_look = False
        self._looked: Looked | None = None
        self._has_case = False

    @workflow.run
    async def run(self, order: SessionOrder) -> str:
        if order.revision < REVISION:
            return await told_as_before(order.session_key, order.connection_id, order.side, self._heard)
        how = await (self._as_cpo(order) if order.side is Side.CPO else self._as_emsp(order))
        if self._has_case:
            await _stored(SessionWatchActivities.settle, self._look_order(), "close its cases")
        return how

    async def _as_cpo(self, order: SessionOrder) -> str:
        await self._until(self._heard.has_ended)
        if self._heard.status is SessionStatus.INVALID:
            return self._closed("INVALID", "the session was declared invalid")
        session = SessionRef(order.session_key, order.connection_id)
        billed = await _stored(BillingActivities.generate_cdr, session, "generate the CDR", "ENDED")
        if billed.cdr_key is None:
            return self._closed("NOT_BILLED", billed.reason, attention=billed.needs_person)
        with contextlib.suppress(WorkflowAlreadyStartedError):
            await workflow.start_child_workflow(
                CdrDelivery.run,
                DeliveryOrder.current(billed.cdr_key, order.connection_id),
                id=ids.cdr_delivery(order.connection_id, billed.cdr_key),
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                search_attributes=standing_at_start(order.connection_id, billed.cdr_key, "SENDING", workflow.now()),
                static_summary=f"Deliver CDR {billed.cdr_key} to {order.connection_id}",
            )
        return self._closed("BILLED", f"nothing; CDR {billed.cdr_key} is being delivered")

    async def _as_emsp(self, order: SessionOrder) -> str:
        await self._until(lambda: self._heard.cdr_key is not None or self._heard.has_ended())
        if self._heard.cdr_key is None and self._heard.status is SessionStatus.INVALID:
            return self._closed("INVALID", "nothing; the operator declared the session invalid")
        if self._heard.cdr_key is None:
            came = await _stored(
                SessionWatchActivities.cdr_here, self._look_order(), "did its CDR come first?", "ENDED"
            )
            self._heard.cdr_key = self._heard.cdr_key or came
        await self._until(lambda: self._heard.cdr_key is not None or self._came_to_nothing())
        if self._heard.cdr_key is None:
            return self._closed("NOT_BILLED", "nothing; nothing was used, and no CDR came")
        if self._heard.status is None:
            tell("BILLED", "the operator's word on a session of which nothing but the CDR is known")
            await self._look()
        cdr = CdrRef(str(self._heard.cdr_key), order.connection_id)
        verdict = await _stored(BillingActivities.check_cdr, cdr, "price the CDR again and compare", "BILLED")
        state = verdict.state if verdict.needs_person else "CLOSED"
        return self._closed(state, verdict.text, attention=verdict.needs_person)

    async def _until(self, done: Callable[[], bool]) -> None:
        """Wait, and say meanwhile where the session stands; look after it when the sweep asks to."""
        while not done():
            if self._to_look:
                await self._look()
                continue
            self._is_news = False
            self._tell()
            await workflow.wait_condition(lambda: done() or self._to_look or self._is_news)

    def _came_to_nothing(self) -> bool:
        return self._looked is not None and self._looked.came_to_nothing

    def _tell(self) -> None:
        found, status = self._looked, self._heard.status
        if found is not None:
            tell(found.state, found.waiting_for, found.next_action, attention=found.attention, deadline=found.deadline)
        elif self._heard.has_ended():
            tell("ENDED", "the operator's CDR", deadline=workflow.now() + CDR_EXPECTED_WITHIN)
        else:
            whose = "our charging backend" if self._order.side is Side.CPO else "the operator"
            tell(word_for(status), f"{whose} to say that the session has ended")

    async def _look(self) -> None:
        """See what is known of the session, and ask the operator for what is missing. A failed look is made good by
        the next one."""
        self._to_look, known = False, self._heard.status
        with contextlib.suppress(ActivityError):
            found = await workflow.execute_activity_method(
                SessionWatchActivities.look,
                self._look_order(),
                start_to_close_timeout=patience.LOOK_TIMEOUT,
                heartbeat_timeout=patience.PARTNER_SILENCE,
                schedule_to_close_timeout=patience.LOOK_PERIOD,
                retry_policy=patience.UNTIL_IT_WORKS,
                summary="look after the session",
            )
            self._has_case = self._has_case or found.attention
            self._heard.cdr_key = self._heard.cdr_key or found.cdr_key
            if self._heard.status is known:  # nothing was heard in between
                self._looked, self._heard.status = found, found.status or known

    def _look_order(self) -> LookOrder:
        order = self._order
        return LookOrder(order.session_key, order.connection_id, order.side, self._heard.cdr_key)

    def _closed(self, state: str, text: str, *, attention: bool = False) -> str:
        tell(state, text, "see the open case" if attention else "nothing to do", attention=attention)
        return f"{state}: {text}"

    @workflow.signal
    def changed(self, status: SessionStatus) -> None:
        """The session's status is now `status`. A final status is not taken back by a late message."""
        if not self._heard.has_ended() and status is not self._heard.status:
            self._heard.status, self._looked, self._is_news = status, None, True

    @workflow.signal
    def cdr_received(self, cdr_key: str) -> None:
        """A CDR for this session is in the store. The first one counts; a second one is a case of its own."""
        self._heard.cdr_key = self._heard.cdr_key or cdr_key

    @workflow.signal
    def look(self) -> None:
        """Nothing was heard of the session, or of its CDR, for longer than is usual; or something is, again."""
        self._to_look = True


async def _stored(step: Callable[[Any, A], Awaitable[R]], about: A, summary: str, meanwhile: str | None = None) -> R:
    """A step on our own store: at once, and if that fails as an activity that waits for as long as it takes.

    An activity waits without a trace in the history, and shows its last failure; the other way costs one event.
    """
    try:
        return await workflow.execute_local_activity_method(
            step,
            about,
            start_to_close_timeout=patience.STORE_TIMEOUT,
            retry_policy=patience.AT_ONCE,
            summary=summary,
        )
    except FailureError as failure:  # a local activity's own, and no ActivityError
        if is_cancelled_exception(failure):
            raise
        if meanwhile is not None:
            tell(meanwhile, f"our own store: {summary}; it is tried until it works", attention=True)
    return await workflow.execute_activity_method(
        step,
        about,
        start_to_close_timeout=patience.STORE_TIMEOUT,
        retry_policy=patience.UNTIL_IT_WORKS,
        summary=summary,
    )
