"""The durable processes as the faces reach them on Temporal: start one if it is not there, tell it, or ask it.

Every call is safe to repeat: workflow ids are business keys, so a second start finds the first. A call waits a few
seconds at most for Temporal; what could not be told is found by the sweep.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import Client, WithStartWorkflowOperation, WorkflowUpdateFailedError
from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError as UpdateTimeout
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError, RPCStatusCode

from activities.sweep import SweepOrder
from canonical.identity import ObjectId
from canonical.model import fold
from canonical.partner import LinkState, Side
from canonical.session import SessionStatus
from canonical.store.session_watch import word_for
from workflows import ids, visibility
from workflows.cdr_delivery import CdrDelivery, DeliveryOrder
from workflows.charging_session import REVISION, ChargingSession, SessionOrder
from workflows.command import Command, CommandOrder
from workflows.contract import CannotTell, Intervention, NotRunning, RegistrationFailed
from workflows.handshake import Handshake, HandshakeOrder, Opening
from workflows.partner_feed import FeedOrder, PartnerFeed
from workflows.reasons import reason_of
from workflows.reconciliation import Reconciliation, ReconciliationOrder
from workflows.resync import Resync, ResyncOrder
from workflows.runs import EVENTS_OF_A_RUN
from workflows.schedules import PartnerSchedules, Periods
from workflows.search_attributes import at_start, standing_at_start
from workflows.settlement_cycle import CycleOrder, SettlementCycle
from workflows.sweep import Sweep
from workflows.unregistration import Unregistration, UnregistrationOrder
from workflows.webhook import WebhookDelivery, WebhookOrder
from workflows.work import Place, Wanted, WorkPage

PROMPT = timedelta(seconds=4)
"""How long a caller on HTTP waits for Temporal to take a message."""

CALL_BACK = timedelta(seconds=45)
"""How long a registering partner waits while we call it back."""


@dataclass(frozen=True)
class TemporalSignals:
    """Keeps `workflows.contract.Signals`."""

    client: Client
    task_queue: str
    periods: Periods = field(default_factory=Periods)

    async def register(self, connection_id: str) -> None:
        start = WithStartWorkflowOperation(
            Handshake.run,
            HandshakeOrder.of_today(connection_id, Opening.PARTNER_CALLS),
            id=ids.handshake(connection_id),
            task_queue=self.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            search_attributes=standing_at_start(connection_id, "credentials", "CALLING_BACK", datetime.now(UTC)),
            static_summary=f"Handshake with {connection_id}, begun by the partner",
        )
        try:
            answer = await self.client.execute_update_with_start_workflow(
                Handshake.answer, start_workflow_operation=start, rpc_timeout=CALL_BACK
            )
        except (RPCError, WorkflowUpdateFailedError, UpdateTimeout) as error:
            raise CannotTell(f"the handshake could not answer: {error}") from error
        if not answer.accepted:
            raise RegistrationFailed(answer.ocpi_status, answer.message)

    async def update_credentials(self, connection_id: str) -> None:
        await self.register(connection_id)

    async def connect(self, connection_id: str) -> None:
        order = HandshakeOrder.of_today(connection_id, Opening.WE_REGISTER)
        await self._handshake(order, "registration")

    async def renew(self, connection_id: str) -> None:
        order = HandshakeOrder.of_today(connection_id, Opening.WE_RENEW)
        await self._handshake(order, "renewal", signal="renew")

    async def nudge(self, connection_id: str) -> None:
        handle = self.client.get_workflow_handle(ids.handshake(connection_id))
        try:
            await handle.signal(Handshake.nudge, rpc_timeout=PROMPT)
        except RPCError as error:
            raise CannotTell(f"no handshake with {connection_id} is running") from error

    async def intervene(self, connection_id: str, how: Intervention) -> None:
        handle = self.client.get_workflow_handle(ids.handshake(connection_id))
        try:
            await handle.execute_update(how.value, rpc_timeout=PROMPT)
        except WorkflowUpdateFailedError as error:
            raise CannotTell(reason_of(error.cause)) from error
        except UpdateTimeout as error:
            raise CannotTell(f"the handshake with {connection_id} does not answer now") from error
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise NotRunning(f"no handshake with {connection_id} is running") from error
            raise CannotTell(f"the handshake with {connection_id} could not be told") from error

    async def partner_called(self, connection_id: str) -> None:
        handle = self.client.get_workflow_handle(ids.handshake(connection_id))
        try:
            await handle.signal(Handshake.partner_called, rpc_timeout=PROMPT)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise CannotTell(f"the handshake with {connection_id} could not be told") from error

    async def give_up(self, connection_id: str) -> None:
        handle = self.client.get_workflow_handle(ids.handshake(connection_id))
        try:
            await handle.signal(Handshake.give_up, rpc_timeout=PROMPT)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise CannotTell(f"the handshake with {connection_id} could not be told") from error

    async def unregister(self, connection_id: str) -> None:
        await self._start(
            Unregistration.run,
            UnregistrationOrder(connection_id),
            ids.unregistration(connection_id),
            (connection_id, "credentials"),
            f"End of the registration with {connection_id}",
        )

    async def session_started(self, session: ObjectId, connection_id: str, side: Side, status: SessionStatus) -> None:
        await self._session(SessionOrder(session.key, connection_id, side, status))

    async def session_changed(self, session: ObjectId, connection_id: str, side: Side, status: SessionStatus) -> None:
        await self._session(SessionOrder(session.key, connection_id, side, status), "changed", status)

    async def look(self, session: ObjectId, connection_id: str, side: Side, status: SessionStatus) -> None:
        await self._session(SessionOrder(session.key, connection_id, side, status), "look")

    async def cdr_issued(self, cdr: ObjectId, connection_id: str) -> None:
        await self._delivery(cdr, connection_id)

    async def delivery_due(self, cdr: ObjectId, connection_id: str) -> None:
        await self._delivery(cdr, connection_id, "wake")

    async def deliveries_due(self) -> None:
        await self._start(Sweep.run, SweepOrder(recent_s=0), ids.SWEEP_NOW, ("all", "deliveries"), "Sweep at once")

    async def delivery_released(self, cdr: ObjectId, connection_id: str) -> None:
        await self._delivery(cdr, connection_id, "release")

    async def delivery_abandoned(self, cdr: ObjectId, connection_id: str) -> None:
        await self._delivery(cdr, connection_id, "abandon")

    async def delivery_corrected(self, cdr: ObjectId, connection_id: str) -> None:
        handle = self.client.get_workflow_handle(ids.cdr_delivery(connection_id, cdr.key))
        try:
            await handle.execute_update(CdrDelivery.corrected, rpc_timeout=CALL_BACK)
        except (RPCError, UpdateTimeout, WorkflowUpdateFailedError) as error:
            raise CannotTell(f"no delivery of {cdr.key} to {connection_id} took it: {error}") from error

    async def cdr_received(self, cdr: ObjectId, session_id: str | None, connection_id: str) -> None:
        session_key = f"{cdr.owner.key}/{fold(session_id)}" if session_id else cdr.key
        await self._session(SessionOrder(session_key, connection_id, Side.EMSP), "cdr_received", cdr.key)

    async def feed(self, connection_id: str) -> None:
        await self._start(
            PartnerFeed.run,
            FeedOrder(connection_id, EVENTS_OF_A_RUN),
            ids.partner_feed(connection_id),
            (connection_id, "outbox"),
            f"Changes for {connection_id}",
            signal="wake",
        )

    async def command(self, command_id: str, connection_id: str, *, ours: bool, wait_s: float = 0.0) -> None:
        await self._command(CommandOrder(command_id, connection_id, ours, wait_s))

    async def command_concluded(self, command_id: str, connection_id: str, *, ours: bool) -> None:
        await self._command(CommandOrder(command_id, connection_id, ours), signal="concluded")

    async def pull(self, connection_id: str, module: str) -> None:
        await self._start(
            Resync.run,
            ResyncOrder(connection_id, module, events_max=EVENTS_OF_A_RUN),
            ids.resync(connection_id, module),
            (connection_id, module),
            f"Pull {module} from {connection_id}",
        )

    async def arrange(self, connection_id: str, state: LinkState) -> None:
        await PartnerSchedules(self.client, self.task_queue, self.periods).arrange(connection_id, state)

    async def deliver(self, webhook_id: str) -> None:
        await self._start(
            WebhookDelivery.run,
            WebhookOrder(webhook_id, EVENTS_OF_A_RUN),
            ids.webhook(webhook_id),
            ("webhook", webhook_id),
            f"Events for webhook {webhook_id}",
            signal="wake",
        )

    async def settle(self, connection_id: str, month: str) -> str:
        workflow_id = ids.settlement_cycle(connection_id, month)
        await self._start(
            SettlementCycle.run,
            CycleOrder(connection_id, month),
            workflow_id,
            (connection_id, month),
            f"Settlement of {month} with {connection_id}",
        )
        return workflow_id

    async def cycle_state(self, connection_id: str, month: str) -> str | None:
        handle = self.client.get_workflow_handle(ids.settlement_cycle(connection_id, month))
        try:
            return await handle.query(SettlementCycle.state, rpc_timeout=PROMPT)
        except RPCError:
            return None

    async def counterparty_report(self, statement_id: str, connection_id: str, month: str) -> None:
        handle = self.client.get_workflow_handle(ids.settlement_cycle(connection_id, month))
        try:
            await handle.signal(SettlementCycle.report_received, rpc_timeout=PROMPT)
        except RPCError as error:
            message = f"no settlement of {month} with {connection_id} waits for statement {statement_id}"
            raise CannotTell(message) from error

    async def approve(self, connection_id: str, month: str, by: str) -> None:
        handle = self.client.get_workflow_handle(ids.settlement_cycle(connection_id, month))
        try:
            await handle.execute_update(SettlementCycle.approve, by, rpc_timeout=CALL_BACK)
        except WorkflowUpdateFailedError as error:
            raise CannotTell(str(error.cause or error)) from error
        except (RPCError, UpdateTimeout) as error:
            raise CannotTell(f"no settlement of {month} with {connection_id} is running") from error

    async def reconcile(self, connection_id: str, statement_id: str) -> None:
        await self._start(
            Reconciliation.run,
            ReconciliationOrder(connection_id, statement_id),
            ids.reconciliation(connection_id, statement_id),
            (connection_id, statement_id),
            f"Check of statement {statement_id} from {connection_id}",
        )

    async def invoice_received(self, connection_id: str, statement_id: str, number: str) -> None:
        handle = self.client.get_workflow_handle(ids.reconciliation(connection_id, statement_id))
        try:
            await handle.signal(Reconciliation.invoice_received, number, rpc_timeout=PROMPT)
        except RPCError as error:
            raise CannotTell(f"statement {statement_id} was not reconciled here") from error

    async def work(self, wanted: Wanted, *, after: Place | None = None, limit: int = 100) -> WorkPage:
        return await visibility.read(self.client, wanted, after=after, limit=limit)

    async def _handshake(self, order: HandshakeOrder, what: str, signal: str | None = None) -> None:
        await self._start(
            Handshake.run,
            order,
            ids.handshake(order.connection_id),
            (order.connection_id, "credentials"),
            f"Handshake with {order.connection_id}, begun by us ({what})",
            signal=signal,
            state="DISCOVERING",
        )

    async def _command(self, order: CommandOrder, signal: str | None = None) -> None:
        await self._start(
            Command.run,
            order,
            ids.command(order.connection_id, order.command_id),
            (order.connection_id, order.command_id),
            f"Command {'to' if order.ours else 'from'} {order.connection_id}",
            signal=signal,
        )

    async def _delivery(self, cdr: ObjectId, connection_id: str, signal: str | None = None) -> None:
        await self._start(
            CdrDelivery.run,
            DeliveryOrder.current(cdr.key, connection_id),
            ids.cdr_delivery(connection_id, cdr.key),
            (connection_id, cdr.key),
            f"Deliver CDR {cdr.key} to {connection_id}",
            signal=signal,
            state="SENDING",
        )

    async def _session(
        self, order: SessionOrder, signal: str | None = None, argument: SessionStatus | str | None = None
    ) -> None:
        await self._start(
            ChargingSession.run,
            replace(order, revision=REVISION),
            ids.charging_session(order.connection_id, order.session_key),
            (order.connection_id, order.session_key),
            f"Session {order.session_key} with {order.connection_id}",
            signal=signal,
            signal_arguments=() if argument is None else (argument,),
            state="BILLED" if signal == "cdr_received" else word_for(order.status),
        )

    async def _start(
        self,
        run: Callable[..., Any],
        order: object,
        workflow_id: str,
        about: tuple[str, str],
        summary: str,
        *,
        signal: str | None = None,
        signal_arguments: Sequence[object] = (),
        state: str | None = None,
    ) -> None:
        """Start by business key, or find the running one; with a signal, tell it in the same call."""
        conflict = WorkflowIDConflictPolicy.UNSPECIFIED if signal else WorkflowIDConflictPolicy.USE_EXISTING
        try:
            await self.client.start_workflow(
                run,
                order,
                id=workflow_id,
                task_queue=self.task_queue,
                id_conflict_policy=conflict,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                start_signal=signal,
                start_signal_args=signal_arguments,
                search_attributes=standing_at_start(*about, state, datetime.now(UTC)) if state else at_start(*about),
                static_summary=summary,
                rpc_timeout=PROMPT,
            )
        except RPCError as error:
            raise CannotTell(f"Temporal did not take {workflow_id}: {error.message}") from error
