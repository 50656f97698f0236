"""Pull a partner's lists into the store, a page at a time: everything, or what changed since the last time."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from temporalio import activity

from activities.cases import open_case
from activities.failures import partner_conversation, told_to_temporal
from activities.partner_link import KEPT, calls_to, connected_adapter, evidence_of, side_towards
from activities.pulled import KINDS, Pulled, PulledPage, Wake, key_of, told_of
from activities.resources import Resources
from adapters.contract import Exchange, Interface, Module, Page, PartnerError
from adapters.transport.crawl import GUARD, Listed, Place, onward
from canonical.event import EventKind
from canonical.identity import ObjectId
from canonical.location import EvseStatus
from canonical.model import Finding
from canonical.partner import Connection, Side
from canonical.store import Crawl, Missing, UnitOfWork, driver_of

OVERLAP = timedelta(minutes=10)
"""A delta begins so long before the last one began: clocks differ, and commits overtake each other (trap 47)."""

OVERLAP_OF = {Module.CDRS: timedelta(days=1)}
"""Lists on which something may turn up late: a CDR's date is that of its creation, not of its delivery (trap 148)."""

LOOK_BACK = {Module.SESSIONS: timedelta(days=40), Module.CDRS: timedelta(days=40)}
"""How far a full sweep goes back on lists that only grow, once all of it was read: a month and time to correct it."""


@dataclass(frozen=True)
class CrawlOrder:
    """`key` names the walk, so that a repeat goes on with it. `delta`: only what changed since the last one."""

    connection_id: str
    module: str
    key: str
    delta: bool = False


@dataclass(frozen=True)
class Begun:
    """A walk that may go on; `since` is where it begins, None for everything."""

    crawl: int
    since: datetime | None = None


@dataclass(frozen=True)
class Cursor:
    """Where the crawl stands: the address of the next page, or None at the beginning.

    Without `crawl` nothing but the objects is noted: a look at what has changed `since` a moment, or a walk that was
    begun before walks were noted.
    """

    connection_id: str
    module: str
    url: str | None = None
    crawl: int | None = None
    place: Place = field(default_factory=Place)
    since: datetime | None = None


@dataclass(frozen=True)
class Progress:
    pulled: int
    next_url: str | None
    place: Place | None = None


@dataclass(frozen=True)
class Finished:
    """`whole` is False when the list may not be complete; then nothing is counted as missing."""

    text: str
    whole: bool = True
    missing: int = 0
    removed: int = 0


