"""Tariffs, and every content that each of them ever had: what a price was read from stays readable."""

from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from canonical.event import EventKind
from canonical.identity import ObjectId
from canonical.store.documents import text_of
from canonical.store.errors import NotFound
from canonical.store.events import EventRepository
from canonical.store.objects import ObjectRepository, PutOutcome
from canonical.store.tables import TariffRow, TariffVersionRow
from canonical.store.transaction import Transaction
from canonical.tariff import Tariff, TariffVersionRef

_VERSION = "SELECT document FROM tariff_version WHERE key = $1 AND sha256 = $2 ORDER BY number LIMIT 1"
"""For the driver: every reading of a meter asks for it."""


class TariffRepository(ObjectRepository[Tariff]):
    """The tariffs as they are, and as they were."""

    def __init__(self, connection: Transaction) -> None:
        super().__init__(connection, TariffRow, Tariff)

    async def put(self, value: Tariff, *, source: str = "", held: Tariff | None = None) -> PutOutcome[Tariff]:
        """Store a tariff, and its content as a version of its own.

        Repeated: no second version. Reordered: an older content does not replace a newer one, but it is kept
        as a version, because something may have been priced with it. Cut off: neither is stored.
        """
        outcome = await super().put(value, source=source, held=held)
        if outcome.before != value and not (not outcome.applied and await self._has_version(value, source=source)):
            await self._append(value, source=source, took_effect=outcome.applied)
        return outcome

    async def remove(self, object_id: ObjectId, *, source: str = "") -> bool:
        """Withdraw a tariff; its versions stay. False when there is none.

        Repeated: False. Reordered: a put that arrives after its removal brings the tariff back, since a
        removal bears no time of its own. Cut off: the tariff is still there.
        """
        removal = delete(TariffRow).where(self._is(object_id.key, source)).returning(col(TariffRow.last_updated))
        last_updated = (await self._connection.execute(removal)).scalar()
        if last_updated is None:
            return False
        now = select(func.greatest(func.now(), last_updated))
        current_from = (await self._connection.execute(now)).scalar_one()
        await self._connection.execute(
            insert(TariffVersionRow).values(
                source=source,
                key=object_id.key,
                took_effect=True,
                current_from=current_from,
                document=None,
                sha256=None,
            )
        )
        if source:
            await EventRepository(self._connection).add(EventKind.TARIFF_REMOVED, object_id.key, source, {})
        return True

    async def version(self, ref: TariffVersionRef) -> Tariff:
        """The tariff exactly as it was when `ref` was taken. Raises NotFound."""
        key = ObjectId(owner=ref.owner, id=ref.tariff_id).key
        found = await self._connection.look(_VERSION, key, ref.sha256)
        if not found:
            raise NotFound(f"no version {ref.sha256[:12]} of tariff {key}")
        return Tariff.model_validate_json(found[0][0])

    async def in_force(self, object_id: ObjectId, at: datetime, *, source: str = "") -> Tariff | None:
        """The content that the tariff had at a moment, if it was valid then.

        A content counts from its own `last_updated` on, until the next one or the removal. Where the newest
        is not valid yet, the one before it still holds.
        """
        query = (
            select(col(TariffVersionRow.document))
            .where(
                col(TariffVersionRow.source) == source,
                col(TariffVersionRow.key) == object_id.key,
                col(TariffVersionRow.took_effect),
                col(TariffVersionRow.current_from) <= at,
            )
            .order_by(col(TariffVersionRow.current_from).desc(), col(TariffVersionRow.number).desc())
        )
        for document in (await self._connection.execute(query)).scalars():
            if document is None:
                return None
            tariff = Tariff.model_validate_json(document)
            if _valid(tariff, at):
                return tariff
        return None

    async def _has_version(self, tariff: Tariff, *, source: str) -> bool:
        query = select(col(TariffVersionRow.number)).where(
            col(TariffVersionRow.source) == source,
            col(TariffVersionRow.key) == tariff.object_id.key,
            col(TariffVersionRow.sha256) == tariff.version().sha256,
        )
        return (await self._connection.execute(query.limit(1))).first() is not None

    async def _append(self, tariff: Tariff, *, source: str, took_effect: bool) -> None:
        await self._connection.execute(
            insert(TariffVersionRow).values(
                source=source,
                key=tariff.object_id.key,
                sha256=tariff.version().sha256,
                took_effect=took_effect,
                current_from=tariff.last_updated,
                document=text_of(tariff),
            )
        )


def _valid(tariff: Tariff, at: datetime) -> bool:
    begun = tariff.valid_from is None or tariff.valid_from <= at
    return begun and (tariff.valid_until is None or at < tariff.valid_until)
