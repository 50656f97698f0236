"""Charge detail records with their dossiers, what happened to them, and what partners answered. Append-only.

`ours` is True for a CDR that we issued, and False for one that came by the connection.
"""

import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, ScalarSelect, and_, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from canonical.cdr import Cdr, CdrDossier, CostLine
from canonical.event import EventKind
from canonical.identity import ObjectId
from canonical.model import Finding, fold
from canonical.store.documents import sha256_of, text_of
from canonical.store.errors import NotFound
from canonical.store.events import EventRepository
from canonical.store.objects import StoredPage, kept_total
from canonical.store.tables import CdrEventRow, CdrLineRow, CdrReceiptRow, CdrRow
from canonical.store.transaction import Transaction

_REFERENCE_BYTES = 16
_SWEEP_LIMIT = 500
"""How many unattended CDRs one sweep takes; the next one takes the rest."""


_ADD = """
INSERT INTO cdr (
    ours, connection_id, key, session_key, sha256, reference, evidence_number, start_at, end_at, last_updated,
    energy_kwh, currency, net, gross, document
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15::jsonb)
ON CONFLICT (ours, connection_id, key) DO NOTHING
RETURNING number, recorded_at
"""
_ADD_EVENT = "INSERT INTO cdr_event (cdr_number, state, text, at) VALUES ($1, $2, $3, $4)"


class CdrState(StrEnum):
    """Where a CDR stands: what its newest event says."""

    GENERATED = "GENERATED"
    DELIVERED = "DELIVERED"
    RECEIVED = "RECEIVED"
    ACCEPTED = "ACCEPTED"
    QUARANTINED = "QUARANTINED"
    DISPUTED = "DISPUTED"
    INVOICED = "INVOICED"
    SETTLED = "SETTLED"
    UNDELIVERABLE = "UNDELIVERABLE"


_TOLD = {
    (False, CdrState.ACCEPTED): EventKind.CDR_CHECKED,
    (False, CdrState.QUARANTINED): EventKind.CDR_CHECKED,
    (False, CdrState.DISPUTED): EventKind.CDR_CHECKED,
    (True, CdrState.DELIVERED): EventKind.CDR_DELIVERED,
    (True, CdrState.UNDELIVERABLE): EventKind.CDR_REFUSED,
}
"""What the operator's own systems are told of, by whether the CDR is ours and the state that it is in now."""


class AddOutcome(StrEnum):
    """ADDED it is new; SAME the same CDR is stored; CONFLICT another CDR is stored under its id, and stays."""

    ADDED = "ADDED"
    SAME = "SAME"
    CONFLICT = "CONFLICT"


@dataclass(frozen=True)
class StoredCdr:
    """A CDR as it is kept. `sha256` is the digest of the CDR, `reference` an unguessable name for its URL."""

    dossier: CdrDossier
    connection_id: str
    ours: bool
    sha256: str
    state: CdrState
    recorded_at: datetime
    reference: str
    evidence_id: int | None = None


@dataclass(frozen=True)
class CdrEvent:
    """Something that happened to a CDR, in words."""

    state: CdrState
    text: str
    at: datetime


