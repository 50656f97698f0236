"""CDRs by who issued them, connection and key; found for a partner, for a month, for a check; and their events."""

import secrets
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, ScalarSelect, and_, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from canonical.cdr import Cdr, CdrDossier
from canonical.event import EventKind
from canonical.identity import ObjectId
from canonical.model import fold
from canonical.store.cdrs.lines import line_rows, meter_link_rows, tax_rows
from canonical.store.cdrs.stored import AddOutcome, CdrEvent, CdrState, StoredCdr
from canonical.store.documents import sha256_of, text_of
from canonical.store.drivers import Driver, Duty
from canonical.store.errors import BilledTwice, NotFound
from canonical.store.events import EventRepository
from canonical.store.evidence import EvidenceRecord, EvidenceRepository
from canonical.store.objects import StoredPage, kept_total
from canonical.store.tables import (
    CdrEventRow,
    CdrLineRow,
    CdrMeterLinkRow,
    CdrReplacementRow,
    CdrRow,
    CdrTaxRow,
)
from canonical.store.transaction import Transaction

_REFERENCE_BYTES = 16
_SWEEP_LIMIT = 500
"""How many unattended CDRs one sweep takes; the next one takes the rest."""

_ADDING = """
INSERT INTO cdr (
    ours, connection_id, key, session_key, sha256, reference, start_at, end_at, last_updated,
    energy_kwh, currency, net, gross, document, evidence_number
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14::jsonb, {evidence})
ON CONFLICT DO NOTHING
RETURNING number, recorded_at
"""
_ADD = _ADDING.format(evidence="$15::bigint")
_ADD_WITH_MESSAGE = _ADDING.format(evidence="(SELECT number FROM message)")
_ADD_FIRST_EVENT = "INSERT INTO cdr_event (cdr_number, state, text, at) SELECT number, $1, $2, recorded_at FROM added"
_ADD_EVENT = "INSERT INTO cdr_event (cdr_number, state, text, at) VALUES ($1, $2, $3, $4)"
_HAVE_DELIVERED = """
INSERT INTO cdr_delivery (cdr_number, connection_id, state, since, next_at) VALUES ($1, $2, 'SENDING', $3, $3)
"""

_TOLD = {
    (False, CdrState.ACCEPTED): EventKind.CDR_CHECKED,
    (False, CdrState.QUARANTINED): EventKind.CDR_CHECKED,
    (False, CdrState.DISPUTED): EventKind.CDR_CHECKED,
    (True, CdrState.DELIVERED): EventKind.CDR_DELIVERED,
    (True, CdrState.UNDELIVERABLE): EventKind.CDR_REFUSED,
}
"""What the operator's own systems are told of, by whether the CDR is ours and the state that it is in now."""

_IS_OWED = col(CdrRow.number).not_in(select(col(CdrReplacementRow.cdr_number)))
"""Another one has not taken its place."""


