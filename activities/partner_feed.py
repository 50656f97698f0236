"""Push what is in the outbox of one connection: the latest state of each object, in the order of first change."""

from collections.abc import Iterable
from datetime import timedelta
from itertools import groupby

from temporalio import activity

from activities.agreements import agreement_for
from activities.attendance import Patience, attend
from activities.cases import open_case
from activities.failures import partner_conversation
from activities.partner_link import calls_to, side_towards
from activities.resources import Resources
from adapters.contract import (
    CannotWrite,
    Interface,
    Module,
    PartnerCalls,
    PartnerError,
    PartnerNotFound,
    PartnerProtocolError,
    PartnerRejected,
    PartnerUnauthorized,
    PartnerUnavailable,
    UnsafeUrl,
)
from canonical.charging_profile import ActiveChargingProfile
from canonical.identity import ObjectId, PartyId
from canonical.invoice_record import InvoiceRecord
from canonical.location import Location
from canonical.partner import CLOSED, Connection
from canonical.session import Session
from canonical.store import OutboxAction, OutboxEntry, UnitOfWork, driver_of
from canonical.tariff import Tariff
from canonical.token import Token

Told = Location | Tariff | Token | Session | InvoiceRecord | ActiveChargingProfile

BATCH = 200
"""Entries looked at in one go: enough to coalesce, few enough to finish well within the activity's time."""

_FAILS_FOR_GOOD = timedelta(hours=1)
"""A partner that has failed at one object for so long, and takes others, fails at it for ever."""

_NOBODY_HEARS = (None, 429)
"""HTTP status of a failure that all other objects would meet too: no answer, or the wish to be left alone."""


class FeedActivities:
    def __init__(self, resources: Resources, patience: Patience | None = None) -> None:
        self._resources = resources
        self._patience = patience or Patience()

    @activity.defn(name="feed-drain")
    async def drain(self, connection_id: str) -> int:
        """Tell the partner what waits and what comes soon after it, and return how much still waits.

        Keyed by outbox entry: what was acknowledged is settled at once, so that a repeat goes on where this one
        was cut off. An object may be told twice, with the same content; it is never told in an older state. It stays
        until nothing has come for a while (`activities.attendance`).
        What the partner has no receiver for is left to it to pull, and so is what a hub cannot bring to its client
        now. An object at which the partner itself fails does not keep the others waiting: it is tried again when they
        are told, and after an hour put before a person; where the agreement wants a module in order, what came after
        it waits. Over a closed connection nothing is told; what waits goes on waiting.
        """
        store = self._resources.store
        async with partner_conversation():
            async with store.transaction() as work:
                connection = await work.connections.get(connection_id)
            if connection.state in CLOSED:
                return 0
            return await attend(store, connection_id, lambda: self._empty(connection_id), self._patience)

    async def _empty(self, connection_id: str) -> bool:
        """Tell the partner a batch of what is due. False when it is told nothing any more."""
        async with self._resources.store.transaction() as work:
            connection = await work.connections.get(connection_id)
            waiting = await work.outbox.pending(connection_id, BATCH)
            in_order = (await agreement_for(work, connection.id, self._resources.clock())).in_order if waiting else ()
        if connection.state in CLOSED:
            return False
        stumbled: list[tuple[list[OutboxEntry], PartnerError]] = []
        stopped: set[str] = set()
        hears = False
        for entries in _by_object(waiting):
            if entries[0].module in stopped:
                continue
            try:
                await self._tell(connection, entries)
                hears = True
            except (PartnerUnavailable, PartnerProtocolError) as failure:
                if failure.http_status in _NOBODY_HEARS:
                    raise  # nobody is there, or nobody wants to be called
                stumbled.append((entries, failure))
                stopped |= {entries[0].module} & set(in_order)
        for entries, why in stumbled:
            if not (hears and await self._given_up(connection, entries, why)):
                raise why
        return True

    async def _given_up(self, connection: Connection, entries: list[OutboxEntry], failure: PartnerError) -> bool:
        """Whether a partner that hears the rest has failed at an object for so long that a person has to see to it."""
        if self._resources.clock() - entries[0].added_at < _FAILS_FOR_GOOD:
            return False
        await self._refused(connection, entries, failure)
        return True

    async def _tell(self, connection: Connection, entries: list[OutboxEntry]) -> None:
        last = entries[-1]
        module, name = Module(last.module), ObjectId.parse(last.object_key)
        if connection.endpoint(module, _listener(module)) is None:
            await self._settle(entries)
            return
        side = side_towards(module, _listener(module))
        async with self._resources.store.transaction() as work:
            told = await work.outbox.told(connection.id, last.object_key, module=last.module)
            current = None if last.action is OutboxAction.DELETE else await _load(work, connection, module, name)
            party = current.token.issuer_party if isinstance(current, Session) else await _concerned(work, module, name)
            token = await work.access.outbound(connection.id)
            away = await work.hub_clients.is_away(connection, party, side)
        if away:
            # Nothing is kept for who cannot be reached: it reads what it has missed (OCPI 2.2.1 hubclientinfo).
            await self._settle(entries)
            return
        calls = await calls_to(
            self._resources.store,
            self._resources.registry,
            connection,
            object_key=last.object_key,
            our_side=side,
            addressee=party,
            driver=driver_of(current),
            token=token,
        )
        try:
            if last.action is OutboxAction.DELETE:
                await _delete(calls, module, name)
            elif current is not None:
                await _say(calls, name, told, current)
        except PartnerUnauthorized:
            raise  # it says nothing about the object: what waits goes on waiting until the tokens are renewed
        except (PartnerRejected, CannotWrite, UnsafeUrl) as refusal:
            await self._refused(connection, entries, refusal)
            return
        async with self._resources.store.transaction() as work:
            if last.action is OutboxAction.DELETE:
                await work.outbox.forget(connection.id, last.module, last.object_key)
            elif current is not None:
                await work.outbox.tell(connection.id, last.object_key, current.model_dump_json(), module=last.module)
            await work.outbox.settle([entry.id for entry in entries])

    async def _settle(self, entries: list[OutboxEntry]) -> None:
        async with self._resources.store.transaction() as work:
            await work.outbox.settle([entry.id for entry in entries])

    async def _refused(self, connection: Connection, entries: list[OutboxEntry], refusal: Exception) -> None:
        last = entries[-1]
        text = f"{connection.name} cannot be told {last.action} of {last.module} {last.object_key}: {refusal}"
        async with self._resources.store.transaction() as work:
            for entry in entries:
                await work.outbox.refuse(entry.id, str(refusal))
            await open_case(work, self._resources, "push-refused", last.object_key, text)


