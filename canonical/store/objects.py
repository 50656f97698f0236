"""Living objects by family: each partner's copy apart from ours, the newest state of each.

`source` is "" for our own objects, and otherwise the id of the connection by which an object came: two
connections that send the same object hold two copies. Keys are folded, so spelling never makes two of one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Generic, TypeAlias, TypeVar

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ScalarSelect,
    and_,
    cast,
    func,
    literal,
    select,
    true,
)
from sqlmodel import col

from canonical.identity import ObjectId
from canonical.location import Location
from canonical.session import Session
from canonical.store.documents import text_of
from canonical.store.errors import Unstorable
from canonical.store.events import EventRepository
from canonical.store.tables import ObjectCountRow, ObjectRow
from canonical.store.transaction import Transaction
from canonical.tariff import Tariff
from canonical.token import Token

T = TypeVar("T", Location, Tariff, Token, Session)
Item = TypeVar("Item")

_Values: TypeAlias = tuple[str, str, datetime, str, *tuple[object, ...]]
"""Of a row: source, key, last_updated, the document as text, and what a family has beside."""

MAX_DOCUMENT = 8 * 1024 * 1024
"""The longest document of one object. A body is limited, but an object can be made to grow patch by patch, and each
patch writes all of it anew, as the object and as an event."""


@dataclass(frozen=True)
class PutOutcome(Generic[Item]):
    """What a put did: `created` it was new, `applied` it is the stored state now, `before` the state until then."""

    created: bool
    applied: bool
    before: Item | None


@dataclass(frozen=True)
class Seen(Generic[Item]):
    """A state, None where there is none. Unless all others were made to wait (`locked`), it may be changed meanwhile:
    `version` shows it."""

    value: Item | None
    version: int | None = None
    locked: bool = False


@dataclass(frozen=True)
class StoredPage(Generic[Item]):
    """A page in order of creation, and how many there are in all (OCPI 2.2.1 transport, pagination).

    `last` is the number of the last row on it, from which the next page goes on; None: the page is empty.
    """

    items: tuple[Item, ...]
    total: int
    last: int | None = None


class ObjectRepository(Generic[T]):
    """The newest state of every object of one family."""

    _stamped: tuple[str, ...] = ()
    """Columns that say when a row was written, by the database's clock."""

    def __init__(self, connection: Transaction, row: type[ObjectRow], model: type[T]) -> None:
        self._connection = connection
        self._row = row
        self._model: type[T] = model

    async def put(self, value: T, *, source: str = "", held: T | None = None) -> PutOutcome[T]:
        """Store a state unless a newer one (by `last_updated`) is stored; an equally old one replaces it.

        `held` is the state until now, if the caller has it from `held` in this transaction: it is not read again.

        Repeated: stored again with the same result. Reordered: the older of two states never replaces the
        newer one (`applied` False). At the same time: the second writer waits for the first, and then compares.
        Cut off: nothing is stored. Raises Unstorable.
        """
        insert, replace, values = self._writing(value, source)
        before = held
        # Once more when somebody else has added it between the two statements.
        while True:
            if before is None:
                before = await self._for_update(value.object_id.key, source)
            if before is not None:
                if value.last_updated < before.last_updated:
                    return PutOutcome(created=False, applied=False, before=before)
                await self._connection.write(replace, *values)
                return await self._noted(PutOutcome(created=False, applied=True, before=before), value, values)
            if await self._connection.ask(insert, *values):
                return await self._noted(PutOutcome(created=True, applied=True, before=None), value, values)

    async def put_over(self, seen: Seen[T], value: T, *, source: str = "") -> PutOutcome[T]:
        """As `put`, over what was seen. The transaction is Overtaken if somebody else has changed it since."""
        before = seen.value
        if seen.locked:
            return await self.put(value, source=source, held=before)
        if before is not None and value.last_updated < before.last_updated:
            return PutOutcome(created=False, applied=False, before=before)
        insert, replace, values = self._writing(value, source)
        self._connection.depends_on(self._lock_name(value.object_id))
        if before is None:
            await self._connection.write(insert, *values, needed=True)
        else:
            unchanged = f"{replace} AND xmin = ${len(values) + 1} RETURNING 1"
            await self._connection.write(unchanged, *values, seen.version, needed=True)
        return await self._noted(PutOutcome(created=before is None, applied=True, before=before), value, values)

    def _writing(self, value: T, source: str) -> tuple[str, str, _Values]:
        """How to add the row and how to write over it, and the values for both. Raises Unstorable."""
        own: dict[str, object] = self._columns(value)
        document = text_of(value)
        if len(document) > MAX_DOCUMENT:
            raise Unstorable(f"a {type(value).__name__} of more than {MAX_DOCUMENT} characters")
        insert, replace = _writing(str(self._row.__tablename__), tuple(own), self._stamped)
        return insert, replace, (source, value.object_id.key, value.last_updated, document, *own.values())

    async def _noted(self, outcome: PutOutcome[T], value: T, written: _Values) -> PutOutcome[T]:
        """What a partner has changed is an event for the operator's own systems, whatever way it came."""
        source, _, _, document, *_ = written
        if source and outcome.applied:
            await EventRepository(self._connection).add_change(outcome.before, value, source, document)
        return outcome

    async def see(self, object_id: ObjectId, *, source: str = "") -> Seen[T]:
        """The state, for a change that is quicker than a lock, and made again if somebody else was quicker still.

        Where that has happened lately, nobody else changes it until the transaction ends, as with `held`.
        """
        if self._connection.is_contended(self._lock_name(object_id)):
            return Seen(await self.held(object_id, source=source), locked=True)
        found = await self._connection.look(_seeing(str(self._row.__tablename__)), source, object_id.key)
        if not found:
            return Seen(None)
        document, version = found[0]
        return Seen(self._model.model_validate_json(document), version)

    async def held(self, object_id: ObjectId, *, source: str = "") -> T | None:
        """The state, for a read-modify-write: nobody else changes it until the transaction ends. None: there is none,
        and nobody who locks adds one.

        As `lock` and `get`, in one statement where there is something to be read.
        """
        holding = _holding(str(self._row.__tablename__))
        found = await self._connection.ask(holding, self._lock_name(object_id), source, object_id.key)
        if found:
            return self._model.model_validate_json(found[0][0])
        await self.lock(object_id)
        return await self._for_update(object_id.key, source)

    async def _for_update(self, key: str, source: str) -> T | None:
        found = await self._connection.ask(_reading(str(self._row.__tablename__)), source, key)
        return self._model.model_validate_json(found[0][0]) if found else None

    async def get(self, object_id: ObjectId, *, source: str = "") -> T | None:
        found = await self._connection.look(_reading(str(self._row.__tablename__), lock=""), source, object_id.key)
        return self._model.model_validate_json(found[0][0]) if found else None

    async def first(self, names: Iterable[ObjectId], *, source: str = "") -> T | None:
        """The oldest of the objects that have one of these names: one look, however many they are."""
        query = (
            select(col(self._row.document))
            .where(col(self._row.source) == source, col(self._row.key).in_([name.key for name in names]))
            .order_by(col(self._row.number))
            .limit(1)
        )
        document = (await self._connection.execute(query)).scalar()
        return None if document is None else self._model.model_validate_json(document)

    async def page(
        self,
        *,
        source: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        offset: int = 0,
        after: int | None = None,
        limit: int,
    ) -> StoredPage[T]:
        """Objects with `since` <= last_updated < `until`, in order of creation, which no update changes.

        `after` is the `last` of the page before: the page begins behind that row, whatever was added or removed
        since, and `offset` is not looked at. Without it the page begins at the offset, counted now.
        """
        chosen = [col(self._row.source) == source]
        if since is not None:
            chosen.append(col(self._row.last_updated) >= since)
        if until is not None:
            chosen.append(col(self._row.last_updated) < until)
        counted = kept_total(str(self._row.__tablename__), source)
        if since is not None or until is not None:
            counted = select(func.count()).select_from(self._row).where(*chosen).scalar_subquery()
        query = select(col(self._row.number), col(self._row.document)).where(*chosen).order_by(col(self._row.number))
        query = query.offset(offset) if after is None else query.where(col(self._row.number) > after)
        found = query.limit(limit).subquery()
        # One statement, so that page and total are of one moment; the total is there when the page is empty.
        both = (
            select(counted.label("total"), found.c.number, found.c.document)
            .select_from(select(literal(1).label("always")).subquery().outerjoin(found, true()))
            .order_by(found.c.number)
        )
        rows = (await self._connection.execute(both)).all()
        items = tuple(self._model.model_validate_json(row.document) for row in rows if row.number is not None)
        return StoredPage(items=items, total=rows[0].total, last=rows[-1].number)

    async def all(self, *, source: str = "") -> tuple[T, ...]:
        """Every object of one source, in order of creation."""
        return await self._where(col(self._row.source) == source)

    async def lock(self, object_id: ObjectId) -> None:
        """Queue up with everybody who changes this object, until the transaction ends.

        For read-modify-write (a PATCH): whoever locks before reading sees what the one before has written.
        Locking again in the same transaction is harmless.
        """
        await self._connection.ask(_LOCKING, self._lock_name(object_id))

    def _lock_name(self, object_id: ObjectId) -> str:
        return f"{self._row.__tablename__}:{object_id.key}"

    async def _where(self, *chosen: ColumnElement[bool]) -> tuple[T, ...]:
        query = select(col(self._row.document)).where(*chosen).order_by(col(self._row.number))
        rows = (await self._connection.execute(query)).scalars()
        return tuple(self._model.model_validate_json(document) for document in rows)

    def _is(self, key: str, source: str) -> ColumnElement[bool]:
        return and_(col(self._row.source) == source, col(self._row.key) == key)

    def _columns(self, value: T) -> dict[str, object]:  # noqa: ARG002  other families need it
        """Columns that one family has beside the common ones."""
        return {}


