"""What the operator's own systems will be told, stored with the change that it tells of.

Events are read in the order of their numbers, and no reader misses one. A number is drawn before its transaction
commits, so a higher one may become visible first. Whoever is about to draw therefore holds a lock, shared by all,
that bears the highest number drawn so far; an event is shown once nobody holds one below it, for only they can still
bring a lower number. Writers wait for nobody.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from pydantic import BaseModel
from sqlalchemy import func, select
from sqlmodel import col

from canonical.event import Event, EventKind, EventObject
from canonical.location import Location
from canonical.session import Session
from canonical.settlement import Case
from canonical.store.drivers import Driver, Duty, driver_of, token_named
from canonical.store.errors import Unstorable
from canonical.store.tables import EventRow
from canonical.store.transaction import Transaction
from canonical.tariff import Tariff
from canonical.token import Token

Living: TypeAlias = Location | Tariff | Token | Session

EventData: TypeAlias = BaseModel | Mapping[str, object]
"""The object after the change as a model, or a small summary of text, numbers and truth values."""


_ADD = "INSERT INTO event (kind, object_kind, object_key, connection_id, document) VALUES ($1, $2, $3, $4, $5::jsonb)"
"""For the driver: it stands behind every write of a partner."""

_QUOTING = ("subject", "text", "message", "expected", "stated")


@dataclass(frozen=True)
class StoredEvent:
    """An event and the number under which it is stored: where to read on."""

    number: int
    event: Event


class EventRepository:
    """Events, written once. `add` belongs after the write that it tells of, in the same transaction."""

    def __init__(self, connection: Transaction) -> None:
        self._connection = connection

    async def add(
        self,
        kind: EventKind,
        object_key: str,
        connection_id: str | None,
        document: EventData,
        *,
        driver: Driver | None = None,
        text: str | None = None,
    ) -> None:
        """Note an event. Events of one object are in the order of its changes when its row or lock is held.

        What names a driver is sealed under his key: `driver`, where the document does not say who he is. `text` is the
        document's, as `text_of` has written it, where that was done already.

        Raises Unstorable when the document holds a NUL character. Repeated: noted again, so the change that was
        found to be a repeat must not be told. Cut off: neither the change nor the event is stored.
        """
        text = text or _text(document)
        driver = driver or driver_of(document)
        if driver is not None:
            key = await self._connection.keyring.key(driver, Duty.FEED)
            text, object_key = key.conceal(text, driver.names), key.conceal_name(object_key, driver.names)
        elif isinstance(document, Case):
            # It may quote what a partner has sent, and often nobody knows whom that is about.
            driver = _named_by(document.subject) or Driver.unknown(document.opened_at)
            key = await self._connection.keyring.key(driver, Duty.FEED)
            text = key.conceal(text, driver.names, _QUOTING)
        await self._connection.write(_ADD, kind.value, kind.object_kind, object_key, connection_id, text)
        self._connection.events_added = True

    async def add_change(
        self, before: Living | None, after: Living, connection_id: str, text: str | None = None
    ) -> None:
        """Note what a partner's object became, if it became anything. A change of EVSEs alone is told of each EVSE.

        `text`: see `add`.
        """
        if before == after:
            return
        key = after.object_id.key
        if isinstance(after, Location) and isinstance(before, Location) and _same_but_evses(before, after):
            for evse in (new for old, new in zip(before.evses, after.evses, strict=True) if new != old):
                await self.add(EventKind.LOCATION_EVSE_CHANGED, key, connection_id, evse)
            return
        await self.add(_kind_of_change(before, after), key, connection_id, after, text=text)

    async def after(self, number: int, *, kinds: Collection[EventKind] = (), limit: int) -> tuple[StoredEvent, ...]:
        """Events with a higher number, oldest first; of all kinds when none is named. Reading on from the last one
        misses nothing."""
        settled = await self._settled()
        if settled <= number:
            return ()
        query = (
            select(
                col(EventRow.number),
                col(EventRow.kind),
                col(EventRow.object_kind),
                col(EventRow.object_key),
                col(EventRow.connection_id),
                col(EventRow.at),
                col(EventRow.document),
            )
            .where(col(EventRow.number) > number, col(EventRow.number) <= settled)
            .order_by(col(EventRow.number))
            .limit(limit)
        )
        if kinds:
            query = query.where(col(EventRow.kind).in_([kind.value for kind in kinds]))
        rows = (await self._connection.execute(query)).all()
        opened = await self._connection.drivers.reveal(
            *(text for row in rows for text in (row.object_key, row.document))
        )
        return tuple(
            StoredEvent(
                row.number,
                Event(
                    id=f"evt_{row.number}",
                    type=EventKind(row.kind),
                    timestamp=row.at,
                    object=EventObject(kind=row.object_kind, key=key),
                    connection=row.connection_id,
                    data=json.loads(document),
                ),
            )
            for row, key, document in zip(rows, opened[::2], opened[1::2], strict=True)
        )

    async def last(self) -> int:
        """The number of the newest event that is shown, 0 when there is none: what comes is after it."""
        query = select(func.max(col(EventRow.number))).where(col(EventRow.number) <= await self._settled())
        return (await self._connection.execute(query)).scalar() or 0

    async def _settled(self) -> int:
        """Every event up to this number is visible to the next statement, or was rolled back."""
        return int((await self._connection.execute(select(func.settled_events()))).scalar_one())


def _named_by(subject: str) -> Driver | None:
    """The driver whose card a key names: `NL*MOB/RFID/04AB…`."""
    name = token_named(subject)
    return None if name is None else Driver.by_card(*name)


def _text(document: EventData) -> str:
    """Raises Unstorable."""
    text = document.model_dump_json() if isinstance(document, BaseModel) else json.dumps(dict(document))
    if "\\u0000" in text:
        raise Unstorable("an event holds a NUL character")
    return text


def _kind_of_change(before: Living | None, after: Living) -> EventKind:
    match after:
        case Location():
            return EventKind.LOCATION_CHANGED
        case Tariff():
            return EventKind.TARIFF_CHANGED
        case Token():
            return EventKind.TOKEN_CHANGED
        case Session():
            return kind_of_session_change(before if isinstance(before, Session) else None, after)


def kind_of_session_change(before: Session | None, after: Session) -> EventKind:
    """A session that is told for the first time when it has ended is told as ended."""
    if after.status.is_final and (before is None or not before.status.is_final):
        return EventKind.SESSION_ENDED
    return EventKind.SESSION_STARTED if before is None else EventKind.SESSION_CHANGED


def _same_but_evses(before: Location, after: Location) -> bool:
    """True when no more than the content of EVSEs differs; the location's `last_updated` follows theirs."""
    same_evses = [evse.uid for evse in before.evses] == [evse.uid for evse in after.evses]
    return same_evses and after == before.model_copy(update={"evses": after.evses, "last_updated": after.last_updated})
