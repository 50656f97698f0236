"""Walks through partners' lists: when each began, what was on the list, and what was no longer on it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, case, delete, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from canonical.store.errors import NotFound
from canonical.store.tables import CrawlRow, HubClientRow, LocationRow, ObjectRow, SightingRow, TariffRow, TokenRow

REMOVED_AFTER = 2
"""So many full sweeps in a row have to miss an object before it counts as removed (trap 68)."""

KEPT_FOR = timedelta(days=60)
"""How long a walk can be looked up. What objects were seen or missed is kept with them."""

_LIVING: Mapping[str, type[ObjectRow] | type[HubClientRow]] = {
    "locations": LocationRow,
    "tariffs": TariffRow,
    "tokens": TokenRow,
    "hubclientinfo": HubClientRow,
}
"""Modules whose lists say what there is. What was charged stays charged: never sessions, CDRs or invoices."""


@dataclass(frozen=True)
class Crawl:
    """One walk through one list. `sweep`: through all of it, so that what is not on it is missing."""

    number: int
    connection_id: str
    module: str
    sweep: bool
    since: datetime | None
    whole: bool
    readable: bool
    started_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True)
class Missing:
    """What a full sweep did not find: keys that are missed for the first time, and that count as removed now."""

    marked: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


class SightingRepository:
    """Crawls by connection and module, and the objects that they saw."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def begin(
        self, connection_id: str, module: str, crawl_key: str, *, sweep: bool, since: datetime | None, at: datetime
    ) -> Crawl:
        """Note that a walk begins at `at`. Repeated with the same key: the first one stays. Cut off: none began."""
        beginning = (
            insert(CrawlRow)
            .values(
                connection_id=connection_id,
                module=module,
                crawl_key=crawl_key,
                sweep=sweep,
                since=since,
                started_at=at,
            )
            .on_conflict_do_nothing(index_elements=["connection_id", "module", "crawl_key"])
        )
        await self._connection.execute(beginning)
        return await self._one(
            col(CrawlRow.connection_id) == connection_id,
            col(CrawlRow.module) == module,
            col(CrawlRow.crawl_key) == crawl_key,
        )

    async def crawl(self, number: int) -> Crawl:
        """Raises NotFound."""
        return await self._one(col(CrawlRow.number) == number)

    async def last_whole(self, connection_id: str, module: str, *, sweeps_only: bool = False) -> Crawl | None:
        """The newest walk that reached the end of its list without a doubt that it was the end."""
        query = (
            select(col(CrawlRow.number))
            .where(
                col(CrawlRow.connection_id) == connection_id,
                col(CrawlRow.module) == module,
                col(CrawlRow.whole),
                col(CrawlRow.finished_at).is_not(None),
                *((col(CrawlRow.sweep),) if sweeps_only else ()),
            )
            .order_by(col(CrawlRow.number).desc())
            .limit(1)
        )
        number = (await self._connection.execute(query)).scalar()
        return None if number is None else await self.crawl(number)

    async def crawls(self, connection_id: str, limit: int = 100) -> tuple[Crawl, ...]:
        """The newest walks with one partner, newest first."""
        query = (
            select(col(CrawlRow.number))
            .where(col(CrawlRow.connection_id) == connection_id)
            .order_by(col(CrawlRow.number).desc())
            .limit(limit)
        )
        numbers = (await self._connection.execute(query)).scalars().all()
        return tuple([await self.crawl(number) for number in numbers])

    async def doubt(self, number: int, *, whole: bool, readable: bool) -> None:
        """Note what one page says against the list: it may not be whole, or something on it was not to be read.

        Repeated or reordered: a doubt stays. Cut off: not noted.
        """
        if whole and readable:
            return
        await self._connection.execute(
            update(CrawlRow)
            .where(col(CrawlRow.number) == number)
            .values(
                whole=case((literal(whole), col(CrawlRow.whole)), else_=False),
                readable=case((literal(readable), col(CrawlRow.readable)), else_=False),
            )
        )

    async def see(self, crawl: Crawl, page: int, keys: Collection[str]) -> int:
        """Note what is on a page; returns how many of it stood on an earlier page of this walk.

        Repeated: the same answer, for a page is not earlier than itself. Cut off: nothing is noted.
        """
        wanted = sorted(set(keys))
        if not wanted:
            return 0
        here = (col(SightingRow.connection_id) == crawl.connection_id, col(SightingRow.module) == crawl.module)
        known = select(func.count()).where(
            *here,
            col(SightingRow.object_key).in_(wanted),
            col(SightingRow.crawl_number) == crawl.number,
            col(SightingRow.page) < page,
        )
        repeated = (await self._connection.execute(known)).scalar_one()
        rows = [
            {
                "connection_id": crawl.connection_id,
                "module": crawl.module,
                "object_key": key,
                "crawl_number": crawl.number,
                "page": page,
            }
            for key in wanted
        ]
        seeing = insert(SightingRow).values(rows)
        await self._connection.execute(
            seeing.on_conflict_do_update(
                index_elements=["connection_id", "module", "object_key"],
                set_={"crawl_number": crawl.number, "page": page, "missed": 0, "heard": None},
                where=or_(
                    col(SightingRow.crawl_number) != crawl.number,
                    col(SightingRow.page) > page,
                ),
            )
        )
        return repeated

    async def seen(self, crawl: Crawl) -> int:
        """How many objects a walk has seen."""
        query = select(func.count()).where(
            col(SightingRow.connection_id) == crawl.connection_id,
            col(SightingRow.module) == crawl.module,
            col(SightingRow.crawl_number) == crawl.number,
        )
        return (await self._connection.execute(query)).scalar_one()

    async def held(self, connection_id: str, module: str) -> int:
        """How many living objects of a partner we hold, on lists that say what there is; 0 for other modules."""
        row = _LIVING.get(module)
        if row is None:
            return 0
        query = select(func.count()).select_from(row).where(col(row.source) == connection_id)
        return (await self._connection.execute(query)).scalar_one()

    async def finish(self, crawl: Crawl, at: datetime) -> Missing:
        """The walk has come to its end. A sweep without doubts counts what was not on the list.

        Not counted: what has changed since the walk began, for it may have been pushed meanwhile. A newer state
        after a miss begins the count anew. Repeated: nothing is counted twice. Cut off: nothing is counted.
        """
        ending = (
            update(CrawlRow)
            .where(col(CrawlRow.number) == crawl.number, col(CrawlRow.finished_at).is_(None))
            .values(finished_at=at)
            .returning(col(CrawlRow.whole), col(CrawlRow.readable))
        )
        ended = (await self._connection.execute(ending)).first()
        await self._forget(crawl, at - KEPT_FOR)
        row = _LIVING.get(crawl.module)
        if ended is None or row is None or not (crawl.sweep and ended.whole and ended.readable):
            return Missing()
        unseen = (
            select(
                literal(crawl.connection_id),
                literal(crawl.module),
                col(row.key),
                literal(0),
                literal(0),
                literal(1),
                col(row.last_updated),
            )
            .outerjoin(
                SightingRow,
                (col(SightingRow.connection_id) == crawl.connection_id)
                & (col(SightingRow.module) == crawl.module)
                & (col(SightingRow.object_key) == col(row.key)),
            )
            .where(
                col(row.source) == crawl.connection_id,
                col(row.last_updated) < crawl.started_at,
                func.coalesce(col(SightingRow.crawl_number), 0) != crawl.number,
            )
        )
        columns = ["connection_id", "module", "object_key", "crawl_number", "page", "missed", "heard"]
        missing = insert(SightingRow).from_select(columns, unseen)
        unchanged = col(SightingRow.heard) == missing.excluded.heard
        counting = missing.on_conflict_do_update(
            index_elements=["connection_id", "module", "object_key"],
            set_={
                "missed": case((unchanged, col(SightingRow.missed) + 1), else_=1),
                "heard": missing.excluded.heard,
            },
        ).returning(col(SightingRow.object_key), col(SightingRow.missed))
        counted = (await self._connection.execute(counting)).all()
        return Missing(
            marked=tuple(sorted(key for key, missed in counted if missed < REMOVED_AFTER)),
            removed=tuple(sorted(key for key, missed in counted if missed == REMOVED_AFTER)),
        )

    async def _forget(self, crawl: Crawl, before: datetime) -> None:
        """Drop walks through the same list that ended long ago, but not those from which the next one begins."""
        here = (col(CrawlRow.connection_id) == crawl.connection_id, col(CrawlRow.module) == crawl.module)
        newest = (
            select(func.max(col(CrawlRow.number)))
            .where(*here, col(CrawlRow.whole), col(CrawlRow.finished_at).is_not(None))
            .group_by(col(CrawlRow.sweep))
        )
        old = col(CrawlRow.started_at) < before
        await self._connection.execute(
            delete(CrawlRow).where(
                *here, old, col(CrawlRow.number) != crawl.number, col(CrawlRow.number).not_in(newest)
            )
        )

    async def missing(self, connection_id: str, module: str) -> Mapping[str, int]:
        """Objects that the newest full sweeps have missed, with how many of them did."""
        query = select(col(SightingRow.object_key), col(SightingRow.missed)).where(
            col(SightingRow.connection_id) == connection_id,
            col(SightingRow.module) == module,
            col(SightingRow.missed) > 0,
        )
        rows = (await self._connection.execute(query)).all()
        return {row.object_key: row.missed for row in rows}

    async def _one(self, *chosen: ColumnElement[bool]) -> Crawl:
        query = select(
            col(CrawlRow.number),
            col(CrawlRow.connection_id),
            col(CrawlRow.module),
            col(CrawlRow.sweep),
            col(CrawlRow.since),
            col(CrawlRow.whole),
            col(CrawlRow.readable),
            col(CrawlRow.started_at),
            col(CrawlRow.finished_at),
        ).where(*chosen)
        row = (await self._connection.execute(query)).first()
        if row is None:
            raise NotFound("no such crawl")
        return Crawl(*row)
