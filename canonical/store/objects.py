"""Living objects by family: each partner's copy apart from ours, the newest state of each.

`source` is "" for our own objects, and otherwise the id of the connection by which an object came: two
connections that send the same object hold two copies. Keys are folded, so spelling never makes two of one.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from canonical.identity import ObjectId
from canonical.location import Location
from canonical.session import Session
from canonical.store.documents import text_of
from canonical.store.tables import ObjectRow
from canonical.tariff import Tariff
from canonical.token import Token

T = TypeVar("T", Location, Tariff, Token, Session)
Item = TypeVar("Item")


@dataclass(frozen=True)
class PutOutcome(Generic[Item]):
    """What a put did: `created` it was new, `applied` it is the stored state now, `before` the state until then."""

    created: bool
    applied: bool
    before: Item | None


@dataclass(frozen=True)
class StoredPage(Generic[Item]):
    """A page in order of creation, and how many there are in all (OCPI 2.2.1 transport, pagination)."""

    items: tuple[Item, ...]
    total: int


class ObjectRepository(Generic[T]):
    """The newest state of every object of one family."""

    def __init__(self, connection: AsyncConnection, row: type[ObjectRow], model: type[T]) -> None:
        self._connection = connection
        self._row = row
        self._model: type[T] = model

    async def put(self, value: T, *, source: str = "") -> PutOutcome[T]:
        """Store a state unless a newer one (by `last_updated`) is stored; an equally old one replaces it.

        Repeated: stored again with the same result. Reordered: the older of two states never replaces the
        newer one (`applied` False). At the same time: the second writer waits for the first, and then compares.
        Cut off: nothing is stored.
        """
        key = value.object_id.key
        columns: dict[str, object] = {
            "source": source,
            "key": key,
            "last_updated": value.last_updated,
            "document": text_of(value),
            **self._columns(value),
        }
        added = (
            insert(self._row)
            .values(columns)
            .on_conflict_do_nothing(index_elements=["source", "key"])
            .returning(col(self._row.number))
        )
        stored = select(col(self._row.document)).where(self._is(key, source)).with_for_update()
        # Once more when the row that was in the way is deleted between the two statements.
        while (await self._connection.execute(added)).first() is None:
            document = (await self._connection.execute(stored)).scalar()
            if document is not None:
                return await self._replace(self._model.model_validate_json(document), value, columns)
        return PutOutcome(created=True, applied=True, before=None)

    async def get(self, object_id: ObjectId, *, source: str = "") -> T | None:
        query = select(col(self._row.document)).where(self._is(object_id.key, source))
        document = (await self._connection.execute(query)).scalar()
        return None if document is None else self._model.model_validate_json(document)

    async def page(
        self,
        *,
        source: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        offset: int,
        limit: int,
    ) -> StoredPage[T]:
        """Objects with `since` <= last_updated < `until`, in order of creation, which no update changes."""
        return await self._page(col(self._row.source) == source, since=since, until=until, offset=offset, limit=limit)

    async def _page(
        self,
        *conditions: ColumnElement[bool],
        since: datetime | None,
        until: datetime | None,
        offset: int,
        limit: int,
    ) -> StoredPage[T]:
        chosen = [*conditions]
        if since is not None:
            chosen.append(col(self._row.last_updated) >= since)
        if until is not None:
            chosen.append(col(self._row.last_updated) < until)
        count = select(func.count()).select_from(self._row).where(*chosen)
        query = select(col(self._row.document)).where(*chosen).order_by(col(self._row.number))
        total = (await self._connection.execute(count)).scalar_one()
        rows = (await self._connection.execute(query.offset(offset).limit(limit))).scalars()
        return StoredPage(items=tuple(self._model.model_validate_json(d) for d in rows), total=total)

    async def all(self, *, source: str = "") -> tuple[T, ...]:
        """Every object of one source, in order of creation."""
        return await self._where(col(self._row.source) == source)

    async def lock(self, object_id: ObjectId) -> None:
        """Queue up with everybody who changes this object, until the transaction ends.

        For read-modify-write (a PATCH): whoever locks before reading sees what the one before has written.
        Locking again in the same transaction is harmless.
        """
        name = f"{self._row.__tablename__}:{object_id.key}"
        await self._connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))

    async def _replace(self, before: T, value: T, columns: dict[str, object]) -> PutOutcome[T]:
        """Write over a row that is locked by this transaction."""
        if value.last_updated < before.last_updated:
            return PutOutcome(created=False, applied=False, before=before)
        replaced = (
            insert(self._row).values(columns).on_conflict_do_update(index_elements=["source", "key"], set_=columns)
        )
        await self._connection.execute(replaced)
        return PutOutcome(created=False, applied=True, before=before)

    async def _where(self, *chosen: ColumnElement[bool]) -> tuple[T, ...]:
        query = select(col(self._row.document)).where(*chosen).order_by(col(self._row.number))
        rows = (await self._connection.execute(query)).scalars()
        return tuple(self._model.model_validate_json(document) for document in rows)

    def _is(self, key: str, source: str) -> ColumnElement[bool]:
        return and_(col(self._row.source) == source, col(self._row.key) == key)

    def _columns(self, value: T) -> dict[str, object]:  # noqa: ARG002  other families need it
        """Columns that one family has beside the common ones."""
        return {}
