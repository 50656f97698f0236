"""The credentials handshake with one partner (OCPI credentials), from either side, until both directions are proved.

We begin: discover → offer access → exchange credentials → prove. The partner begins: its POST is answered out of
`answer` while it waits, then prove. What we issue is committed before it leaves; what we receive is stored by the
activity that received it; the old token lives until the new one has been used. A step that fails is a state with
a reason and a next action, and is tried again until it works or a person gives up. Our own call proves one direction
and opens the connection; the partner's first call proves the other, while both are at work already.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Self

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from activities.handshake import Exchange, HandshakeActivities, RegistrationAnswer
    from activities.schedules import ScheduleActivities
    from adapters.contract import Module
    from workflows import ids, patience, runs
    from workflows.reasons import reason_of
    from workflows.resync import Resync, ResyncOrder
    from workflows.search_attributes import at_start, tell
    from workflows.steps import NotNow, RunIsLong, Steps

_TODAY = 2
"""Revision of the story as it is told now. The one before it did not wait for the partner's first call."""

_ASK_THE_PARTNER = "ask the partner for a good token, and hand it in with `roam handshake token`"

_MENDING: Mapping[str | None, str] = {
    "MissingEndpoint": "ask the partner to offer it",
    "NoCommonVersion": "ask the partner for one of our versions, or offer what it has with `ROAM_OCPI_VERSIONS`",
    "PartnerNotFound": "see with the partner that the address is right",
    "PartnerProtocolError": "see with the partner that the address is right: what answers there does not speak OCPI",
    "PartnerRejected": (
        "ask the partner why; if it has registered us already, have it name a token, and hand that in with "
        "`roam handshake token`"
    ),
    "PartnerUnauthorized": _ASK_THE_PARTNER,
    "PartnerUnavailable": "see with the partner that its server is up, and the address right",
    "UnsafeUrl": "ask the partner for an address that we may call",
}
"""What a person can do, by the kind of failure."""


def _mending(kind: str | None) -> str:
    return _MENDING.get(kind, "")


class Opening(StrEnum):
    """Who opens the handshake, and for what."""

    WE_REGISTER = "WE_REGISTER"
    WE_RENEW = "WE_RENEW"
    PARTNER_CALLS = "PARTNER_CALLS"


@dataclass(frozen=True)
class Reached:
    """Where a run was that another one goes on from. `until`: how long the partner is waited for."""

    step: str
    tries: int
    request_key: str
    answers: int
    until: datetime | None = None


@dataclass(frozen=True)
class HandshakeOrder:
    """`events_max`: when a run is left behind."""

    connection_id: str
    opening: Opening
    revision: int = 1
    events_max: int | None = None
    reached: Reached | None = None

    @classmethod
    def of_today(cls, connection_id: str, opening: Opening) -> Self:
        """For whoever starts one now."""
        return cls(connection_id, opening, _TODAY, runs.EVENTS_OF_A_RUN)