def kept_total(family: str, source: str) -> ScalarSelect[int]:
    """How many objects of a family a source has, as the triggers have counted them: exact, without a look at them."""
    return (
        select(cast(func.coalesce(func.sum(col(ObjectCountRow.total)), 0), BigInteger))
        .where(col(ObjectCountRow.family) == family, col(ObjectCountRow.source) == source)
        .scalar_subquery()
    )


# Statements of the hot paths, for the driver: building them anew each time takes longer than running them.

_LOCKING = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"


@cache
def _reading(table: str, lock: str = "FOR UPDATE") -> str:
    return f"SELECT document FROM {table} WHERE source = $1 AND key = $2 {lock}"  # noqa: S608


@cache
def _seeing(table: str) -> str:
    """With the transaction that has written the row: another one means another state."""
    return f"SELECT document, xmin FROM {table} WHERE source = $1 AND key = $2"  # noqa: S608


@cache
def _holding(table: str) -> str:
    """Both locks are taken in the order in which everybody takes them, and the row is read after the last of them."""
    return (
        f"SELECT o.document FROM (SELECT pg_advisory_xact_lock(hashtextextended($1, 0)) OFFSET 0) l, {table} o"  # noqa: S608
        " WHERE o.source = $2 AND o.key = $3 FOR UPDATE OF o"
    )


@cache
def _writing(table: str, own: tuple[str, ...], stamped: tuple[str, ...]) -> tuple[str, str]:
    """Adding a row unless there is one, and writing over the one that is locked."""
    values = {"source": "$1", "key": "$2", "last_updated": "$3", "document": "$4::jsonb"}
    values |= {name: f"${place}" for place, name in enumerate(own, 5)} | dict.fromkeys(stamped, "now()")
    insert = (
        f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(values.values())})"  # noqa: S608
        " ON CONFLICT (source, key) DO NOTHING RETURNING number"
    )
    changed = ", ".join(f"{name} = {value}" for name, value in values.items() if name not in ("source", "key"))
    replace = f"UPDATE {table} SET {changed} WHERE source = $1 AND key = $2"  # noqa: S608
    return insert, replace
