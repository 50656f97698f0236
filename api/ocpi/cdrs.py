"""Charge detail records (OCPI 2.2.1 cdrs): taken once, never changed, never lost.

A record is stored before it is judged: the answer says that we hold it, and its check is the session's process.
What cannot be read, or comes twice with different content, becomes a case for a person.
"""

import hashlib

from adapters.contract import InvalidWire, Operation, Read
from api.errors import InvalidInput, UnknownObject
from api.ocpi import written
from api.ocpi.addresses import object_url
from api.ocpi.call import Answer, Call
from api.ocpi.evidence import record_of, sealed
from api.ocpi.ownership import check_owner, is_for
from api.ocpi.paging import PageRequest
from api.wake import wake
from canonical.cdr import Cdr, Provenance
from canonical.model import Finding
from canonical.settlement import Case, CaseState
from canonical.store import ISSUED_CDRS, PARTYS_CDRS, Driver, Duty, Overtaken, StoredCdr, new_reference
from canonical.store.cdr_arrival import dossier_on_arrival
from settlement.validation import conflict


async def list_cdrs(call: Call) -> Answer:
    return await written.page_of_party(call, ISSUED_CDRS, PARTYS_CDRS, PageRequest.of_call(call))


async def get_cdr(call: Call) -> Answer:
    """The record behind an address that we gave out; to everybody but its sender there is none."""
    (reference,) = call.segments.values()
    async with call.services.store.transaction() as unit:
        stored = await unit.cdrs.by_reference(reference)
    if stored is None or stored.ours or stored.connection_id != call.connection.id:
        raise UnknownObject("there is no such CDR")
    if not is_for(call, stored.dossier.cdr.owner):
        raise UnknownObject("there is no such CDR")
    return Answer(data=call.adapter.write(stored.dossier.cdr))


async def post_cdr(call: Call) -> Answer:
    try:
        read = call.adapter.read(Cdr, call.body, call.parties)
    except InvalidWire as unreadable:
        await _open_case(call, "cdr-unreadable", "A CDR could not be read and was refused.", unreadable.findings)
        raise
    cdr = read.value
    await check_owner(call, cdr.owner)
    try:
        answer, session_id = await _added(call, read)
    except Overtaken:
        stored = await _stored(call, cdr)
        if stored is None:
            raise
        answer, session_id = await _held(call, cdr, stored)
    arrived = call.services.signals.cdr_received(cdr.object_id, session_id, call.connection.id)
    await wake(arrived, f"cdr_received {cdr.object_id}")
    return answer


async def _added(call: Call, read: Read[Cdr]) -> tuple[Answer, str | None]:
    """A new record, with the bytes that it was read from and those of our answer, in one transaction.

    Raises Overtaken where there is one of its id.
    """
    cdr, reference = read.value, new_reference()
    answer = Answer(
        http_status=201,
        headers={"Location": _address(call, reference)},
        object_key=cdr.object_id.key,
        driver=Driver.of(cdr.token),
    )
    async with call.services.store.transaction() as unit:
        provenance = Provenance(
            adapter=call.adapter.key,
            protocol_version=call.adapter.version,
            bare_amounts=call.adapter.bare_amounts,
            findings=read.findings,
        )
        unit.keyring.expect(Driver.of(cdr.token))
        dossier = await dossier_on_arrival(unit, cdr, call.connection.id, provenance)
        answer, record = sealed(call, answer)
        await unit.keyring.key(Driver.of(cdr.token), *Duty)
        await unit.cdrs.add_arrived(dossier, connection_id=call.connection.id, reference=reference, message=record)
    return answer, dossier.handles.session_id


async def _stored(call: Call, cdr: Cdr) -> StoredCdr | None:
    async with call.services.store.transaction() as unit:
        return await unit.cdrs.get(cdr.object_id, connection_id=call.connection.id, ours=False)


async def _held(call: Call, cdr: Cdr, stored: StoredCdr) -> tuple[Answer, str | None]:
    """What we answered when it came first, if it is the same one. Raises InvalidInput, with a case, if it is not."""
    if not stored.holds(cdr):
        # Found by the CDR that it claims to be; the answer is kept with the refusal.
        await call.services.store.keep_evidence(
            record_of(call, answer=b"", status=None, object_key=cdr.object_id.key, driver=Driver.of(cdr.token))
        )
        await _open_case(
            call,
            "cdr-conflict",
            f"CDR {cdr.object_id} came again with other content; the first one stands.",
            conflict(stored.dossier.cdr, cdr),
        )
        raise InvalidInput.of("id", f"CDR {cdr.id} is held already, with other content")
    headers = {"Location": _address(call, stored.reference)}
    answer = Answer(headers=headers, object_key=cdr.object_id.key, driver=Driver.of(cdr.token))
    return answer, stored.dossier.handles.session_id


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
