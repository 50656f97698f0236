"""What each partner has yet to be told, and what it was told last."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from canonical.store.tables import OutboxRow, ToldRow


class OutboxAction(StrEnum):
    """Whether the object has to be sent, or its removal."""

    PUT = "PUT"
    DELETE = "DELETE"


@dataclass(frozen=True)
class OutboxEntry:
    """One thing to tell. The object itself is read when it is told, so that the newest state goes out."""

    id: int
    module: str
    object_key: str
    action: OutboxAction
    added_at: datetime


class OutboxRepository:
    """A queue for each connection. Nothing in it is ever deleted; it is settled or refused."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, connection_id: str, module: str, object_key: str, action: OutboxAction) -> int:
        """Queue something in the transaction that changes it; returns the entry's id.

        Repeated: queued twice, which the teller may settle together. Cut off: neither changed nor queued.
        """
        adding = (
            insert(OutboxRow)
            .values(connection_id=connection_id, module=module, object_key=object_key, action=action.value)
            .returning(col(OutboxRow.number))
        )
        return (await self._connection.execute(adding)).scalar_one()

    async def pending(self, connection_id: str, limit: int) -> tuple[OutboxEntry, ...]:
        """The oldest entries that are neither settled nor refused, in order."""
        query = (
            select(
                col(OutboxRow.number),
                col(OutboxRow.module),
                col(OutboxRow.object_key),
                col(OutboxRow.action),
                col(OutboxRow.added_at),
            )
            .where(_pending(connection_id))
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

    async def neglected(self, before: datetime) -> tuple[str, ...]:
        """Connections with something that has waited since before a moment."""
        query = (
            select(col(OutboxRow.connection_id))
            .where(
                col(OutboxRow.added_at) < before,
                col(OutboxRow.settled_at).is_(None),
                col(OutboxRow.refused_at).is_(None),
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


def _pending(connection_id: str) -> ColumnElement[bool]:
    return and_(
        col(OutboxRow.connection_id) == connection_id,
        col(OutboxRow.settled_at).is_(None),
        col(OutboxRow.refused_at).is_(None),
    )
