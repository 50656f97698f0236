"""Pull a partner's lists into the store, a page at a time."""

from collections.abc import Mapping
from dataclasses import dataclass

from temporalio import activity

from activities.cases import open_case
from activities.failures import partner_conversation
from activities.partner_link import calls_to
from activities.resources import Resources
from adapters.contract import Module, Page, Unreadable
from canonical.location import Location
from canonical.model import Finding
from canonical.partner import Connection
from canonical.store import UnitOfWork
from canonical.tariff import Tariff
from canonical.token import Token

Pulled = Location | Tariff | Token

KINDS: Mapping[Module, type[Location] | type[Tariff] | type[Token]] = {
    Module.LOCATIONS: Location,
    Module.TARIFFS: Tariff,
    Module.TOKENS: Token,
}


@dataclass(frozen=True)
class Cursor:
    """Where the crawl stands: the address of the next page, or None at the beginning."""

    connection_id: str
    module: str
    url: str | None = None


@dataclass(frozen=True)
class Progress:
    pulled: int
    next_url: str | None


class ResyncActivities:
    def __init__(self, resources: Resources) -> None:
        self._resources = resources

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
            calls = await calls_to(resources.store, resources.registry, connection)
            kind = KINDS[Module(cursor.module)]
            page: Page[Pulled] = await calls.get_page(
                kind, url=cursor.url, limit=None if cursor.url else resources.page_limit
            )
            async with resources.store.transaction() as work:
                for item in page.items:
                    await self._keep(work, connection, item.value)
                for unreadable in page.unreadable:
                    await self._put_aside(work, connection, cursor.module, unreadable)
        return Progress(len(page.items), page.next_url)

    async def _keep(self, work: UnitOfWork, connection: Connection, value: Pulled) -> None:
        if not connection.owns(value.owner):
            text = f"{connection.name} listed {value.object_id.key}, which belongs to a party it does not speak for"
            await open_case(work, self._resources, "foreign-object", value.object_id.key, text)
            return
        if isinstance(value, Location):
            await work.locations.put(value, source=connection.id)
        elif isinstance(value, Tariff):
            await work.tariffs.put(value, source=connection.id)
        else:
            await work.tokens.put(value, source=connection.id)

    async def _put_aside(self, work: UnitOfWork, connection: Connection, module: str, element: Unreadable) -> None:
        raw = element.raw.decode(errors="replace")
        text = f"{connection.name} listed an element in {module} that cannot be read. Its text: {raw[:8000]}"
        findings: tuple[Finding, ...] = element.findings
        await open_case(work, self._resources, "unreadable-element", f"{connection.id}/{module}", text, findings)
