"""The credentials handshake with one partner (OCPI credentials), from either side, until both directions are proved.

We begin: discover → offer access → exchange credentials → prove. The partner begins: its POST is answered out of
`answer` while it waits, then prove. What we issue is committed before it leaves; what we receive is stored by the
activity that received it; the old token lives until the new one has been used. A step that fails is a state with
a reason and a next action, and is tried again until it works or a person gives up.
"""

import contextlib
from dataclasses import dataclass
from enum import StrEnum

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from activities.handshake import Exchange, HandshakeActivities, RegistrationAnswer
    from activities.schedules import ScheduleActivities
    from adapters.contract import Module
    from workflows import ids, patience
    from workflows.resync import Resync, ResyncOrder
    from workflows.search_attributes import at_start, tell
    from workflows.steps import Steps


class Opening(StrEnum):
    """Who opens the handshake, and for what."""

    WE_REGISTER = "WE_REGISTER"
    WE_RENEW = "WE_RENEW"
    PARTNER_CALLS = "PARTNER_CALLS"


@dataclass(frozen=True)
class HandshakeOrder:
    connection_id: str
    opening: Opening


@workflow.defn(name="Handshake")
class Handshake:
    """Ends with `CONNECTED`, or with `GIVEN_UP` when a person said so."""

    @workflow.init
    def __init__(self, order: HandshakeOrder) -> None:
        self._connection_id = order.connection_id
        self._answered = False
        self._steps = Steps(giving_up="stop")

    @workflow.run
    async def run(self, order: HandshakeOrder) -> str:
        if order.opening is Opening.PARTNER_CALLS:
            await workflow.wait_condition(lambda: self._answered)
        else:
            await self._exchange(renew=order.opening is Opening.WE_RENEW)
        await self._steps.take("PROVING", "a first call with the new token", self._prove)
        await workflow.wait_condition(workflow.all_handlers_finished)
        if self._steps.given_up:
            tell("GIVEN_UP", "nobody", "start the handshake again when the partner is ready", attention=True)
            return "GIVEN_UP"
        tell("CONNECTED", "nothing")
        if workflow.patched("schedules"):
            await self._arrange_schedules()
        await self._pull_what_the_partner_owns()
        await workflow.wait_condition(workflow.all_handlers_finished)  # the partner may have called once more
        return "CONNECTED"

    async def _exchange(self, *, renew: bool) -> None:
        await self._steps.take("DISCOVERING", "the partner's versions and endpoints", self._discover)
        await self._steps.take("OFFERING_ACCESS", "our own store", self._offer_access)
        exchange = Exchange(self._connection_id, request_key=workflow.info().run_id, renew=renew)

        async def credentials() -> None:
            await workflow.execute_activity_method(
                HandshakeActivities.exchange_credentials,
                exchange,
                start_to_close_timeout=patience.PARTNER_TIMEOUT,
                heartbeat_timeout=patience.PARTNER_SILENCE,
                retry_policy=patience.ONCE,
                summary="PUT credentials" if renew else "POST credentials",
            )

        await self._steps.take("EXCHANGING", "the partner's answer to our credentials", credentials)

    async def _discover(self) -> None:
        await workflow.execute_activity_method(
            HandshakeActivities.discover,
            self._connection_id,
            start_to_close_timeout=patience.PARTNER_TIMEOUT,
            heartbeat_timeout=patience.PARTNER_SILENCE,
            retry_policy=patience.ONCE,
            summary="GET versions and version details",
        )

    async def _offer_access(self) -> None:
        await workflow.execute_activity_method(
            HandshakeActivities.offer_access,
            Exchange(self._connection_id, request_key=workflow.info().run_id),
            start_to_close_timeout=patience.STORE_TIMEOUT,
            summary="issue the token that the partner calls us with",
        )

    async def _prove(self) -> None:
        await workflow.execute_activity_method(
            HandshakeActivities.prove,
            self._connection_id,
            start_to_close_timeout=patience.PARTNER_TIMEOUT,
            heartbeat_timeout=patience.PARTNER_SILENCE,
            retry_policy=patience.ONCE,
            summary="call the partner with the new token",
        )

    async def _arrange_schedules(self) -> None:
        with contextlib.suppress(ActivityError):  # the sweep sees to it as well
            await workflow.execute_activity_method(
                ScheduleActivities.arrange,
                self._connection_id,
                start_to_close_timeout=patience.STORE_TIMEOUT,
                schedule_to_close_timeout=patience.PARTNER_TIMEOUT,
                summary="have the partner's lists pulled by plan",
            )

    async def _pull_what_the_partner_owns(self) -> None:
        modules = await workflow.execute_activity_method(
            HandshakeActivities.modules_to_pull,
            self._connection_id,
            start_to_close_timeout=patience.STORE_TIMEOUT,
        )
        for module in modules:
            with contextlib.suppress(WorkflowAlreadyStartedError):  # a pull that is under way is as good
                pull = await workflow.start_child_workflow(
                    Resync.run,
                    ResyncOrder(self._connection_id, module),
                    id=ids.resync(self._connection_id, module),
                    parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                    search_attributes=at_start(self._connection_id, module),
                    static_summary=f"Pull {module} from {self._connection_id}",
                )
                if module == Module.HUB_CLIENT_INFO:
                    # Whose objects may come is known by it. If it cannot be had, the others are not held up for long.
                    await workflow.wait([pull], timeout=patience.HUB_CLIENTS_WITHIN.total_seconds())

    @workflow.update
    async def answer(self) -> RegistrationAnswer:
        """The partner's POST or PUT is waiting: call it back, choose the adapter, issue its token.

        A partner that repeats itself gets a further token; the first one that it uses retires the others.
        Returns the OCPI status that the edge answers with (3001–3003 on failure).
        """
        tell("CALLING_BACK", "the partner's versions and endpoints")
        try:
            answer = await workflow.execute_activity_method(
                HandshakeActivities.answer_registration,
                Exchange(self._connection_id, request_key=str(workflow.uuid4())),
                start_to_close_timeout=patience.PARTNER_TIMEOUT,
                heartbeat_timeout=patience.PARTNER_SILENCE,
                retry_policy=patience.ONCE,
                summary="GET the partner's versions and details; issue its token",
            )
        except ActivityError as failure:
            raise ApplicationError(str(failure.cause or failure), type="RegistrationFault") from failure
        if answer.accepted:
            self._answered = True
        else:
            tell(
                "REFUSED",
                "the partner to try again",
                f"tell the partner: {answer.message}",
                attention=True,
            )
        return answer

    @workflow.signal
    def nudge(self) -> None:
        """Try the current step again at once."""
        self._steps.nudge()

    @workflow.signal
    def give_up(self) -> None:
        """Stop. What was issued stays until the connection is unregistered."""
        self._steps.give_up()
        self._answered = True