class ResyncActivities:
    def __init__(self, resources: Resources, wake: Wake) -> None:
        self._resources = resources
        self._wake = wake

    @activity.defn(name="resync-begin")
    async def begin(self, order: CrawlOrder) -> Begun:
        """Note that a walk through a list begins, and from when on it is asked for. Once per `key`."""
        now = self._resources.clock()
        with told_to_temporal():
            async with self._resources.store.transaction() as work:
                await work.connections.get(order.connection_id)
                since = await self._since(work, order, now)
                crawl = await work.sightings.begin(
                    order.connection_id, order.module, order.key, sweep=not order.delta, since=since, at=now
                )
        return Begun(crawl.number, crawl.since)

    @activity.defn(name="resync-pull-page")
    async def pull_page(self, cursor: Cursor) -> Progress:
        """Fetch one page and store what it holds. Repeating it stores the same again: objects are keyed and ordered.

        An element that cannot be read, or that belongs to a party that is not the partner's, becomes a case; the
        rest of the page is kept.
        """
        resources = self._resources
        async with partner_conversation():
            async with resources.store.transaction() as work:
                connection = await work.connections.get(cursor.connection_id)
                crawl = None if cursor.crawl is None else await work.sightings.crawl(cursor.crawl)
            asked_at = resources.clock()
            page, exchanges = await self._ask(connection, cursor, crawl)
            adapter = connected_adapter(resources.registry, connection)
            module = Module(cursor.module)
            async with resources.store.transaction() as work:
                url = page.url or cursor.url or ""
                arrived = PulledPage(work, resources, connection, adapter, self._wake, url, asked_at)
                if page.items or page.unreadable:
                    for exchange in exchanges:
                        record = evidence_of(exchange, connection, adapter.key)
                        await work.evidence.add(replace(record, told_of=told_of(page.items)))
                await arrived.keep(page.items, _side(module))
                for unreadable in page.unreadable:
                    await arrived.put_aside(cursor.module, unreadable)
                onto = await self._note(work, connection, cursor, crawl, page)
            for tell in arrived.afterwards:
                await tell()
        return Progress(len(page.items), page.next_url, onto)

    @activity.defn(name="resync-finish")
    async def finish(self, number: int) -> Finished:
        """Count what a full sweep did not find, and treat as removed what two in a row did not. Once per walk."""
        now = self._resources.clock()
        with told_to_temporal():
            async with self._resources.store.transaction() as work:
                crawl = await work.sightings.crawl(number)
                connection = await work.connections.get(crawl.connection_id)
                seen = await work.sightings.seen(crawl)
                if crawl.sweep and crawl.whole and not seen and await work.sightings.held(connection.id, crawl.module):
                    text = (
                        f"{connection.name} lists nothing in {crawl.module}, where it used to list something. Nothing "
                        "is counted as missing until it lists something again."
                    )
                    await open_case(work, self._resources, "list-empty", f"{connection.id}/{crawl.module}", text)
                    await work.sightings.doubt(number, whole=False, readable=True)
                missing = await work.sightings.finish(crawl, now)
                for key in missing.removed:
                    await _remove(work, Module(crawl.module), ObjectId.parse(key), connection.id)
                whole = (await work.sightings.crawl(number)).whole
        return Finished(_told(seen, missing, whole=whole), whole, len(missing.marked), len(missing.removed))

    async def _since(self, work: UnitOfWork, order: CrawlOrder, now: datetime) -> datetime | None:
        module = Module(order.module)
        if order.delta:
            last = await work.sightings.last_whole(order.connection_id, order.module)
            return last.started_at - OVERLAP_OF.get(module, OVERLAP) if last else None
        if module in LOOK_BACK and await work.sightings.last_whole(order.connection_id, order.module, sweeps_only=True):
            return now - LOOK_BACK[module]
        return None

    async def _ask(
        self, connection: Connection, cursor: Cursor, crawl: Crawl | None
    ) -> tuple[Page[Pulled], list[Exchange]]:
        """One page, and the exchange it came by, where it is of a module whose bytes are kept."""
        exchanges: list[Exchange] = []

        async def hold(exchange: Exchange) -> None:
            if exchange.module in KEPT:
                exchanges.append(exchange)

        resources, module = self._resources, Module(cursor.module)
        calls = await calls_to(resources.store, resources.registry, connection, our_side=_side(module), witness=hold)
        kind = KINDS[module]
        url = cursor.place.url or cursor.url
        try:
            page: Page[Pulled] = await calls.get_page(
                kind,
                since=crawl.since if crawl else cursor.since,
                url=url,
                limit=None if url else resources.page_limit,
            )
        except PartnerError:
            async with resources.store.transaction() as work:
                for exchange in exchanges:
                    await work.evidence.add(evidence_of(exchange, connection, str(connection.adapter)))
            raise
        return page, exchanges

    async def _note(
        self, work: UnitOfWork, connection: Connection, cursor: Cursor, crawl: Crawl | None, page: Page[Pulled]
    ) -> Place | None:
        """Where the walk goes on; every doubt about the list is noted, and told to a person when it ends the walk."""
        if crawl is None:
            return None
        keys = [key_of(item.value) for item in page.items]
        repeated = await work.sightings.see(crawl, cursor.place.page, keys)
        listed = len(page.items) + len(page.unreadable)
        step = onward(cursor.place, Listed(page.url, page.next_url, page.total, listed, repeated))
        doubts = tuple(f for f in (*page.findings, *step.findings) if f.code.startswith(GUARD))
        await work.sightings.doubt(crawl.number, whole=not doubts, readable=not page.unreadable)
        if doubts:
            await self._doubted(work, connection, cursor.module, doubts)
        return step.place

    async def _doubted(
        self, work: UnitOfWork, connection: Connection, module: str, doubts: tuple[Finding, ...]
    ) -> None:
        """One case for one kind of oddity of one list, however often it is met."""
        codes = ", ".join(sorted({finding.code for finding in doubts}))
        text = f"The list of {module} of {connection.name} may not have been read whole: {codes}."
        await open_case(work, self._resources, "list-odd", f"{connection.id}/{module}", text)


def _side(module: Module) -> Side | None:
    """What we are towards a partner whose list it is; None where it does not matter."""
    return None if module is Module.HUB_CLIENT_INFO else side_towards(module, Interface.SENDER)


async def _remove(work: UnitOfWork, module: Module, name: ObjectId, source: str) -> None:
    """No longer there: a location without a usable EVSE, a token that is not valid, a tariff that is kept as history.

    The object's own date stays, so that the partner brings it back by listing it again as it was.
    """
    match module:
        case Module.LOCATIONS:
            location = await work.locations.get(name, source=source)
            if location is not None:
                gone = tuple(evse.model_copy(update={"status": EvseStatus.REMOVED}) for evse in location.evses)
                await work.locations.put(location.model_copy(update={"evses": gone}), source=source)
                await work.events.add(EventKind.LOCATION_REMOVED, name.key, source, {})
        case Module.TOKENS:
            token = await work.tokens.get(name, source=source)
            if token is not None:
                await work.tokens.put(token.model_copy(update={"valid": False}), source=source)
                await work.events.add(EventKind.TOKEN_REMOVED, name.key, source, {}, driver=driver_of(token))
        case Module.TARIFFS:
            await work.tariffs.remove(name, source=source)
        case Module.HUB_CLIENT_INFO:
            await work.hub_clients.remove(name, source=source)
        case _:
            message = f"nothing is removed from {module}"
            raise LookupError(message)


def _told(seen: int, missing: Missing, *, whole: bool) -> str:
    if not whole:
        return f"{seen} seen; the list may not be whole"
    return f"{seen} seen, {len(missing.marked)} missing, {len(missing.removed)} removed"