@workflow.defn(name="Handshake")
class Handshake:
    """Ends with `CONNECTED`, with `GIVEN_UP` when a person said so, or with `NOT_RETURNED`."""

    @workflow.init
    def __init__(self, order: HandshakeOrder) -> None:
        self._connection_id = order.connection_id
        self._today = order.revision >= _TODAY
        self._order, reached = order, order.reached or Reached("", 0, workflow.info().run_id, 0)
        self._steps = Steps("stop", at=reached.step or None, tries=reached.tries, is_long=self._is_long)
        self._request_key = reached.request_key
        self._until = reached.until
        self._answers = reached.answers
        """How many times the partner was let in: each time it got a token of its own."""
        self._hearing = self._heard = self._called = self._unheard = self._renewal_wanted = False

    @workflow.run
    async def run(self, order: HandshakeOrder) -> str:
        try:
            return await self._held(order)
        except RunIsLong as run:
            reached = Reached(run.step, run.tries, self._request_key, self._answers, self._until)
            runs.begin_anew(replace(order, reached=reached))

    async def _held(self, order: HandshakeOrder) -> str:
        if order.opening is not Opening.PARTNER_CALLS:
            await self._exchange(renew=order.opening is Opening.WE_RENEW)
        elif not await self._partner_registers():
            tell("NOT_RETURNED", "nobody", "invite the partner again when it is ready", attention=True)
            return "NOT_RETURNED"
        while True:
            answers = self._answers
            await self._prove()
            await workflow.wait_condition(workflow.all_handlers_finished)
            if not self._steps.given_up:
                deadline = self._wait_for_inbound()
                await self._begin_work()
                if self._today:
                    await self._hear_the_partner(deadline)
            if self._steps.given_up:
                tell("GIVEN_UP", "nobody", "start the handshake again when the partner is ready", attention=True)
                return "GIVEN_UP"
            await workflow.wait_condition(workflow.all_handlers_finished)
            if self._today and self._renewal_wanted:
                workflow.continue_as_new(HandshakeOrder.of_today(self._connection_id, Opening.WE_RENEW))
            if self._answers == answers or not self._today:
                return "CONNECTED"  # else the partner has registered once more meanwhile

    async def _exchange(self, *, renew: bool) -> None:
        take = self._steps.take
        await take("DISCOVERING", "the partner's versions and endpoints", self._discover, mending=_mending)
        await take("OFFERING_ACCESS", "our own store", self._offer_access)
        exchange = Exchange(self._connection_id, request_key=self._request_key, renew=renew)

        async def credentials() -> None:
            await workflow.execute_activity_method(
                HandshakeActivities.exchange_credentials,
                exchange,
                start_to_close_timeout=patience.PARTNER_TIMEOUT,
                heartbeat_timeout=patience.PARTNER_SILENCE,
                retry_policy=patience.ONCE,
                summary="PUT credentials" if renew else "POST credentials",
            )

        await take("EXCHANGING", "the partner's answer to our credentials", credentials, mending=_mending)

    async def _partner_registers(self) -> bool:
        """True when it was answered; False when it was refused, and has not come again for long."""
        self._until = self._until or workflow.now() + patience.PARTNER_RETURNS_WITHIN
        try:
            await workflow.wait_condition(
                lambda: self._answers > 0 or self._steps.given_up or self._is_long(),
                timeout=self._until - workflow.now() if self._today else None,
            )
        except TimeoutError:
            return False
        if self._answers == 0 and not self._steps.given_up:
            raise RunIsLong("", 0)
        return True

    def _is_long(self) -> bool:
        """Whether another run is to go on. Not while the partner is being answered: its answer would be lost."""
        events_max = self._order.events_max
        return events_max is not None and runs.is_long(events_max) and workflow.all_handlers_finished()

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
            Exchange(self._connection_id, request_key=self._request_key),
            start_to_close_timeout=patience.STORE_TIMEOUT,
            summary="issue the token that the partner calls us with",
        )

    async def _prove(self) -> None:
        """Our own call opens the connection; or a person does, who skips it."""

        async def canary() -> None:
            await workflow.execute_activity_method(
                HandshakeActivities.prove,
                self._connection_id,
                start_to_close_timeout=patience.PARTNER_TIMEOUT,
                heartbeat_timeout=patience.PARTNER_SILENCE,
                retry_policy=patience.ONCE,
                summary="call the partner with the new token",
            )

        def mending(kind: str | None) -> str:
            return f"{_mending(kind)}, or `roam handshake skip-canary` to connect without it".removeprefix(", or ")

        proved = await self._steps.take("PROVING", "a first call with the new token", canary, mending=mending)
        if not proved and not self._steps.given_up:
            await workflow.execute_activity_method(
                HandshakeActivities.connect_unproved,
                self._connection_id,
                start_to_close_timeout=patience.STORE_TIMEOUT,
                summary="a person vouches for the connection",
            )

    async def _begin_work(self) -> None:
        if self._today or workflow.patched("schedules"):
            await self._arrange_schedules()
        await self._pull_what_the_partner_owns()

    def _wait_for_inbound(self) -> datetime:
        """The connection works from here on. Returns until when the partner's first call is waited for."""
        deadline = workflow.now() + patience.PARTNER_CALLS_WITHIN
        if self._today:
            self._hearing, self._unheard, self._renewal_wanted = True, False, False
            self._tell_inbound(deadline)
        else:
            tell("CONNECTED", "nothing")
        return deadline

    def _tell_inbound(self, deadline: datetime) -> None:
        waiting_for = "the partner's first call with the token that we issued; the connection works meanwhile"
        tell("PROVING_INBOUND", waiting_for, "none: `skip_canary` to wait no longer", deadline=deadline)

    async def _hear_the_partner(self, deadline: datetime) -> None:
        """Until the partner has called, has registered once more, or is waited for no longer."""
        answers = self._answers
        while self._answers == answers and not self._steps.given_up:
            self._heard = False
            if self._called or await self._partner_has_called():
                tell("CONNECTED", "nothing")
                break
            if self._unheard or workflow.now() >= deadline:
                action = "ask the partner to make a call; nothing to do if it only listens"
                tell("CONNECTED", "nothing, but it is not proved that the partner can call us", action, attention=True)
                break
            self._tell_inbound(deadline)
            with contextlib.suppress(TimeoutError):
                await workflow.wait_condition(
                    lambda: self._heard or self._renewal_wanted, timeout=deadline - workflow.now()
                )
            if self._renewal_wanted:
                break
        self._hearing = False

    async def _partner_has_called(self) -> bool:
        return await workflow.execute_activity_method(
            HandshakeActivities.partner_has_called,
            self._connection_id,
            start_to_close_timeout=patience.STORE_TIMEOUT,
            summary="whether the partner has used the token that we issued",
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
                    ResyncOrder(self._connection_id, module, events_max=runs.EVENTS_OF_A_RUN),
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
                schedule_to_close_timeout=patience.PARTNER_TIMEOUT,
                heartbeat_timeout=patience.PARTNER_SILENCE,
                retry_policy=patience.WHILE_SOMEBODY_WAITS,
                summary="GET the partner's versions and details; issue its token",
            )
        except ActivityError as failure:
            if self._today:
                self._refused(f"see what happened to us: {reason_of(failure)}")
            raise ApplicationError(str(failure.cause or failure), type="RegistrationFault") from failure
        if answer.accepted:
            self._answers += 1
            self._called, self._heard = False, True
            if self._today:
                self._steps.nudge()
        else:
            self._refused(f"tell the partner: {answer.message}")
        return answer

    def _refused(self, next_action: str) -> None:
        tell("REFUSED", "the partner to try again", next_action, attention=True)
        self._heard = True

    @workflow.update
    def retry(self) -> None:
        """Try the current step again at once, or look once more whether the partner has called."""
        self._steps.nudge()
        self._heard = True

    @retry.validator
    def _may_retry(self) -> None:
        if not self._hearing and not self._steps.stuck:
            raise NotNow(f"nothing waits for another attempt: {self._standing()}")

    @workflow.update
    def skip_canary(self) -> None:
        """Connect without our own call, or wait for the partner's no longer."""
        self._unheard = self._hearing
        self._steps.skip()
        self._heard = True

    @skip_canary.validator
    def _may_skip_canary(self) -> None:
        if not self._hearing and self._steps.step != "PROVING":
            raise NotNow(f"there is no canary call to skip: {self._standing()}")

    @workflow.update
    def give_up_now(self) -> None:
        """Stop. What was issued stays until the connection is unregistered."""
        self.give_up()

    @give_up_now.validator
    def _may_give_up(self) -> None:
        if self._hearing:
            raise NotNow("it is connected: `skip_canary` to wait no longer, or end the connection itself")
        if self._steps.given_up:
            raise NotNow("it was given up already")

    @workflow.update
    def use_token(self) -> None:
        """A token that came from the partner by another way is in the store: try again with it at once."""
        self._steps.nudge()

    @use_token.validator
    def _may_use_token(self) -> None:
        if self._steps.step is None:
            raise NotNow(f"no call of ours waits for a token: {self._standing()}")

    def _standing(self) -> str:
        """Where it stands, for a person who asked for what cannot be."""
        if self._hearing:
            return "our own calls work, and the partner's first one is waited for"
        if self._steps.step is None:
            return "the partner is to begin, with the token that we issued"
        return f"it is {'stuck at' if self._steps.stuck else 'at'} {self._steps.step}"

    @workflow.signal
    def partner_called(self) -> None:
        """The partner has made a call with a token that it had not used before."""
        self._called = self._heard = True

    @workflow.signal
    def renew(self) -> None:
        """New tokens are wanted. While an exchange is under way that is what it is about to bring."""
        self._renewal_wanted = self._heard = True

    @workflow.signal
    def nudge(self) -> None:
        """Try the current step again at once."""
        self._steps.nudge()

    @workflow.signal
    def give_up(self) -> None:
        """Stop. What was issued stays until the connection is unregistered."""
        self._steps.give_up()
        self._heard = True
