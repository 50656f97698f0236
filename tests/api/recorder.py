"""Signals that write down what they were told."""

from dataclasses import dataclass, field

from canonical.identity import ObjectId
from canonical.partner import LinkState, Side
from canonical.session import SessionStatus
from canonical.store import AccessPurpose, Store
from workflows.contract import CannotTell, Intervention, RegistrationFailed
from workflows.work import Place, Wanted, WorkPage


@dataclass
class Recorder:
    """Keeps `workflows.contract.Signals`. `refuse` makes registrations fail, `deaf` makes every signal fail."""

    store: Store
    told: list[tuple[object, ...]] = field(default_factory=list)
    refuse: RegistrationFailed | None = None
    deaf: bool = False
    page: WorkPage = field(default_factory=lambda: WorkPage((), total=0, more=False))

    def of(self, what: str) -> list[tuple[object, ...]]:
        return [told[1:] for told in self.told if told[0] == what]

    def _note(self, *told: object) -> None:
        if self.deaf:
            raise CannotTell("nobody listens")
        self.told.append(told)

    async def register(self, connection_id: str) -> None:
        self._note("register", connection_id)
        if self.refuse is not None:
            raise self.refuse
        async with self.store.transaction() as unit:
            connection = await unit.connections.get(connection_id)
            posted = next(held for held in await unit.access.held(connection_id) if held.offer is not None)
            assert posted.offer is not None
            changed = {
                "adapter": "ocpi-2.2.1/standard",
                "version": posted.offer.version,
                "versions_url": posted.offer.versions_url,
                "partner_roles": posted.offer.roles,
                "hub": posted.offer.hub,
            }
            assert await unit.access.take_up(connection_id, posted.number)
            await unit.connections.save(connection.model_copy(update=changed))
            await unit.access.issue(connection_id, AccessPurpose.ACCESS, f"answer-{len(self.told)}")

    async def update_credentials(self, connection_id: str) -> None:
        await self.register(connection_id)

    async def connect(self, connection_id: str) -> None:
        self._note("connect", connection_id)

    async def renew(self, connection_id: str) -> None:
        self._note("renew", connection_id)

    async def intervene(self, connection_id: str, how: Intervention) -> None:
        self._note("intervene", connection_id, how)

    async def partner_called(self, connection_id: str) -> None:
        self._note("partner_called", connection_id)

    async def give_up(self, connection_id: str) -> None:
        self._note("give_up", connection_id)

    async def unregister(self, connection_id: str) -> None:
        self._note("unregister", connection_id)

    async def session_started(self, session: ObjectId, connection_id: str, side: Side, status: SessionStatus) -> None:
        self._note("session_started", session.key, connection_id, side, status)

    async def session_changed(self, session: ObjectId, connection_id: str, side: Side, status: SessionStatus) -> None:
        self._note("session_changed", session.key, connection_id, side, status)

    async def look(self, session: ObjectId, connection_id: str, side: Side, status: SessionStatus) -> None:
        self._note("look", session.key, connection_id, side, status)

    async def cdr_issued(self, cdr: ObjectId, connection_id: str) -> None:
        self._note("cdr_issued", cdr.key, connection_id)

    async def delivery_due(self, cdr: ObjectId, connection_id: str) -> None:
        self._note("delivery_due", cdr.key, connection_id)

    async def deliveries_due(self) -> None:
        self._note("deliveries_due")

    async def delivery_released(self, cdr: ObjectId, connection_id: str) -> None:
        self._note("delivery_released", cdr.key, connection_id)

    async def delivery_abandoned(self, cdr: ObjectId, connection_id: str) -> None:
        self._note("delivery_abandoned", cdr.key, connection_id)

    async def delivery_corrected(self, cdr: ObjectId, connection_id: str) -> None:
        self._note("delivery_corrected", cdr.key, connection_id)

    async def cdr_received(self, cdr: ObjectId, session_id: str | None, connection_id: str) -> None:
        self._note("cdr_received", cdr.key, session_id, connection_id)

    async def feed(self, connection_id: str) -> None:
        self._note("feed", connection_id)

    async def command(self, command_id: str, connection_id: str, *, ours: bool, wait_s: float = 0.0) -> None:
        self._note("command", command_id, connection_id, ours, wait_s)

    async def command_concluded(self, command_id: str, connection_id: str, *, ours: bool) -> None:
        self._note("command_concluded", command_id, connection_id, ours)

    async def pull(self, connection_id: str, module: str) -> None:
        self._note("pull", connection_id, module)

    async def arrange(self, connection_id: str, state: LinkState) -> None:
        self._note("arrange", connection_id, state)

    async def deliver(self, webhook_id: str) -> None:
        self._note("deliver", webhook_id)

    async def settle(self, connection_id: str, month: str) -> str:
        self._note("settle", connection_id, month)
        return f"settlement/{connection_id}/{month}"

    async def cycle_state(self, connection_id: str, month: str) -> str | None:
        return "CLAIMING" if (connection_id, month) in self.of("settle") else None

    async def counterparty_report(self, statement_id: str, connection_id: str, month: str) -> None:
        self._note("counterparty_report", statement_id, connection_id, month)

    async def approve(self, connection_id: str, month: str, by: str) -> None:
        self._note("approve", connection_id, month, by)

    async def reconcile(self, connection_id: str, statement_id: str) -> None:
        self._note("reconcile", connection_id, statement_id)

    async def invoice_received(self, connection_id: str, statement_id: str, number: str) -> None:
        self._note("invoice_received", connection_id, statement_id, number)

    async def nudge(self, connection_id: str) -> None:
        self._note("nudge", connection_id)

    async def work(self, wanted: Wanted, *, after: Place | None = None, limit: int = 100) -> WorkPage:
        self._note("work", wanted, after, limit)
        return self.page