class CdrRepository:
    """CDRs by who issued them, connection and key."""

    def __init__(self, connection: Transaction) -> None:
        self._connection = connection

    async def add(
        self,
        dossier: CdrDossier,
        *,
        connection_id: str,
        ours: bool,
        evidence_id: int | None,
        reference: str | None = None,
    ) -> AddOutcome:
        """Keep a CDR with its lines and its first event. `reference` is its name in a URL (`new_reference`).

        Repeated: SAME, whatever the dossier says beside the CDR; the first dossier stays. Reordered: the first
        CDR under an id stays (CONFLICT for another). At the same time: one adds, the other sees it. Cut off:
        neither the CDR, nor a line, nor an event is kept. Raises BilledTwice for one of ours.
        """
        cdr = dossier.cdr
        values = await self._values(dossier, connection_id, reference or new_reference(), ours=ours)
        added = await self._connection.ask(_ADD, *values, evidence_id)
        if not added:
            kept = await self.get(cdr.object_id, connection_id=connection_id, ours=ours)
            if kept is None:
                raise BilledTwice(f"{cdr.object_id.key} bills what was billed already")
            return AddOutcome.SAME if kept.holds(cdr) else AddOutcome.CONFLICT
        ((number, recorded_at),) = added
        await self._add_lines(number, dossier)
        state = CdrState.GENERATED if ours else CdrState.RECEIVED
        await self._connection.write(_ADD_EVENT, number, state.value, state.value.lower(), recorded_at)
        if ours:
            await self._connection.write(_HAVE_DELIVERED, number, connection_id, recorded_at)
        else:
            await EventRepository(self._connection).add(EventKind.CDR_RECEIVED, cdr.object_id.key, connection_id, cdr)
        return AddOutcome.ADDED

    async def add_arrived(
        self, dossier: CdrDossier, *, connection_id: str, reference: str, message: EvidenceRecord
    ) -> None:
        """Keep a partner's new CDR, not yet priced, and the message that brought it: all in one statement.

        Repeated, and at the same time: the transaction is Overtaken, where there is a CDR of this id. Cut off: neither
        the CDR, nor its event, nor the message is kept.
        """
        cdr, received = dossier.cdr, CdrState.RECEIVED.value
        values = await self._values(dossier, connection_id, reference, ours=False)
        await EvidenceRepository(self._connection).note(message, name="message")
        await self._connection.write(_ADD_WITH_MESSAGE, *values, needed=True, name="added")
        await self._connection.write(_ADD_FIRST_EVENT, received, received.lower())
        await EventRepository(self._connection).add(EventKind.CDR_RECEIVED, cdr.object_id.key, connection_id, cdr)

    async def _values(
        self, dossier: CdrDossier, connection_id: str, reference: str, *, ours: bool
    ) -> tuple[object, ...]:
        cdr, driver = dossier.cdr, Driver.of(dossier.cdr.token)
        key = await self._connection.keyring.key(driver, Duty.VOUCHER)
        session_id = cdr.session_id if ours else dossier.handles.session_id
        return (
            ours,
            connection_id,
            cdr.object_id.key,
            None if session_id is None else fold(session_id),
            key.seal_text(sha256_of(cdr)),
            reference,
            cdr.start,
            cdr.end,
            cdr.last_updated,
            cdr.total_energy_kwh,
            cdr.currency,
            cdr.total_cost.before_tax,
            cdr.total_cost.after_tax,
            key.conceal(text_of(dossier), driver.names),
        )

    async def _add_lines(self, number: int, dossier: CdrDossier) -> None:
        """The priced lines, each tax on them, and what ties them to the meter."""
        for table, rows in (
            (CdrLineRow, line_rows(number, dossier.lines)),
            (CdrTaxRow, tax_rows(number, dossier.lines)),
            (CdrMeterLinkRow, meter_link_rows(number, dossier.meter)),
        ):
            if rows:
                await self._connection.execute(insert(table), rows)

    async def get(self, cdr: ObjectId, *, connection_id: str | None = None, ours: bool) -> StoredCdr | None:
        """A CDR by its name, on one connection or (the oldest) on any."""
        chosen = [col(CdrRow.key) == cdr.key, col(CdrRow.ours).is_(ours)]
        if connection_id is not None:
            chosen.append(col(CdrRow.connection_id) == connection_id)
        return next(iter(await self._where(*chosen, limit=1)), None)

    async def by_reference(self, reference: str) -> StoredCdr | None:
        """A CDR by the unguessable name in its URL (OCPI 2.2.1 cdrs, POST: Location header)."""
        return next(iter(await self._where(col(CdrRow.reference) == reference)), None)

    async def by_session(self, session_id: str, *, connection_id: str, ours: bool) -> tuple[StoredCdr, ...]:
        """All CDRs of one session: the first, its credit, and what followed."""
        return await self._where(
            col(CdrRow.session_key) == fold(session_id),
            col(CdrRow.connection_id) == connection_id,
            col(CdrRow.ours).is_(ours),
        )

    async def kin(self, cdr: Cdr, session_id: str | None, *, connection_id: str, limit: int) -> tuple[StoredCdr, ...]:
        """CDRs of a partner that came before this one and may be over the same, in the order in which they came: of its
        session or its authorisation, at its EVSE while it lasted, or credits of what it credits. The first `limit` of
        them: one that says it lasted for years is like every other there. Raises NotFound.
        """
        number = await number_of(self._connection, cdr.object_id, connection_id, ours=False)
        here = fold(f"{cdr.charge_point.location_id}/{cdr.charge_point.evse_uid}")
        alike = [
            and_(col(CdrRow.evse_key) == here, col(CdrRow.end_at) > cdr.start, col(CdrRow.start_at) < cdr.end),
            *(
                column == fold(name)
                for column, name in (
                    (col(CdrRow.session_key), session_id),
                    (col(CdrRow.authorization_key), cdr.authorization_reference),
                    (col(CdrRow.credit_of), cdr.credit_reference_id),
                )
                if name is not None
            ),
        ]
        return await self._where(
            col(CdrRow.connection_id) == connection_id,
            col(CdrRow.ours).is_(False),
            col(CdrRow.number) < number,
            or_(*alike),
            limit=limit,
        )

    async def credits_of(self, ids: Iterable[str], *, connection_id: str) -> tuple[StoredCdr, ...]:
        """What a partner credits of its CDRs of these ids, in the order in which it came."""
        return await self._where(
            col(CdrRow.connection_id) == connection_id,
            col(CdrRow.ours).is_(False),
            col(CdrRow.credit_of).in_([fold(each) for each in ids]),
        )

    async def between(
        self, connection_id: str, *, ours: bool, since: datetime, until: datetime
    ) -> tuple[StoredCdr, ...]:
        """CDRs that are settled between two moments, `since` <= moment < `until`, by end and then by key; none that
        was replaced.

        The moment is the end of the session, and for a credit CDR the one at which it was made: a month that is
        settled is not opened again for it.
        """
        return await self._where(
            col(CdrRow.connection_id) == connection_id,
            col(CdrRow.ours).is_(ours),
            col(CdrRow.settles_at) >= since,
            col(CdrRow.settles_at) < until,
            _IS_OWED,
            by_end=True,
        )

    async def page(
        self,
        connection_id: str,
        since: datetime | None = None,
        until: datetime | None = None,
        offset: int = 0,
        limit: int = 100,
        *,
        after: int | None = None,
    ) -> StoredPage[Cdr]:
        """Our CDRs for one partner with `since` <= last_updated < `until`, in order of creation.

        `after` is the `last` of the page before, and then `offset` is not looked at.
        """
        chosen = [col(CdrRow.connection_id) == connection_id, col(CdrRow.ours).is_(True), _IS_OWED]
        if since is not None:
            chosen.append(col(CdrRow.last_updated) >= since)
        if until is not None:
            chosen.append(col(CdrRow.last_updated) < until)
        count = select(kept_total("cdr", connection_id))
        if since is not None or until is not None:
            count = select(func.count()).select_from(CdrRow).where(*chosen)
        total = (await self._connection.execute(count)).scalar_one()
        query = select(col(CdrRow.number), col(CdrRow.document)).where(*chosen).order_by(col(CdrRow.number))
        query = query.offset(offset) if after is None else query.where(col(CdrRow.number) > after)
        rows = (await self._connection.execute(query.limit(limit))).all()
        documents = await self._connection.drivers.reveal(*(document for _, document in rows))
        cdrs = tuple(CdrDossier.model_validate_json(document).cdr for document in documents)
        return StoredPage(items=cdrs, total=total, last=rows[-1].number if rows else None)

    async def listed(
        self,
        *,
        connection_id: str | None = None,
        ours: bool | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        billing_record: str | None = None,
        after: int = 0,
        limit: int,
    ) -> tuple[tuple[int, StoredCdr], ...]:
        """CDRs with `since` <= end < `until`, each behind its number, in the order in which they were kept.

        `billing_record` is the operator's own key, which only CDRs of ours have.
        """
        chosen = [col(CdrRow.number) > after]
        if billing_record is not None:
            chosen += [col(CdrRow.billing_record) == billing_record, col(CdrRow.ours).is_(True)]
        if connection_id is not None:
            chosen.append(col(CdrRow.connection_id) == connection_id)
        if ours is not None:
            chosen.append(col(CdrRow.ours).is_(ours))
        if since is not None:
            chosen.append(col(CdrRow.end_at) >= since)
        if until is not None:
            chosen.append(col(CdrRow.end_at) < until)
        query = select(col(CdrRow.number)).where(*chosen).order_by(col(CdrRow.number)).limit(limit)
        numbers = tuple((await self._connection.execute(query)).scalars())
        found = await self._where(col(CdrRow.number).in_(numbers))
        return tuple(zip(numbers, found, strict=True))

    async def unchecked(self, before: datetime, after: datetime | None = None) -> tuple[StoredCdr, ...]:
        """CDRs of partners that have not been checked: come before one moment and, if given, not before another."""
        return await self._where(
            col(CdrRow.ours).is_(False),
            col(CdrRow.recorded_at) < before,
            *(() if after is None else (col(CdrRow.recorded_at) >= after,)),
            _state() == CdrState.RECEIVED.value,
            limit=_SWEEP_LIMIT,
        )

    async def replace(self, cdr: ObjectId, by: ObjectId, connection_id: str, at: datetime) -> None:
        """A CDR of ours that no partner ever took is replaced by another of its session: it is owed no more, and not
        on the list that the partner reads. Once a CDR. Raises NotFound.
        """
        old = await number_of(self._connection, cdr, connection_id, ours=True, lock=True)
        new = await number_of(self._connection, by, connection_id, ours=True)
        await self._connection.execute(insert(CdrReplacementRow).values(cdr_number=old, by_number=new, at=at))
        text = f"replaced by {by.id}"
        await self.note(cdr, connection_id=connection_id, ours=True, state=CdrState.REPLACED, text=text, at=at)

    async def note(
        self,
        cdr: ObjectId,
        *,
        connection_id: str,
        ours: bool,
        state: CdrState,
        text: str,
        at: datetime,
    ) -> None:
        """Append an event; the CDR is in its state from now on. Raises NotFound.

        Repeated: an event that says what the newest one says is not appended. Reordered: the last one that is
        noted counts, whatever its `at`. At the same time: the second waits for the first. Cut off: not appended.
        """
        number = await number_of(self._connection, cdr, connection_id, ours=ours, lock=True)
        newest = (
            select(col(CdrEventRow.state), col(CdrEventRow.text))
            .where(col(CdrEventRow.cdr_number) == number)
            .order_by(col(CdrEventRow.number).desc())
            .limit(1)
        )
        if tuple((await self._connection.execute(newest)).one()) == (state.value, text):
            return
        await self._connection.execute(
            insert(CdrEventRow).values(cdr_number=number, state=state.value, text=text, at=at)
        )
        told = _TOLD.get((ours, state))
        if told is not None:
            summary = {"state": state.value, "text": text, "ours": ours}
            await EventRepository(self._connection).add(told, cdr.key, connection_id, summary)

    async def events(self, cdr: ObjectId, connection_id: str, ours: bool) -> tuple[CdrEvent, ...]:  # noqa: FBT001
        """All events in the order in which they were noted. Raises NotFound."""
        number = await number_of(self._connection, cdr, connection_id, ours=ours)
        query = (
            select(col(CdrEventRow.state), col(CdrEventRow.text), col(CdrEventRow.at))
            .where(col(CdrEventRow.cdr_number) == number)
            .order_by(col(CdrEventRow.number))
        )
        rows = (await self._connection.execute(query)).all()
        return tuple(CdrEvent(state=CdrState(state), text=text, at=at) for state, text, at in rows)

    async def _where(
        self,
        *chosen: ColumnElement[bool],
        by_end: bool = False,
        limit: int | None = None,
    ) -> tuple[StoredCdr, ...]:
        order = (col(CdrRow.end_at), col(CdrRow.key)) if by_end else (col(CdrRow.number),)
        query = (
            select(
                col(CdrRow.document),
                col(CdrRow.connection_id),
                col(CdrRow.ours),
                col(CdrRow.sha256),
                _state().label("state"),
                col(CdrRow.recorded_at),
                col(CdrRow.reference),
                col(CdrRow.evidence_number),
            )
            .where(*chosen)
            .order_by(*order)
            .limit(limit)
        )
        rows = (await self._connection.execute(query)).all()
        opened = await self._connection.drivers.reveal(*(text for row in rows for text in (row.document, row.sha256)))
        return tuple(
            StoredCdr(
                dossier=CdrDossier.model_validate_json(document),
                connection_id=row.connection_id,
                ours=row.ours,
                sha256=sha256,
                state=CdrState(row.state),
                recorded_at=row.recorded_at,
                reference=row.reference,
                evidence_id=row.evidence_number,
            )
            for row, document, sha256 in zip(rows, opened[::2], opened[1::2], strict=True)
        )


def new_reference() -> str:
    """A name that nobody can guess."""
    return secrets.token_urlsafe(_REFERENCE_BYTES)


async def number_of(
    connection: Transaction, cdr: ObjectId, connection_id: str, *, ours: bool, lock: bool = False
) -> int:
    """The number by which other rows name a CDR. `lock`: others wait until we are through. Raises NotFound."""
    query = select(col(CdrRow.number)).where(
        col(CdrRow.ours).is_(ours),
        col(CdrRow.connection_id) == connection_id,
        col(CdrRow.key) == cdr.key,
    )
    if lock:
        query = query.with_for_update()
    number = (await connection.execute(query)).scalar()
    if number is None:
        raise NotFound(f"no CDR {cdr.key} on connection {connection_id}")
    return number


def _state() -> ScalarSelect[str]:
    """The state that the newest event of a CDR says."""
    return (
        select(col(CdrEventRow.state))
        .where(col(CdrEventRow.cdr_number) == col(CdrRow.number))
        .order_by(col(CdrEventRow.number).desc())
        .limit(1)
        .correlate(CdrRow)
        .scalar_subquery()
    )
