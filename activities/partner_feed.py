"""Push what is in the outbox of one connection: the latest state of each object, in the order of first change."""

from collections.abc import Iterable, Mapping
from itertools import groupby

from temporalio import activity

from activities.cases import open_case
from activities.failures import partner_conversation
from activities.partner_link import calls_to
from activities.resources import Resources
from adapters.contract import (
    CannotWrite,
    Module,
    PartnerCalls,
    PartnerNotFound,
    PartnerRejected,
    PartnerUnauthorized,
)
from canonical.identity import ObjectId
from canonical.location import Location
from canonical.partner import Connection
from canonical.session import Session
from canonical.store import OutboxAction, OutboxEntry, UnitOfWork
from canonical.tariff import Tariff
from canonical.token import Token

Told = Location | Tariff | Token | Session

KINDS: Mapping[str, type[Location] | type[Tariff] | type[Token] | type[Session]] = {
    Module.LOCATIONS: Location,
    Module.TARIFFS: Tariff,
    Module.TOKENS: Token,
    Module.SESSIONS: Session,
}

BATCH = 200
"""Entries looked at in one go: enough to coalesce, few enough to finish well within the activity's time."""


class FeedActivities:
    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    @activity.defn(name="feed-drain")
    async def drain(self, connection_id: str) -> int:
        """Tell the partner what waits, and return how much still does.

        Keyed by outbox entry: what was acknowledged is settled at once, so that a repeat goes on where this one
        was cut off. An object may be told twice, with the same content; it is never told in an older state.
        """
        resources = self._resources
        async with partner_conversation():
            async with resources.store.transaction() as work:
                connection = await work.connections.get(connection_id)
                waiting = await work.outbox.pending(connection_id, BATCH)
            if not waiting:
                return 0
            for entries in _by_object(waiting):
                await self._tell(connection, entries)
            async with resources.store.transaction() as work:
                return await work.outbox.waiting(connection_id)

    async def _tell(self, connection: Connection, entries: list[OutboxEntry]) -> None:
        last = entries[-1]
        calls = await calls_to(self._resources.store, self._resources.registry, connection, object_key=last.object_key)
        async with self._resources.store.transaction() as work:
            told = await work.outbox.told(connection.id, last.object_key, module=last.module)
            current = await _load(work, last)
        try:
            await _say(calls, last, told, current)
        except PartnerUnauthorized:
            raise  # it says nothing about the object: what waits goes on waiting until the tokens are renewed
        except (PartnerRejected, CannotWrite) as refusal:
            await self._refused(connection, entries, refusal)
            return
        async with self._resources.store.transaction() as work:
            if current is not None:
                await work.outbox.tell(connection.id, last.object_key, current.model_dump_json(), module=last.module)
            await work.outbox.settle([entry.id for entry in entries])

    async def _refused(
        self, connection: Connection, entries: list[OutboxEntry], refusal: PartnerRejected | CannotWrite
    ) -> None:
        last = entries[-1]
        text = f"{connection.name} cannot be told {last.action} of {last.module} {last.object_key}: {refusal}"
        async with self._resources.store.transaction() as work:
            for entry in entries:
                await work.outbox.refuse(entry.id, str(refusal))
            await open_case(work, self._resources, "push-refused", last.object_key, text)


def _by_object(waiting: Iterable[OutboxEntry]) -> list[list[OutboxEntry]]:
    """Entries of one object together, objects in the order in which they were first changed."""
    first: dict[tuple[str, str], int] = {}
    for entry in waiting:
        first.setdefault((entry.module, entry.object_key), entry.id)
    ordered = sorted(waiting, key=lambda e: (first[(e.module, e.object_key)], e.id))
    return [list(group) for _, group in groupby(ordered, key=lambda e: (e.module, e.object_key))]


async def _load(work: UnitOfWork, entry: OutboxEntry) -> Told | None:
    object_id = ObjectId.parse(entry.object_key)
    if entry.action is OutboxAction.DELETE:
        return None
    match Module(entry.module):
        case Module.LOCATIONS:
            return await work.locations.get(object_id)
        case Module.TARIFFS:
            return await work.tariffs.get(object_id)
        case Module.TOKENS:
            return await work.tokens.get(object_id)
        case Module.SESSIONS:
            return await work.sessions.get(object_id)
        case other:
            message = f"nothing is pushed in module {other}"
            raise LookupError(message)


async def _say(calls: PartnerCalls, entry: OutboxEntry, told: str | None, current: Told | None) -> None:
    if entry.action is OutboxAction.DELETE:
        await calls.delete_tariff(ObjectId.parse(entry.object_key))
    elif current is None:
        return
    elif told is None:
        await calls.put(current)
    else:
        before = KINDS[entry.module].model_validate_json(told)
        if before == current:
            return
        try:
            await calls.patch(before, current)
        except PartnerNotFound:
            # The partner has lost the object, or never stored it: only the whole of it can help.
            await calls.put(current)
