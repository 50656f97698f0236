"""Charge detail records (OCPI 2.2.1 cdrs): taken once, never changed, never lost.

A record is stored before it is judged: the answer says that we hold it, and its check is the session's process.
What cannot be read, or comes twice with different content, becomes a case for a person.
"""

import hashlib

from adapters.contract import InvalidWire, Operation, Read
from api.errors import InvalidInput, UnknownObject
from api.ocpi.addresses import object_url
from api.ocpi.call import Answer, Call
from api.ocpi.evidence import record_of
from api.ocpi.ownership import check_owner
from api.ocpi.paging import PageRequest, page_answer
from api.wake import wake
from canonical.cdr import Cdr, CdrDossier, Handles, Provenance
from canonical.model import Finding
from canonical.settlement import Case, CaseState
from canonical.store import AddOutcome, UnitOfWork

_UNPRICED = "unpriced"
_ZONE_UNKNOWN = "UTC"


async def list_cdrs(call: Call) -> Answer:
    asked = PageRequest.of(call.query)
    async with call.services.store.transaction() as unit:
        page = await unit.cdrs.page(
            call.connection.id,
            since=asked.since,
            until=asked.until,
            offset=asked.offset,
            limit=asked.limit,
        )
    return page_answer(call, asked, page)


async def get_cdr(call: Call) -> Answer:
    """The record behind an address that we gave out; to everybody but its sender there is none."""
    (reference,) = call.segments.values()
    async with call.services.store.transaction() as unit:
        stored = await unit.cdrs.by_reference(reference)
    if stored is None or stored.ours or stored.connection_id != call.connection.id:
        raise UnknownObject("there is no such CDR")
    return Answer(data=call.adapter.write(stored.dossier.cdr))


async def post_cdr(call: Call) -> Answer:
    try:
        read = call.adapter.read(Cdr, call.body, call.parties)
    except InvalidWire as unreadable:
        await _open_case(call, "cdr-unreadable", "A CDR could not be read and was refused.", unreadable.findings)
        raise
    cdr = read.value
    check_owner(call, cdr.owner)
    async with call.services.store.transaction() as unit:
        outcome = await _add(call, unit, read)
        stored = await unit.cdrs.get(cdr.object_id, connection_id=call.connection.id, ours=False)
    if outcome is AddOutcome.CONFLICT or stored is None:
        await _open_case(
            call, "cdr-conflict", f"CDR {cdr.object_id} came again with other content; the first one stands."
        )
        raise InvalidInput.of("id", f"CDR {cdr.id} is held already, with other content")
    arrived = call.services.signals.cdr_received(cdr.object_id, cdr.session_id, call.connection.id)
    await wake(arrived, f"cdr_received {cdr.object_id}")
    return Answer(
        http_status=201 if outcome is AddOutcome.ADDED else 200,
        headers={"Location": _address(call, stored.reference)},
        object_key=cdr.object_id.key,
    )


async def _add(call: Call, unit: UnitOfWork, read: Read[Cdr]) -> AddOutcome:
    """The record together with the bytes it was read from, in one transaction."""
    cdr = read.value
    evidence_id = await unit.evidence.add(record_of(call, answer=b"", status=None, object_key=cdr.object_id.key))
    return await unit.cdrs.add(
        await _dossier(call, unit, read),
        connection_id=call.connection.id,
        ours=False,
        evidence_id=evidence_id,
    )


async def _dossier(call: Call, unit: UnitOfWork, read: Read[Cdr]) -> CdrDossier:
    """What is known on arrival: who sent it and how it was read. Lines and verdict come with the check."""
    cdr = read.value
    place = cdr.object_id.model_copy(update={"id": cdr.charge_point.location_id})
    location = await unit.locations.get(place, source=call.connection.id)
    return CdrDossier(
        cdr=cdr,
        lines=(),
        handles=Handles(
            session_id=cdr.session_id,
            idempotency_key=f"{call.connection.id}/{cdr.object_id.key}",
            billing_record=None,
        ),
        provenance=Provenance(adapter=call.adapter.key, protocol_version=call.adapter.version, findings=read.findings),
        pricing_policy=_UNPRICED,
        time_zone=(location.time_zone if location else None) or _ZONE_UNKNOWN,
    )


async def _open_case(call: Call, kind: str, text: str, findings: tuple[Finding, ...] = ()) -> None:
    """One case for one body: a partner that repeats itself does not fill the list."""
    digest = hashlib.sha256(call.connection.id.encode() + b"\0" + call.body).hexdigest()[:24]
    async with call.services.store.transaction() as unit:
        await unit.cases.open(
            Case(
                id=f"{kind}:{digest}",
                kind=kind,
                subject=call.connection.id,
                text=text,
                findings=findings,
                state=CaseState.OPEN,
                opened_at=call.services.clock(),
            )
        )


def _address(call: Call, reference: str) -> str:
    endpoint = next(e for e in call.adapter.endpoints if e.operation is Operation.GET_CDR)
    return object_url(call.services, call.adapter, endpoint, reference)
