"""Charge detail records with their working: ours, and those that partners sent us."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from api.errors import UnknownObject
from api.services import Services
from canonical.cdr import Cdr, CdrDossier
from canonical.identity import ObjectId, PartyId, Role
from canonical.model import Finding, Instant
from canonical.partner import Connection, Side
from canonical.store import CdrState, StoredCdr, UnitOfWork


class CdrView(BaseModel):
    """A CDR, where it stands, and the digest by which both sides can tell that they hold the same one."""

    cdr: Cdr
    connection: str
    ours: bool
    state: CdrState
    sha256: str
    recorded_at: Instant


class EventView(BaseModel):
    state: CdrState
    text: str
    at: Instant


class ReceiptView(BaseModel):
    """A partner's answer to a delivery. `proved`: it gave the CDR back, and it was equal."""

    http_status: int
    ocpi_status: int
    url: str | None
    outcome: str
    findings: tuple[Finding, ...]
    proved: bool
    at: Instant


class DossierView(BaseModel):
    """A CDR with its lines, its tariff versions, its provenance, its history and its receipts."""

    dossier: CdrDossier
    connection: str
    ours: bool
    state: CdrState
    sha256: str
    recorded_at: Instant
    evidence_id: int | None
    events: tuple[EventView, ...]
    receipts: tuple[ReceiptView, ...]


def routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/cdrs", tags=["cdrs"])

    @router.get("")
    async def list_cdrs(
        connection: Annotated[str, Query(max_length=64)],
        since: Annotated[datetime, Query(description="CDRs that end at or after this instant.")],
        until: Annotated[datetime, Query(description="CDRs that end before this instant.")],
        side: Annotated[Side | None, Query(description="CPO: those that we issued; EMSP: those that came.")] = None,
    ) -> list[CdrView]:
        """The CDRs of one connection by their end."""
        async with services.store.transaction() as unit:
            partner = await unit.connections.get(connection)
            ours = side is Side.CPO if side else Side.CPO in partner.our_sides
            found = await unit.cdrs.between(partner.id, ours=ours, since=since, until=until)
        return [
            CdrView(
                cdr=stored.dossier.cdr,
                connection=stored.connection_id,
                ours=stored.ours,
                state=stored.state,
                sha256=stored.sha256,
                recorded_at=stored.recorded_at,
            )
            for stored in found
        ]

    @router.get("/{cdr_id}")
    async def get_cdr(cdr_id: str, connection: Annotated[str | None, Query(max_length=64)] = None) -> DossierView:
        """One CDR with everything an auditor asks about it. Name the connection where ids of partners meet."""
        async with services.store.transaction() as unit:
            stored = await _find(services, unit, cdr_id, connection)
            return await _view(unit, stored)

    return router


async def _find(services: Services, unit: UnitOfWork, cdr_id: str, connection: str | None) -> StoredCdr:
    """Ours first, then those of partners. Raises UnknownObject."""
    ours = await unit.cdrs.get(ObjectId(owner=services.our_party, id=cdr_id), connection_id=connection, ours=True)
    if ours is not None:
        return ours
    for partner in await unit.connections.list():
        if connection is not None and partner.id != connection:
            continue
        for party in _operators(partner):
            theirs = await unit.cdrs.get(ObjectId(owner=party, id=cdr_id), connection_id=partner.id, ours=False)
            if theirs is not None:
                return theirs
    raise UnknownObject(f"CDR {cdr_id} is not known")


def _operators(connection: Connection) -> tuple[PartyId, ...]:
    return tuple(role.party for role in connection.partner_roles if role.role is Role.CPO)


async def _view(unit: UnitOfWork, stored: StoredCdr) -> DossierView:
    name = stored.dossier.cdr.object_id
    events = await unit.cdrs.events(name, stored.connection_id, stored.ours)
    receipts = await unit.cdrs.receipts(name, stored.connection_id) if stored.ours else ()
    return DossierView(
        dossier=stored.dossier,
        connection=stored.connection_id,
        ours=stored.ours,
        state=stored.state,
        sha256=stored.sha256,
        recorded_at=stored.recorded_at,
        evidence_id=stored.evidence_id,
        events=tuple(EventView(state=e.state, text=e.text, at=e.at) for e in events),
        receipts=tuple(
            ReceiptView(
                http_status=r.http_status,
                ocpi_status=r.ocpi_status,
                url=r.url,
                outcome=r.outcome,
                findings=r.findings,
                proved=r.proved,
                at=r.at,
            )
            for r in receipts
        ),
    )