@dataclass(frozen=True)
class CdrReceipt:
    """A partner's answer to one delivery. `proved`: the partner gave the CDR back, and it was equal."""

    http_status: int
    ocpi_status: int
    url: str | None
    version_accepted: str | None
    outcome: str
    findings: tuple[Finding, ...]
    proved: bool
    at: datetime


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
        neither the CDR, nor a line, nor an event is kept.
        """
        cdr = dossier.cdr
        digest = sha256_of(cdr)
        session_id = cdr.session_id if ours else dossier.handles.session_id
        added = await self._connection.ask(
            _ADD,
            ours,
            connection_id,
            cdr.object_id.key,
            None if session_id is None else fold(session_id),
            digest,
            reference or new_reference(),
            evidence_id,
            cdr.start,
            cdr.end,
            cdr.last_updated,
            cdr.total_energy_kwh,
            cdr.currency,
            cdr.total_cost.before_tax,
            cdr.total_cost.after_tax,
            text_of(dossier),
        )
        if not added:
            kept = select(col(CdrRow.sha256)).where(_is(cdr.object_id, connection_id, ours=ours))
            same = (await self._connection.execute(kept)).scalar_one() == digest
            return AddOutcome.SAME if same else AddOutcome.CONFLICT
        ((number, recorded_at),) = added
        lines = [_line(number, position, line) for position, line in enumerate(dossier.lines)]
        if lines:
            await self._connection.execute(insert(CdrLineRow), lines)
        state = CdrState.GENERATED if ours else CdrState.RECEIVED
        await self._connection.write(_ADD_EVENT, number, state.value, state.value.lower(), recorded_at)
        if not ours:
            await EventRepository(self._connection).add(EventKind.CDR_RECEIVED, cdr.object_id.key, connection_id, cdr)
        return AddOutcome.ADDED

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

    async def between(
        self, connection_id: str, *, ours: bool, since: datetime, until: datetime
    ) -> tuple[StoredCdr, ...]:
        """CDRs with `since` <= end < `until`, by end and then by key."""
        return await self._where(
            col(CdrRow.connection_id) == connection_id,
            col(CdrRow.ours).is_(ours),
            col(CdrRow.end_at) >= since,
            col(CdrRow.end_at) < until,
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
        chosen = [col(CdrRow.connection_id) == connection_id, col(CdrRow.ours).is_(True)]
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
        cdrs = tuple(CdrDossier.model_validate_json(document).cdr for _, document in rows)
        return StoredPage(items=cdrs, total=total, last=rows[-1].number if rows else None)

    async def listed(
        self,
        *,
        connection_id: str | None = None,
        ours: bool | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: int = 0,
        limit: int,
    ) -> tuple[tuple[int, StoredCdr], ...]:
        """CDRs with `since` <= end < `until`, each behind its number, in the order in which they were kept."""
        chosen = [col(CdrRow.number) > after]
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
        number = await self._number(cdr, connection_id, ours=ours, lock=True)
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
        number = await self._number(cdr, connection_id, ours=ours)
        query = (
            select(col(CdrEventRow.state), col(CdrEventRow.text), col(CdrEventRow.at))
            .where(col(CdrEventRow.cdr_number) == number)
            .order_by(col(CdrEventRow.number))
        )
        rows = (await self._connection.execute(query)).all()
        return tuple(CdrEvent(state=CdrState(state), text=text, at=at) for state, text, at in rows)

    async def add_receipt(self, cdr: ObjectId, connection_id: str, receipt: CdrReceipt) -> None:
        """Keep a partner's answer to a delivery of our CDR. Raises NotFound.

        Repeated: kept again, as every attempt has its own answer. Reordered: kept in order of arrival. Cut off:
        not kept; the bytes of the exchange are in the evidence.
        """
        number = await self._number(cdr, connection_id, ours=True)
        await self._connection.execute(
            insert(CdrReceiptRow).values(
                cdr_number=number,
                http_status=receipt.http_status,
                ocpi_status=receipt.ocpi_status,
                url=receipt.url,
                version_accepted=receipt.version_accepted,
                outcome=receipt.outcome,
                findings=json.dumps([finding.model_dump(mode="json") for finding in receipt.findings]),
                proved=receipt.proved,
                at=receipt.at,
            )
        )

    async def receipts(self, cdr: ObjectId, connection_id: str) -> tuple[CdrReceipt, ...]:
        """All answers to deliveries of our CDR, in order of arrival. Raises NotFound."""
        number = await self._number(cdr, connection_id, ours=True)
        query = (
            select(
                col(CdrReceiptRow.http_status),
                col(CdrReceiptRow.ocpi_status),
                col(CdrReceiptRow.url),
                col(CdrReceiptRow.version_accepted),
                col(CdrReceiptRow.outcome),
                col(CdrReceiptRow.findings),
                col(CdrReceiptRow.proved),
                col(CdrReceiptRow.at),
            )
            .where(col(CdrReceiptRow.cdr_number) == number)
            .order_by(col(CdrReceiptRow.number))
        )
        return tuple(
            CdrReceipt(
                http_status=row.http_status,
                ocpi_status=row.ocpi_status,
                url=row.url,
                version_accepted=row.version_accepted,
                outcome=row.outcome,
                findings=tuple(Finding.model_validate(finding) for finding in json.loads(row.findings)),
                proved=row.proved,
                at=row.at,
            )
            for row in (await self._connection.execute(query)).all()
        )

    async def _number(self, cdr: ObjectId, connection_id: str, *, ours: bool, lock: bool = False) -> int:
        query = select(col(CdrRow.number)).where(_is(cdr, connection_id, ours=ours))
        if lock:
            query = query.with_for_update()
        number = (await self._connection.execute(query)).scalar()
        if number is None:
            raise NotFound(f"no CDR {cdr.key} on connection {connection_id}")
        return number

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
        return tuple(
            StoredCdr(
                dossier=CdrDossier.model_validate_json(row.document),
                connection_id=row.connection_id,
                ours=row.ours,
                sha256=row.sha256,
                state=CdrState(row.state),
                recorded_at=row.recorded_at,
                reference=row.reference,
                evidence_id=row.evidence_number,
            )
            for row in (await self._connection.execute(query)).all()
        )


def new_reference() -> str:
    """A name that nobody can guess."""
    return secrets.token_urlsafe(_REFERENCE_BYTES)


def _is(cdr: ObjectId, connection_id: str, *, ours: bool) -> ColumnElement[bool]:
    return and_(
        col(CdrRow.ours).is_(ours),
        col(CdrRow.connection_id) == connection_id,
        col(CdrRow.key) == cdr.key,
    )


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


def _line(cdr_number: int, position: int, line: CostLine) -> dict[str, object]:
    source = line.source
    return {
        "cdr_number": cdr_number,
        "position": position,
        "component": line.component.value,
        "measured": line.measured,
        "quantity": line.quantity,
        "unit": line.unit,
        "unit_price": line.unit_price,
        "currency": line.currency,
        "net": line.net,
        "tax_name": line.tax_name,
        "tax_percent": line.tax_percent,
        "tax": line.tax,
        "gross": line.gross,
        "tariff_key": None if source is None else ObjectId(owner=source.tariff.owner, id=source.tariff.tariff_id).key,
        "tariff_sha256": None if source is None else source.tariff.sha256,
        "tariff_element": None if source is None else source.element,
        "tariff_component": None if source is None else source.component,
        "note": line.note,
    }
