"""Sessions, and what belongs to them: readings, the billing context sealed at start, signed meter data."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from canonical.cdr import BillingContext, Cdr, SignedMeterData
from canonical.identity import ObjectId
from canonical.model import fold
from canonical.session import MeterReading, Session, SessionStatus
from canonical.store.documents import sha256_of, text_of
from canonical.store.drivers import Driver, Duty
from canonical.store.errors import AlreadyExists
from canonical.store.objects import ObjectRepository
from canonical.store.tables import (
    BillingContextRow,
    SessionOutcomeRow,
    SessionRow,
    SignedMeterDataRow,
)
from canonical.store.transaction import Transaction

_SAME_START = timedelta(minutes=2)
"""How far apart the beginnings of a session and of its CDR may be (OCPI trap 149)."""

_SWEEP_LIMIT = 500
"""How many unattended sessions one sweep takes; the next one takes the rest."""


# For the driver: a running session's meter comes by here once a minute.
_CONTEXT = "SELECT document FROM billing_context WHERE session_key = $1"
_READINGS = "SELECT document FROM meter_reading WHERE session_key = $1 ORDER BY at"
_ADD_READING = (
    "INSERT INTO meter_reading (session_key, at, energy_kwh, document) VALUES ($1, $2, $3, $4::jsonb)"
    " ON CONFLICT (session_key, at) DO NOTHING RETURNING number"
)


class SessionRepository(ObjectRepository[Session]):
    """Sessions as they stand. Readings, contexts and signed data are written once and never change."""

    _stamped = ("stored_at",)

    def __init__(self, connection: Transaction) -> None:
        super().__init__(connection, SessionRow, Session)

    async def active(self, *, source: str = "") -> tuple[Session, ...]:
        """Sessions that have not reached their end, in order of creation."""
        return await self._where(col(SessionRow.source) == source, ~col(SessionRow.is_final))

    async def authorized(self, cdr: Cdr, *, source: str) -> Session | None:
        """The session of the CDR's own authorisation. None also where that was used for several."""
        if cdr.authorization_reference is None:
            return None
        document = col(SessionRow.document)
        query = select(document).where(
            col(SessionRow.source) == source,
            col(SessionRow.last_updated) >= cdr.start - _SAME_START,
            func.upper(document["authorization_reference"].astext) == fold(cdr.authorization_reference),
        )
        rows = (await self._connection.execute(query.limit(_SWEEP_LIMIT))).scalars()
        sessions = [Session.model_validate_json(row) for row in rows]
        fitting = [each for each in sessions if each.owner.key == cdr.owner.key]
        return fitting[0] if len(fitting) == 1 else None

    async def unnamed(self, cdr: Cdr, *, source: str) -> Session | None:
        """The session behind a CDR that names none (OCPI 2.1.1): same contract, same EVSE, begun at the same time.

        None also where several would fit: which one it is nobody knows then.
        """
        document = col(SessionRow.document)
        query = select(document).where(
            col(SessionRow.source) == source,
            col(SessionRow.last_updated) >= cdr.start - _SAME_START,
            func.upper(document[("token", "contract_id")].astext) == fold(cdr.token.contract_id),
            func.upper(document["location_id"].astext) == fold(cdr.charge_point.location_id),
            func.upper(document["evse_uid"].astext) == fold(cdr.charge_point.evse_uid),
        )
        rows = (await self._connection.execute(query.limit(_SWEEP_LIMIT))).scalars()
        sessions = [Session.model_validate_json(row) for row in rows]
        fitting = [each for each in sessions if each.owner.key == cdr.owner.key and _near(each.start, cdr.start)]
        return fitting[0] if len(fitting) == 1 else None

    async def seal(self, context: BillingContext) -> None:
        """Keep what the bill will be based on. Raises AlreadyExists when it differs from what is sealed.

        Repeated: the first one stays, also where only the moment of sealing differs. Cut off: nothing is sealed.
        """
        digest = sha256_of(context)
        sealing = (
            insert(BillingContextRow)
            .values(
                session_key=context.session.key,
                connection_id=context.connection_id,
                sha256=digest,
                document=text_of(context),
            )
            .on_conflict_do_nothing()
            .returning(col(BillingContextRow.session_key))
        )
        if (await self._connection.execute(sealing)).first() is not None:
            return
        sealed = await self.context(context.session)
        if sealed is None or sealed.model_copy(update={"sealed_at": context.sealed_at}) != context:
            raise AlreadyExists(f"session {context.session.key} is sealed with another billing context")

    async def context(self, session: ObjectId) -> BillingContext | None:
        found = await self._connection.look(_CONTEXT, session.key)
        return BillingContext.model_validate_json(found[0][0]) if found else None

    async def add_reading(self, session: ObjectId, reading: MeterReading) -> bool:
        """Keep one reading. False when there is one of the same moment already: the first word counts.

        Repeated: False. Reordered: kept; `readings` sorts by time. Cut off: nothing is kept.
        """
        values = (session.key, reading.at, reading.energy_kwh, text_of(reading))
        return bool(await self._connection.ask(_ADD_READING, *values))

    async def readings(self, session: ObjectId) -> tuple[MeterReading, ...]:
        """All readings of a session, by time."""
        rows = await self._connection.look(_READINGS, session.key)
        return tuple(MeterReading.model_validate_json(document) for (document,) in rows)

    async def keep_signed(self, session: ObjectId, signed: SignedMeterData) -> None:
        """Keep the signed meter data of a session. Raises AlreadyExists when other data is kept.

        Repeated: nothing happens. Cut off: nothing is kept.
        """
        digest = sha256_of(signed)
        known = await self.get(session)
        driver = Driver.of(known.token) if known is not None else Driver.unknown(datetime.now(UTC))
        key = await self._connection.keyring.key(driver, Duty.VOUCHER)
        keeping = (
            insert(SignedMeterDataRow)
            .values(
                session_key=session.key,
                sha256=key.seal_text(digest),
                document=key.conceal(text_of(signed), driver.names, ("url",)),
            )
            .on_conflict_do_nothing()
        )
        await self._connection.execute(keeping)
        query = select(col(SignedMeterDataRow.sha256)).where(col(SignedMeterDataRow.session_key) == session.key)
        (kept,) = await self._connection.drivers.reveal((await self._connection.execute(query)).scalar_one())
        if kept != digest:
            raise AlreadyExists(f"session {session.key} has other signed meter data")

    async def signed(self, session: ObjectId) -> SignedMeterData | None:
        query = select(col(SignedMeterDataRow.document)).where(col(SignedMeterDataRow.session_key) == session.key)
        stored = (await self._connection.execute(query)).scalar()
        (document,) = await self._connection.drivers.reveal(stored)
        return SignedMeterData.model_validate_json(document) if document else None

    async def conclude(self, session: ObjectId, *, cdr: ObjectId | None, reason: str = "") -> None:
        """Note what an ended session of ours became: a CDR, or none for a reason.

        Repeated: the first outcome stays. Cut off: none is noted, and the sweep has it billed again.
        """
        noting = insert(SessionOutcomeRow).values(
            session_key=session.key, cdr_key=None if cdr is None else cdr.key, reason=reason
        )
        await self._connection.execute(noting.on_conflict_do_nothing())

    async def long_pending(self, before: datetime) -> tuple[tuple[Session, str], ...]:
        """Own sessions that are PENDING and were last touched before a moment, each with its connection."""
        query = (
            select(col(SessionRow.document), col(BillingContextRow.connection_id))
            .join(BillingContextRow, col(BillingContextRow.session_key) == col(SessionRow.key))
            .where(
                col(SessionRow.source) == "",
                col(SessionRow.status) == SessionStatus.PENDING.value,
                col(SessionRow.stored_at) < before,
            )
            .order_by(col(SessionRow.number))
            .limit(_SWEEP_LIMIT)
        )
        rows = (await self._connection.execute(query)).all()
        return tuple((Session.model_validate_json(document), connection_id) for document, connection_id in rows)

    async def unconcluded(self, before: datetime, after: datetime | None = None) -> tuple[tuple[Session, str], ...]:
        """Own sessions that ended and became nothing yet, each with its connection.

        Last touched before one moment and, if it is given, not before another.
        """
        query = (
            select(col(SessionRow.document), col(BillingContextRow.connection_id))
            .join(BillingContextRow, col(BillingContextRow.session_key) == col(SessionRow.key))
            .outerjoin(SessionOutcomeRow, col(SessionOutcomeRow.session_key) == col(SessionRow.key))
            .where(
                col(SessionRow.source) == "",
                col(SessionRow.status) == SessionStatus.COMPLETED.value,
                col(SessionRow.stored_at) < before,
                *(() if after is None else (col(SessionRow.stored_at) >= after,)),
                col(SessionOutcomeRow.session_key).is_(None),
            )
            .order_by(col(SessionRow.number))
            .limit(_SWEEP_LIMIT)
        )
        rows = (await self._connection.execute(query)).all()
        return tuple((Session.model_validate_json(document), connection_id) for document, connection_id in rows)

    def _columns(self, value: Session) -> dict[str, object]:
        return {"status": value.status.value, "is_final": value.status.is_final}


def _near(one: datetime, other: datetime) -> bool:
    return abs(one - other) <= _SAME_START
