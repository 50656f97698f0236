"""Charge detail records with their dossiers, what happened to them, and what partners answered. Append-only.

`ours` is True for a CDR that we issued, and False for one that came by the connection.
"""

import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, ScalarSelect, and_, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from canonical.cdr import Cdr, CdrDossier, CostLine, MeterLink
from canonical.event import EventKind
from canonical.identity import ObjectId
from canonical.model import Finding, fold
from canonical.store.documents import sha256_of, text_of
from canonical.store.drivers import Driver, Duty
from canonical.store.errors import NotFound
from canonical.store.events import EventRepository
from canonical.store.objects import StoredPage, kept_total
from canonical.store.sealing import ERASED, DriverKey, numbers_in
from canonical.store.tables import (
    CdrEmissionRow,
    CdrEventRow,
    CdrLineRow,
    CdrMeterLinkRow,
    CdrReceiptRow,
    CdrRow,
    CdrTaxRow,
)
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
    CREDITED = "CREDITED"
    """Of ours: taken back by a credit CDR."""
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

    def holds(self, cdr: Cdr) -> bool:
        """Whether it says the same as the CDR that is kept, also where a number is spelt otherwise: `12.0` is `12`.

        What was erased with its driver cannot be told from anything else.
        """
        if not self.sha256.startswith(ERASED):
            return self.sha256 == sha256_of(cdr) or self.dossier.cdr == cdr
        return _same_but_erased(self.dossier.cdr.model_dump(mode="json"), cdr.model_dump(mode="json"))


@dataclass(frozen=True)
class CdrEvent:
    """Something that happened to a CDR, in words."""

    state: CdrState
    text: str
    at: datetime


@dataclass(frozen=True)
class CdrEmission:
    """A CDR of ours as an adapter wrote it: digest of the bytes, what our own check says to what can be read back
    from them, and everything that the version had no words for.
    """

    adapter: str
    version: str
    body_sha256: str
    outcome: str
    findings: tuple[Finding, ...]
    losses: tuple[Finding, ...]
    at: datetime


