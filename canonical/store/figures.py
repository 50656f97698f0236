"""How much of what is waiting: figures for whoever watches a deployment from outside."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlmodel import col

from canonical.store.tables import CaseRow, OutboxRow
from canonical.store.transaction import Transaction


@dataclass(frozen=True)
class Backlog:
    """What one partner has yet to be told: how much, and since when the oldest of it waits."""

    connection_id: str
    waiting: int
    oldest: datetime


@dataclass(frozen=True)
class Figures:
    """`cases`: how many there are of each kind and state."""

    backlogs: tuple[Backlog, ...]
    cases: Mapping[tuple[str, str], int]


class FigureRepository:
    """Reads figures; writes nothing."""

    def __init__(self, connection: Transaction) -> None:
        self._connection = connection

    async def read(self) -> Figures:
        waiting = (
            select(col(OutboxRow.connection_id), func.count(), func.min(col(OutboxRow.added_at)))
            .where(col(OutboxRow.settled_at).is_(None), col(OutboxRow.refused_at).is_(None))
            .group_by(col(OutboxRow.connection_id))
        )
        cases = select(col(CaseRow.kind), col(CaseRow.state), func.count()).group_by(
            col(CaseRow.kind), col(CaseRow.state)
        )
        backlogs = tuple(Backlog(*row) for row in (await self._connection.execute(waiting)).all())
        found = (await self._connection.execute(cases)).all()
        return Figures(backlogs, {(kind, state): count for kind, state, count in found})
