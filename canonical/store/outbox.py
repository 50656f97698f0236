"""What each partner has yet to be told, and what it was told last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, and_, delete, func, literal, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from canonical.partner import CLOSED
from canonical.store.tables import (
    BillingContextRow,
    ConnectionRow,
    FeedAttendanceRow,
    InvoiceRecordRow,
    LocationRow,
    ObjectRow,
    OutboxRow,
    SessionRow,
    TariffRow,
    TokenRow,
    ToldRow,
)
from canonical.store.transaction import Transaction

_INVOICE_RECORDS = "invoicereconciliation"
_FAMILIES: Mapping[str, type[ObjectRow]] = {
    "locations": LocationRow,
    "tariffs": TariffRow,
    "tokens": TokenRow,
    "sessions": SessionRow,
}
"""Other modules of which everything can be told."""


_AT_ONCE = timedelta()
_DUE = col(OutboxRow.due_at) <= func.now()


class OutboxAction(StrEnum):
    """Whether the object has to be sent, or its removal."""

    PUT = "PUT"
    DELETE = "DELETE"


@dataclass(frozen=True)
class Queued:
    """A new entry. `attended`: somebody is at this outbox and will find it without being woken."""

    id: int
    attended: bool


@dataclass(frozen=True)
class OutboxEntry:
    """One thing to tell. The object itself is read when it is told, so that the newest state goes out."""

    id: int
    module: str
    object_key: str
    action: OutboxAction
    added_at: datetime


_ADD = (
    "INSERT INTO outbox (connection_id, module, object_key, action, due_at) VALUES ($1, $2, $3, $4, now() + $5)"
    " RETURNING number, (SELECT until > now() FROM feed_attendance WHERE connection_id = $1)"
)
"""For the driver: it stands behind every reading of a meter."""


class OutboxRepository:
    """A queue for each connection. Nothing in it is ever deleted; it is settled or refused."""

    def __init__(self, connection: Transaction) -> None:
        self._connection = connection

    async def add(
        self, connection_id: str, module: str, object_key: str, action: OutboxAction, *, after: timedelta = _AT_ONCE
    ) -> Queued:
        """Queue something in the transaction that changes it. `after`: by when it is due; what else happens to the
        object in between is told together with it.

        Repeated: queued twice, which the teller may settle together. Cut off: neither changed nor queued.
        """
        values = (connection_id, module, object_key, action.value, after)
        ((number, attended),) = await self._connection.ask(_ADD, *values)
        return Queued(number, attended=bool(attended))

    async def add_all(self, connection_id: str, module: str) -> int:
        """Queue every object of ours in a module for one partner, as if it had never been told; returns how many.

        Sessions and invoice records are those of the connection. Modules that are not pushed have none.
        Repeated: queued twice, which the teller settles together. Cut off: nothing is queued, nothing forgotten.
        """
        chosen = _ours(connection_id, module)
        if chosen is None:
            return 0
        await self._connection.execute(
            delete(ToldRow).where(col(ToldRow.connection_id) == connection_id, col(ToldRow.module) == module)
        )
        columns = ["connection_id", "module", "object_key", "action"]
        adding = insert(OutboxRow).from_select(columns, chosen).returning(col(OutboxRow.number))
        return len((await self._connection.execute(adding)).all())

    async def forget(self, connection_id: str, module: str, object_key: str) -> None:
        """The partner no longer has an object: it hears all of it when it is told again. Repeated: nothing more."""
        await self._connection.execute(
            delete(ToldRow).where(
                col(ToldRow.connection_id) == connection_id,
                col(ToldRow.module) == module,
                col(ToldRow.object_key) == object_key,
            )
        )

    async def pending(self, connection_id: str, limit: int) -> tuple[OutboxEntry, ...]:
        """The oldest entries that are neither settled nor refused, in order, of objects of which one is due."""
        due = select(col(OutboxRow.module), col(OutboxRow.object_key)).where(_pending(connection_id), _DUE)
        query = (
            select(
                col(OutboxRow.number),
                col(OutboxRow.module),
                col(OutboxRow.object_key),
                col(OutboxRow.action),
                col(OutboxRow.added_at),
            )
            .where(_pending(connection_id), tuple_(col(OutboxRow.module), col(OutboxRow.object_key)).in_(due))
            .order_by(col(OutboxRow.number))
            .limit(limit)
        )
        rows = (await self._connection.execute(query)).all()
        return tuple(
            OutboxEntry(id=number, module=module, object_key=key, action=OutboxAction(action), added_at=added_at)
            for number, module, key, action, added_at in rows
        )

    async def settle(self, ids: Sequence[int]) -> None:
        """The partner has acknowledged these entries.

        Repeated: nothing more happens; an entry that was refused stays so. Cut off: they are told once more,
        which a partner takes as the same state again.
        """
        await self._connection.execute(
            update(OutboxRow)
            .where(
                col(OutboxRow.number).in_(ids),
                col(OutboxRow.settled_at).is_(None),
                col(OutboxRow.refused_at).is_(None),
            )
            .values(settled_at=func.now())
        )

    async def refuse(self, entry_id: int, reason: str) -> None:
        """The partner has said no for good.

        Repeated: the first reason stays. Cut off: it is told once more.
        """
        await self._connection.execute(
            update(OutboxRow)
            .where(
                col(OutboxRow.number) == entry_id,
                col(OutboxRow.settled_at).is_(None),
                col(OutboxRow.refused_at).is_(None),
            )
            .values(refused_at=func.now(), reason=reason)
        )

    async def waiting(self, connection_id: str) -> int:
        """How many entries a partner has yet to be told."""
        query = select(func.count()).select_from(OutboxRow).where(_pending(connection_id))
        return (await self._connection.execute(query)).scalar_one()

    async def attend(self, connection_id: str, within: timedelta) -> None:
        """Say that somebody empties this outbox, and looks at it again within that time whatever happens.

        Repeated: the last word counts. Cut off: nobody is known to be there, and everything that comes wakes one.
        """
        until = func.now() + within
        attending = insert(FeedAttendanceRow).values(connection_id=connection_id, until=until)
        await self._connection.execute(
            attending.on_conflict_do_update(index_elements=["connection_id"], set_={"until": until})
        )

    async def is_attended(self, connection_id: str) -> bool:
        """Whether somebody is at this outbox, or sure to come back to it."""
        return bool((await self._connection.execute(_attended(connection_id))).scalar())

    async def leave(self, connection_id: str) -> None:
        """Say that nobody is there any more. Who leaves looks once more after a transaction's time: an entry that was
        added before this was committed, and is committed after it, has woken nobody. Repeatable.
        """
        await self._connection.execute(
            delete(FeedAttendanceRow).where(col(FeedAttendanceRow.connection_id) == connection_id)
        )

    async def is_due(self, connection_id: str) -> bool:
        """Whether there is something that the partner has to be told by now."""
        query = select(col(OutboxRow.number)).where(_pending(connection_id), _DUE).limit(1)
        return (await self._connection.execute(query)).scalar() is not None

    async def neglected(self, for_: timedelta) -> tuple[str, ...]:
        """Connections with something that has waited for so long by the clock that wrote it down, the database's, but
        for closed and attended ones."""
        closed = select(col(ConnectionRow.key)).where(col(ConnectionRow.state).in_([state.value for state in CLOSED]))
        query = (
            select(col(OutboxRow.connection_id))
            .where(
                col(OutboxRow.added_at) < func.now() - for_,
                col(OutboxRow.settled_at).is_(None),
                col(OutboxRow.refused_at).is_(None),
                func.upper(col(OutboxRow.connection_id)).not_in(closed),
                col(OutboxRow.connection_id).not_in(
                    select(col(FeedAttendanceRow.connection_id)).where(col(FeedAttendanceRow.until) > func.now())
                ),
            )
            .distinct()
        )
        return tuple((await self._connection.execute(query)).scalars())

    async def told(self, connection_id: str, object_key: str, *, module: str = "") -> str | None:
        """JSON of an object as the partner last acknowledged it. Name the module where ids of two may meet."""
        query = select(col(ToldRow.document)).where(
            col(ToldRow.connection_id) == connection_id,
            col(ToldRow.module) == module,
            col(ToldRow.object_key) == object_key,
        )
        return (await self._connection.execute(query)).scalar()

    async def tell(self, connection_id: str, object_key: str, document: str, *, module: str = "") -> None:
        """Note what the partner has acknowledged.

        Repeated: the same again. Reordered: the last call counts, so one teller works for one connection. Cut
        off: the state before stays, and the next difference that is sent is larger than needed.
        """
        noting = insert(ToldRow).values(
            connection_id=connection_id, module=module, object_key=object_key, document=document
        )
        await self._connection.execute(
            noting.on_conflict_do_update(
                index_elements=["connection_id", "module", "object_key"],
                set_={"document": document, "at": func.now()},
            )
        )


def _attended(connection_id: str) -> Select[bool]:
    return select(col(FeedAttendanceRow.until) > func.now()).where(
        col(FeedAttendanceRow.connection_id) == connection_id
    )


def _ours(connection_id: str, module: str) -> Select[str, str, str, str] | None:
    """Our objects of a module that concern a connection, as outbox entries, in order of creation."""
    entry = (literal(connection_id), literal(module))
    action = literal(OutboxAction.PUT.value)
    if module == _INVOICE_RECORDS:
        return (
            select(*entry, col(InvoiceRecordRow.key), action)
            .where(
                col(InvoiceRecordRow.ours),
                col(InvoiceRecordRow.connection_id) == connection_id,
                col(InvoiceRecordRow.withdrawn_at).is_(None),
            )
            .order_by(col(InvoiceRecordRow.number))
        )
    row = _FAMILIES.get(module)
    if row is None:
        return None
    query = select(*entry, col(row.key), action).where(col(row.source) == "").order_by(col(row.number))
    if row is SessionRow:
        sealed = select(col(BillingContextRow.session_key)).where(col(BillingContextRow.connection_id) == connection_id)
        query = query.where(col(SessionRow.key).in_(sealed))
    return query


def _pending(connection_id: str) -> ColumnElement[bool]:
    return and_(
        col(OutboxRow.connection_id) == connection_id,
        col(OutboxRow.settled_at).is_(None),
        col(OutboxRow.refused_at).is_(None),
    )
