"""What becomes of an object that was found on a partner's list: the same as if the partner had pushed it."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from activities.cases import open_case
from activities.resources import Resources
from adapters.build import build
from adapters.contract import Adapter, Module, Read, Unreadable
from canonical.cdr import Cdr, Provenance
from canonical.identity import ObjectId, PartyId
from canonical.invoice_record import InvoiceRecord
from canonical.location import Location
from canonical.model import CanonicalModel
from canonical.partner import Connection, HubClient, Side
from canonical.session import Session, SessionStatus
from canonical.store import AddOutcome, Direction, Driver, Duty, EvidenceRecord, UnitOfWork, driver_of, note_begun
from canonical.store.cdr_arrival import dossier_on_arrival
from canonical.tariff import Tariff
from canonical.token import Token
from settlement.validation import conflict

Pulled = Location | Tariff | Token | Session | Cdr | InvoiceRecord | HubClient

KINDS: Mapping[
    Module,
    type[Location] | type[Tariff] | type[Token] | type[Session] | type[Cdr] | type[InvoiceRecord] | type[HubClient],
] = {
    Module.LOCATIONS: Location,
    Module.TARIFFS: Tariff,
    Module.TOKENS: Token,
    Module.SESSIONS: Session,
    Module.CDRS: Cdr,
    Module.INVOICE_RECONCILIATION: InvoiceRecord,
    Module.HUB_CLIENT_INFO: HubClient,
}

LONG_OVER = timedelta(days=2)
"""A session that is first heard of so long after its end is history: nobody waits for its CDR."""


class Wake(Protocol):
    """The part of the signals that a pull needs."""

    async def session_changed(
        self, session: ObjectId, connection_id: str, side: Side, status: SessionStatus
    ) -> None: ...

    async def cdr_received(self, cdr: ObjectId, session_id: str | None, connection_id: str) -> None: ...


@dataclass
class PulledPage:
    """One page on its way into the store, in one transaction. `afterwards` is to be told once it is committed."""

    work: UnitOfWork
    resources: Resources
    connection: Connection
    adapter: Adapter
    wake: Wake
    url: str
    asked_at: datetime
    afterwards: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    async def keep(self, items: tuple[Read[Pulled], ...], our_side: Side | None) -> None:
        """Store what is the partner's. What belongs to somebody else becomes a case."""
        parties = {party.key: party for party in (_owner(item.value) for item in items) if party is not None}
        await self.work.keyring.keys((driver for driver, _ in told_of(items)), Duty.FEED)
        owners = await self.work.hub_clients.speakers(self.connection, parties.values(), our_side)
        for item in items:
            owner = _owner(item.value)
            if owner is not None and owner.key not in owners:
                name = item.value.object_id.key
                text = f"{self.connection.name} listed {name}, which belongs to a party it does not speak for"
                await open_case(self.work, self.resources, "foreign-object", name, text)
            else:
                await self._keep(item)

    async def put_aside(self, module: str, element: Unreadable) -> None:
        """Keep what could not be read: the text in a case, so that nothing on a list is lost in silence."""
        raw = element.raw.decode(errors="replace")
        text = f"{self.connection.name} listed an element in {module} that cannot be read. Its text: {raw[:8000]}"
        subject = f"{self.connection.id}/{module}"
        await open_case(self.work, self.resources, "unreadable-element", subject, text, element.findings)

    async def _keep(self, item: Read[Pulled]) -> None:
        work, value, source = self.work, item.value, self.connection.id
        match value:
            case Location():
                await work.locations.put(value, source=source)
            case Tariff():
                await work.tariffs.put(value, source=source)
            case Token():
                await work.tokens.put(value, source=source)
            case HubClient():
                await work.hub_clients.put(value, source=source)
            case Session():
                await self._session(value)
            case Cdr():
                await self._cdr(value, item)
            case InvoiceRecord():
                await work.invoice_records.take(
                    value, connection_id=source, partner=self.connection.name, at=self.resources.clock()
                )

    async def _session(self, session: Session) -> None:
        """The session's process hears of a new session and of a new status, as with a push."""
        work, source = self.work, self.connection.id
        held = await work.sessions.held(session.object_id, source=source)
        outcome = await work.sessions.put(session, source=source, held=held)
        if outcome.applied:
            await note_begun(work, source, outcome.before, session)
        if not outcome.applied or (outcome.before is not None and outcome.before.status is session.status):
            return
        ended = session.end or session.last_updated
        if outcome.before is None and session.status.is_final and ended < self.resources.clock() - LONG_OVER:
            return
        name, connection_id, status = session.object_id, self.connection.id, session.status
        self.afterwards.append(lambda: self.wake.session_changed(name, connection_id, Side.EMSP, status))

    async def _cdr(self, cdr: Cdr, item: Read[Pulled]) -> None:
        """Kept once, with the bytes it was read from, and checked by its session's process."""
        known = await self.work.cdrs.get(cdr.object_id, connection_id=self.connection.id, ours=False)
        if known is not None and known.holds(cdr):
            return
        evidence_id = await self.work.evidence.add(self._evidence(cdr, item.raw))
        provenance = Provenance(
            adapter=self.adapter.key,
            protocol_version=self.adapter.version,
            bare_amounts=self.adapter.bare_amounts,
            findings=item.findings,
        )
        dossier = await dossier_on_arrival(self.work, cdr, self.connection.id, provenance)
        outcome = await self.work.cdrs.add(
            dossier, connection_id=self.connection.id, ours=False, evidence_id=evidence_id
        )
        if outcome is AddOutcome.CONFLICT:
            digest = hashlib.sha256(item.raw).hexdigest()
            text = (
                f"{self.connection.name} listed CDR {cdr.object_id.key} with other content than it was first received "
                f"with; the first one stands. The bytes listed are kept as evidence (SHA-256 {digest})."
            )
            found = conflict(known.dossier.cdr, cdr) if known else ()
            await open_case(self.work, self.resources, "cdr-conflict", cdr.object_id.key, text, found)
            return
        name, session_id, connection_id = cdr.object_id, dossier.handles.session_id, self.connection.id
        self.afterwards.append(lambda: self.wake.cdr_received(name, session_id, connection_id))

    def _evidence(self, value: Cdr, raw: bytes) -> EvidenceRecord:
        return EvidenceRecord(
            direction=Direction.OUT,
            connection_id=self.connection.id,
            module=Module.CDRS,
            method="GET",
            url_or_path=self.url,
            status=200,
            headers={},
            body=b"",
            answer=raw,
            adapter=self.adapter.key,
            object_key=value.object_id.key,
            at=self.asked_at,
            partner=str(value.object_id.owner),
            rule_set=build(),
            driver=driver_of(value),
        )


def told_of(items: tuple[Read[Pulled], ...]) -> tuple[tuple[Driver, bytes], ...]:
    """The elements of a page that tell of a driver, each with the driver."""
    return tuple((driver, item.raw) for item in items if (driver := driver_of(item.value)) is not None)


def key_of(value: Pulled) -> str:
    """The name under which an object is known on its list."""
    return value.object_id.key


def _owner(value: CanonicalModel) -> PartyId | None:
    """Whose object it is; None for a client of a hub, which the hub tells of and does not own."""
    return getattr(value, "owner", None)