@dataclass(frozen=True)
class CdrReceipt:
    """A partner's answer to one delivery. `proved`: the partner gave the CDR back, and it was equal.

    `ocpi_status` None: it refused without a word of OCPI.
    """

    http_status: int
    ocpi_status: int | None
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
        cdr, driver = dossier.cdr, Driver.of(dossier.cdr.token)
        key = await self._connection.drivers.key(driver, Duty.VOUCHER)
        session_id = cdr.session_id if ours else dossier.handles.session_id
        added = await self._connection.ask(
            _ADD,
            ours,
            connection_id,
            cdr.object_id.key,
            None if session_id is None else fold(session_id),
            key.seal_text(sha256_of(cdr)),
            reference or new_reference(),
            evidence_id,
            cdr.start,
            cdr.end,
            cdr.last_updated,
            cdr.total_energy_kwh,
            cdr.currency,
            cdr.total_cost.before_tax,
            cdr.total_cost.after_tax,
            key.conceal(text_of(dossier), driver.names),
        )
        if not added:
            kept = await self.get(cdr.object_id, connection_id=connection_id, ours=ours)
            return AddOutcome.SAME if kept is not None and kept.holds(cdr) else AddOutcome.CONFLICT
        ((number, recorded_at),) = added
        await self._add_lines(number, dossier)
        state = CdrState.GENERATED if ours else CdrState.RECEIVED
        await self._connection.write(_ADD_EVENT, number, state.value, state.value.lower(), recorded_at)
        if not ours:
            await EventRepository(self._connection).add(EventKind.CDR_RECEIVED, cdr.object_id.key, connection_id, cdr)
        return AddOutcome.ADDED

    async def _add_lines(self, number: int, dossier: CdrDossier) -> None:
        """The priced lines, each tax on them, and what ties them to the meter."""
        for table, rows in (
            (CdrLineRow, [_line(number, position, line) for position, line in enumerate(dossier.lines)]),
            (CdrTaxRow, _taxes(number, dossier.lines)),
            (CdrMeterLinkRow, _meter_links(number, dossier.meter)),
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

    async def kin(self, cdr: Cdr, session_id: str | None, *, connection_id: str) -> tuple[StoredCdr, ...]:
        """CDRs of a partner that came before this one and may be over the same, in the order in which they came: of its
        session or its authorisation, at its EVSE while it lasted, or credits of what it credits. Raises NotFound.
        """
        number = await self._number(cdr.object_id, connection_id, ours=False)
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
        """CDRs that are settled between two moments, `since` <= moment < `until`, by end and then by key.

        The moment is the end of the session, and for a credit CDR the one at which it was made: a month that is
        settled is not opened again for it.
        """
        return await self._where(
            col(CdrRow.connection_id) == connection_id,
            col(CdrRow.ours).is_(ours),
            col(CdrRow.settles_at) >= since,
            col(CdrRow.settles_at) < until,
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

    async def undelivered_credits(
        self, before: datetime, after: datetime | None = None
    ) -> tuple[tuple[ObjectId, str], ...]:
        """Credit CDRs of ours that no partner has answered yet, each with its connection.

        Made before one moment and, if it is given, not before another.
        """
        query = (
            select(col(CdrRow.key), col(CdrRow.connection_id))
            .where(
                col(CdrRow.ours).is_(True),
                col(CdrRow.credit_of).is_not(None),
                col(CdrRow.recorded_at) < before,
                *(() if after is None else (col(CdrRow.recorded_at) >= after,)),
                _state() == CdrState.GENERATED.value,
            )
            .order_by(col(CdrRow.number))
            .limit(_SWEEP_LIMIT)
        )
        rows = (await self._connection.execute(query)).all()
        return tuple((ObjectId.parse(key), connection_id) for key, connection_id in rows)

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

    async def add_emission(self, cdr: ObjectId, connection_id: str, emission: CdrEmission) -> None:
        """Keep what our CDR became in the words of an adapter, before it is sent. Raises NotFound.

        Repeated: the same bytes by the same adapter are one emission, and the first word on it stays. Reordered: kept
        in order of writing. Cut off: not kept, and then nothing was sent either.
        """
        number = await self._number(cdr, connection_id, ours=True)
        key = await self._key_of(number)
        await self._connection.execute(
            insert(CdrEmissionRow)
            .values(
                cdr_number=number,
                adapter=emission.adapter,
                version=emission.version,
                body_sha256=emission.body_sha256 if key is None else key.seal_text(emission.body_sha256),
                outcome=emission.outcome,
                findings=_dumped(emission.findings, key),
                losses=_dumped(emission.losses, key),
                at=emission.at,
            )
            .on_conflict_do_nothing(index_elements=["cdr_number", "adapter", "body_sha256"])
        )

    async def emissions(self, cdr: ObjectId, connection_id: str) -> tuple[CdrEmission, ...]:
        """What our CDR became on its way out, in order of writing. Raises NotFound."""
        number = await self._number(cdr, connection_id, ours=True)
        query = (
            select(
                col(CdrEmissionRow.adapter),
                col(CdrEmissionRow.version),
                col(CdrEmissionRow.body_sha256),
                col(CdrEmissionRow.outcome),
                col(CdrEmissionRow.findings),
                col(CdrEmissionRow.losses),
                col(CdrEmissionRow.at),
            )
            .where(col(CdrEmissionRow.cdr_number) == number)
            .order_by(col(CdrEmissionRow.number))
        )
        rows = (await self._connection.execute(query)).all()
        sealed = (text for row in rows for text in (row.body_sha256, row.findings, row.losses))
        opened = await self._connection.drivers.reveal(*sealed)
        return tuple(
            CdrEmission(
                adapter=row.adapter,
                version=row.version,
                body_sha256=body_sha256,
                outcome=row.outcome,
                findings=_loaded(findings),
                losses=_loaded(losses),
                at=row.at,
            )
            for row, body_sha256, findings, losses in zip(rows, opened[::3], opened[1::3], opened[2::3], strict=True)
        )

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
                findings=_dumped(receipt.findings, await self._key_of(number)),
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
        rows = (await self._connection.execute(query)).all()
        opened = await self._connection.drivers.reveal(*(row.findings for row in rows))
        return tuple(
            CdrReceipt(
                http_status=row.http_status,
                ocpi_status=row.ocpi_status,
                url=row.url,
                version_accepted=row.version_accepted,
                outcome=row.outcome,
                findings=_loaded(findings),
                proved=row.proved,
                at=row.at,
            )
            for row, findings in zip(rows, opened, strict=True)
        )

    async def _number(self, cdr: ObjectId, connection_id: str, *, ours: bool, lock: bool = False) -> int:
        query = select(col(CdrRow.number)).where(_is(cdr, connection_id, ours=ours))
        if lock:
            query = query.with_for_update()
        number = (await self._connection.execute(query)).scalar()
        if number is None:
            raise NotFound(f"no CDR {cdr.key} on connection {connection_id}")
        return number

    async def _key_of(self, number: int) -> DriverKey | None:
        """The key under which a CDR is sealed; None where it is not, or nobody has its key any more."""
        query = select(col(CdrRow.document)[("cdr", "token", "contract_id")].astext).where(col(CdrRow.number) == number)
        numbers = numbers_in(((await self._connection.execute(query)).scalar(),))
        return next(iter((await self._connection.drivers.by_number(numbers)).values()), None)

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


def _same_but_erased(kept: object, given: object) -> bool:
    """Two documents, of which the first one has pseudonyms where it was erased."""
    match kept, given:
        case dict(), dict():
            return kept.keys() == given.keys() and all(_same_but_erased(kept[name], given[name]) for name in kept)
        case list(), list():
            return len(kept) == len(given) and all(map(_same_but_erased, kept, given))
        case str(), str():
            return kept == given or kept.lstrip('"').startswith(ERASED)
        case _:
            return kept == given


def _dumped(findings: tuple[Finding, ...], key: DriverKey | None) -> str:
    """Findings may show what differs in the token, or in what a sender added: sealed like the CDR itself."""
    text = json.dumps([finding.model_dump(mode="json") for finding in findings], separators=(",", ":"))
    return text if key is None else key.conceal(text, (), ("expected", "stated", "message"))


def _loaded(document: str) -> tuple[Finding, ...]:
    return tuple(Finding.model_validate(finding) for finding in json.loads(document))


def _taxes(cdr_number: int, lines: Sequence[CostLine]) -> list[dict[str, object]]:
    return [
        {
            "cdr_number": cdr_number,
            "line": number,
            "position": position,
            "name": tax.name,
            "account_number": tax.account_number,
            "percent": tax.percentage,
            "amount": tax.amount,
        }
        for number, line in enumerate(lines)
        for position, tax in enumerate(line.taxes)
    ]


def _meter_links(cdr_number: int, link: MeterLink | None) -> list[dict[str, object]]:
    if link is None:
        return []
    return [
        {
            "cdr_number": cdr_number,
            "line": line,
            "begin_sha256": link.begin_sha256,
            "end_sha256": link.end_sha256,
            "begin_kwh": link.begin_kwh,
            "end_kwh": link.end_kwh,
            "verdict": link.verdict,
            "verdict_reason": link.verdict_reason,
        }
        for line in link.lines
    ]


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
