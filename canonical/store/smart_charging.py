"""How sessions are steered: the profile that a session really gets, and what its driver wished for."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from canonical.charging_profile import ActiveChargingProfile, ChargingPreferences, PreferencesAnswer
from canonical.identity import ObjectId
from canonical.store.documents import text_of
from canonical.store.tables import SmartChargingRow


@dataclass(frozen=True)
class Wishes:
    """A driver's preferences for one session, and what the operator said to them."""

    preferences: ChargingPreferences
    answer: PreferencesAnswer
    at: datetime


class SmartChargingRepository:
    """The newest state for each session. `source` is "" for sessions of ours, else the connection they came by."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put_active(
        self, session: ObjectId, profile: ActiveChargingProfile, at: datetime, *, source: str = ""
    ) -> None:
        """Store the profile that a session gets from now on.

        Repeated: stored again with the same result. Reordered: the last call counts. Cut off: nothing is stored.
        """
        await self._put(source, session, {"active_profile": text_of(profile), "active_at": at})

    async def active(self, session: ObjectId, *, source: str = "") -> ActiveChargingProfile | None:
        query = select(col(SmartChargingRow.active_profile)).where(*_is(source, session))
        document = (await self._connection.execute(query)).scalar()
        return None if document is None else ActiveChargingProfile.model_validate_json(document)

    async def put_wishes(self, session: ObjectId, wishes: Wishes, *, source: str = "") -> None:
        """Store what was wished for last, also when the answer was no. Repeated, reordered, cut off: as above."""
        values: dict[str, object] = {
            "preferences": text_of(wishes.preferences),
            "preferences_answer": wishes.answer.value,
            "preferences_at": wishes.at,
        }
        await self._put(source, session, values)

    async def wishes(self, session: ObjectId, *, source: str = "") -> Wishes | None:
        query = select(
            col(SmartChargingRow.preferences),
            col(SmartChargingRow.preferences_answer),
            col(SmartChargingRow.preferences_at),
        ).where(*_is(source, session))
        row = (await self._connection.execute(query)).first()
        if row is None or row.preferences is None:
            return None
        return Wishes(
            ChargingPreferences.model_validate_json(row.preferences),
            PreferencesAnswer(row.preferences_answer),
            row.preferences_at,
        )

    async def _put(self, source: str, session: ObjectId, values: dict[str, object]) -> None:
        putting = insert(SmartChargingRow).values(source=source, session_key=session.key, **values)
        await self._connection.execute(
            putting.on_conflict_do_update(index_elements=["source", "session_key"], set_=values)
        )


def _is(source: str, session: ObjectId) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return col(SmartChargingRow.source) == source, col(SmartChargingRow.session_key) == session.key
