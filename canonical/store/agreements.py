"""What has been agreed with each partner about money, and since when. Append-only: a new agreement follows an old one.

What an agreement says is a document of settlement; here it is text with a name, kept as it was written.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from canonical.store.errors import AlreadyExists
from canonical.store.tables import AgreementRow
from canonical.store.transaction import Transaction


@dataclass(frozen=True)
class StoredAgreement:
    """One agreement. `ref` is name and digest of its content, `document` its JSON text, `agreed_by` who put it here."""

    connection_id: str
    ref: str
    document: str
    agreed_by: str
    valid_from: datetime
    recorded_at: datetime


_IN_FORCE = (
    "SELECT connection_id, ref, document, agreed_by, valid_from, recorded_at FROM agreement"
    " WHERE connection_id = $1 AND valid_from <= $2 ORDER BY valid_from DESC LIMIT 1"
)
"""For the driver: every reading of a meter asks for it."""


class AgreementRepository:
    """Agreements by connection and the moment from which they hold."""

    def __init__(self, connection: Transaction) -> None:
        self._connection = connection

    async def add(
        self, *, connection_id: str, ref: str, document: str, agreed_by: str, valid_from: datetime
    ) -> StoredAgreement:
        """Keep an agreement that holds from `valid_from` on. Raises AlreadyExists when another one holds from then on.

        Repeated, with the same `ref`: the first one stays. Reordered: kept; `in_force` goes by `valid_from`. At the
        same time: the second waits for the first. Cut off: nothing is kept.
        """
        adding = (
            insert(AgreementRow)
            .values(connection_id=connection_id, ref=ref, document=document, agreed_by=agreed_by, valid_from=valid_from)
            .on_conflict_do_nothing(index_elements=["connection_id", "valid_from"])
        )
        await self._connection.execute(adding)
        kept = (await self._where(connection_id, col(AgreementRow.valid_from) == valid_from))[0]
        if kept.ref != ref:
            moment = valid_from.isoformat()
            raise AlreadyExists(f"another agreement with {connection_id} holds from {moment} on: {kept.ref}")
        return kept

    async def in_force(self, connection_id: str, at: datetime) -> StoredAgreement | None:
        """The agreement that holds at a moment; None: nothing had been agreed by then."""
        found = await self._connection.look(_IN_FORCE, connection_id, at)
        return StoredAgreement(*found[0]) if found else None

    async def all(self, connection_id: str) -> tuple[StoredAgreement, ...]:
        """Every agreement with a partner, also those that hold later only; the newest first."""
        return await self._where(connection_id)

    async def _where(self, connection_id: str, *chosen: ColumnElement[bool]) -> tuple[StoredAgreement, ...]:
        query = (
            select(
                col(AgreementRow.connection_id),
                col(AgreementRow.ref),
                col(AgreementRow.document),
                col(AgreementRow.agreed_by),
                col(AgreementRow.valid_from),
                col(AgreementRow.recorded_at),
            )
            .where(col(AgreementRow.connection_id) == connection_id, *chosen)
            .order_by(col(AgreementRow.valid_from).desc())
        )
        return tuple(StoredAgreement(*row) for row in (await self._connection.execute(query)).all())
