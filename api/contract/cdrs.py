"""Charge detail records with their working: ours, and those that partners sent us."""

from typing import Annotated, Any, Final, Self

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.contract.crediting import Crediting
from api.contract.listing import After, Limit, Listed, cursor, number
from api.contract.writing import Afterwards, IdempotencyKey, Write
from api.errors import UnknownObject
from api.services import Services
from canonical.cdr import Cdr, CdrDossier
from canonical.identity import ObjectId, PartyId, Role
from canonical.model import Finding, Instant
from canonical.partner import Connection, Side
from canonical.store import CdrState, StoredCdr, UnitOfWork
from settlement.calibration.transparency import container

_LIST = "cdrs"
_BYTES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The bytes.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}

_XML: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The document.", "content": {"application/xml": {"schema": {"type": "string"}}}}
}


class CdrView(BaseModel):
    """A CDR, where it stands, and the digest by which both sides can tell that they hold the same one."""

    cdr: Cdr
    connection: str
    ours: bool
    state: CdrState
    sha256: str
    recorded_at: Instant

    @classmethod
    def of(cls, stored: StoredCdr) -> Self:
        return cls(
            cdr=stored.dossier.cdr,
            connection=stored.connection_id,
            ours=stored.ours,
            state=stored.state,
            sha256=stored.sha256,
            recorded_at=stored.recorded_at,
        )


class EventView(BaseModel):
    state: CdrState
    text: str
    at: Instant


class EmissionView(BaseModel):
    """What left us: in which adapter's words, what our own check says to them, and what they could not say.

    `outcome` is that of the check. A loss names the place, what is `expected` there and, if anything, what is `stated`
    in its stead; the dossier has it all.
    """

    adapter: str
    version: str
    body_sha256: str
    outcome: str
    findings: tuple[Finding, ...]
    losses: tuple[Finding, ...]
    at: Instant


class ReceiptView(BaseModel):
    """A partner's answer to a delivery: the version that it accepted, its outcome, and what it said.

    `proved`: it gave the CDR back, and it was equal.
    """

    http_status: int
    ocpi_status: int | None
    url: str | None
    version_accepted: str | None
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
    emissions: tuple[EmissionView, ...]
    receipts: tuple[ReceiptView, ...]


class CreditOrder(BaseModel):
    """Why a CDR is taken back. The reason stays with us: it is kept with the events of both records."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "the driver was charged for another car"}]}
    )

    reason: Annotated[str, Field(min_length=1, max_length=1000)]


def routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/cdrs", tags=["cdrs"])

    @router.get("")
    async def list_cdrs(
        connection: Annotated[str | None, Query(max_length=64, description="Those of one connection.")] = None,
        since: Annotated[Instant | None, Query(description="CDRs that end at or after this instant.")] = None,
        until: Annotated[Instant | None, Query(description="CDRs that end before this instant.")] = None,
        side: Annotated[
            Side | None, Query(description="CPO: those that we issued; EMSP: those that came; both without it.")
        ] = None,
        billing_record: Annotated[
            str | None, Query(max_length=255, description="Those of one billing record of yours.")
        ] = None,
        after: After = None,
        limit: Limit = 100,
    ) -> Listed[CdrView]:
        """CDRs in the order in which they were made or came."""
        async with services.store.transaction() as unit:
            partner = None if connection is None else await unit.connections.get(connection)
            found = await unit.cdrs.listed(
                connection_id=None if partner is None else partner.id,
                ours=None if side is None else side is Side.CPO,
                since=since,
                until=until,
                billing_record=billing_record,
                after=number(_LIST, after) or 0,
                limit=limit + 1,
            )
        numbers = [place for place, _ in found[:limit]]
        return Listed(
            items=tuple(CdrView.of(stored) for _, stored in found[:limit]),
            next=cursor(_LIST, numbers[-1]) if len(found) > limit else None,
        )

    @router.get("/{cdr_id}/evidence", response_class=Response, responses=_BYTES)
    async def get_evidence(cdr_id: str, connection: Annotated[str | None, Query(max_length=64)] = None) -> Response:
        """The bytes that a partner's CDR was read from, as they came. Their digest is in the ETag."""
        async with services.store.transaction() as unit:
            stored = await _find(services, unit, cdr_id, connection)
            if stored.evidence_id is None:
                raise UnknownObject(f"CDR {cdr_id} did not come over the wire")
            record = await unit.evidence.get(stored.evidence_id)
        return Response(record.body, media_type="application/octet-stream", headers={"ETag": f'"{record.body_sha256}"'})

    @router.get("/{cdr_id}/transparency.xml", response_class=Response, responses=_XML)
    async def get_transparency(cdr_id: str, connection: Annotated[str | None, Query(max_length=64)] = None) -> Response:
        """The signed meter records of a CDR for the public transparency software, with the key that came with them."""
        async with services.store.transaction() as unit:
            stored = await _find(services, unit, cdr_id, connection)
        cdr = stored.dossier.cdr
        if cdr.signed_data is None:
            raise UnknownObject(f"CDR {cdr_id} has no signed meter data")
        return Response(container(cdr.signed_data, transaction=cdr.session_id), media_type="application/xml")

    @router.post("/{cdr_id}/credit", status_code=201, response_model=CdrView)
    async def credit_cdr(cdr_id: str, order: CreditOrder, request: Request, key: IdempotencyKey = None) -> Response:
        """Take one of our CDRs back, all of it, by a credit CDR that is delivered like any other. Once a CDR.

        Where the partner's version has no credit CDRs nothing is stored: settle by the month's statement then.
        """

        async def work(unit: UnitOfWork, afterwards: Afterwards) -> CdrView:
            return CdrView.of(await Crediting(services, unit, afterwards).credit(cdr_id, order.reason))

        return await Write(services, request, key).do(work, status=201)

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
    receipts = await unit.cdr_deliveries.receipts(name, stored.connection_id) if stored.ours else ()
    emissions = await unit.cdr_deliveries.emissions(name, stored.connection_id) if stored.ours else ()
    return DossierView(
        dossier=stored.dossier,
        connection=stored.connection_id,
        ours=stored.ours,
        state=stored.state,
        sha256=stored.sha256,
        recorded_at=stored.recorded_at,
        evidence_id=stored.evidence_id,
        events=tuple(EventView(state=e.state, text=e.text, at=e.at) for e in events),
        emissions=tuple(
            EmissionView(
                adapter=e.adapter,
                version=e.version,
                body_sha256=e.body_sha256,
                outcome=e.outcome,
                findings=e.findings,
                losses=e.losses,
                at=e.at,
            )
            for e in emissions
        ),
        receipts=tuple(
            ReceiptView(
                http_status=r.http_status,
                ocpi_status=r.ocpi_status,
                url=r.url,
                version_accepted=r.version_accepted,
                outcome=r.outcome,
                findings=r.findings,
                proved=r.proved,
                at=r.at,
            )
            for r in receipts
        ),
    )