def _listener(module: Module) -> Interface:
    """The part that a partner plays which hears of our objects."""
    return Interface.SENDER if module is Module.CHARGING_PROFILES else Interface.RECEIVER


def _by_object(waiting: Iterable[OutboxEntry]) -> list[list[OutboxEntry]]:
    """Entries of one object together, objects in the order in which they were first changed."""
    first: dict[tuple[str, str], int] = {}
    for entry in waiting:
        first.setdefault((entry.module, entry.object_key), entry.id)
    ordered = sorted(waiting, key=lambda e: (first[(e.module, e.object_key)], e.id))
    return [list(group) for _, group in groupby(ordered, key=lambda e: (e.module, e.object_key))]


async def _load(work: UnitOfWork, connection: Connection, module: Module, name: ObjectId) -> Told | None:
    """The newest state; None when there is none any more."""
    match module:
        case Module.LOCATIONS:
            return await work.locations.get(name)
        case Module.TARIFFS:
            return await work.tariffs.get(name)
        case Module.TOKENS:
            return await work.tokens.get(name)
        case Module.SESSIONS:
            return await work.sessions.get(name)
        case Module.INVOICE_RECONCILIATION:
            return await work.invoice_records.get(name, connection_id=connection.id, ours=True)
        case Module.CHARGING_PROFILES:
            return await work.smart_charging.active(name)
        case other:
            message = f"nothing is pushed in module {other}"
            raise LookupError(message)


async def _concerned(work: UnitOfWork, module: Module, name: ObjectId) -> PartyId | None:
    """Whose driver a session is: behind a hub it goes to that party. None for what everybody may know."""
    if module not in (Module.SESSIONS, Module.CHARGING_PROFILES):
        return None
    session = await work.sessions.get(name)
    return session.token.issuer_party if session else None


async def _delete(calls: PartnerCalls, module: Module, name: ObjectId) -> None:
    """Raises LookupError for a module in which nothing is deleted."""
    try:
        if module is Module.TARIFFS:
            await calls.delete_tariff(name)
        elif module is Module.INVOICE_RECONCILIATION:
            await calls.delete_invoice_record(name)
        else:
            message = f"nothing is deleted in module {module}"
            raise LookupError(message)
    except PartnerNotFound:
        return  # it is not there: that was all we wanted


async def _say(calls: PartnerCalls, name: ObjectId, told: str | None, current: Told) -> None:
    before = None if told is None else type(current).model_validate_json(told)
    if before == current:
        return
    if isinstance(current, ActiveChargingProfile):
        await calls.push_active_profile(name, current)
    elif before is None or isinstance(current, InvoiceRecord):
        await calls.put(current)
    else:
        try:
            await calls.patch(before, current)
        except PartnerNotFound:
            # The partner has lost the object, or never stored it: only the whole of it can help.
            await calls.put(current)
        except PartnerError as failure:
            if failure.retryable or isinstance(failure, PartnerUnauthorized):
                raise
            # A PATCH that was not understood: the whole object says the same (OCPI 2.2.1 transport, PATCH).
            await calls.put(current)
