"""CDRs are added once and never change; what happens to them is appended."""

import asyncio
from collections import Counter

import pytest
from sqlalchemy import text

from canonical.cdr import CdrDossier
from canonical.model import Finding
from canonical.store import (
    AddOutcome,
    CdrReceipt,
    CdrState,
    Direction,
    EvidenceRecord,
    NotFound,
    Store,
    sha256_of,
)
from tests.store.samples import at, cdr, dossier, of


async def _add(store: Store, record: CdrDossier, *, ours: bool = True) -> AddOutcome:
    async with store.transaction() as work:
        return await work.cdrs.add(record, connection_id="emsp", ours=ours, evidence_id=None)


async def test_a_cdr_is_added_once(store: Store) -> None:
    assert await _add(store, dossier()) is AddOutcome.ADDED
    assert await _add(store, dossier().model_copy(update={"time_zone": "UTC"})) is AddOutcome.SAME
    assert await _add(store, dossier(cdr(net="6.00"))) is AddOutcome.CONFLICT
    assert await _add(store, dossier(), ours=False) is AddOutcome.ADDED
    async with store.transaction() as work:
        kept = await work.cdrs.get(of("c1"), connection_id="emsp", ours=True)
        assert kept is not None
        assert (kept.dossier, kept.sha256, kept.state) == (dossier(), sha256_of(cdr()), CdrState.GENERATED)
        assert await work.cdrs.by_reference(kept.reference) == kept
        theirs = await work.cdrs.get(of("C1"), ours=False)
        assert theirs is not None
        assert theirs.state is CdrState.RECEIVED
        assert theirs.reference != kept.reference
        assert await work.cdrs.get(of("C1"), connection_id="other", ours=True) is None
        assert await work.cdrs.by_reference("guessed") is None


async def test_two_writers_of_one_cdr(store: Store) -> None:
    records = [dossier(cdr(net=net)) for net in ("5.00", "5.00", "6.00", "6.00", "5.00", "6.00")]
    outcomes = Counter(await asyncio.gather(*(_add(store, record) for record in records)))
    assert outcomes == {AddOutcome.ADDED: 1, AddOutcome.SAME: 2, AddOutcome.CONFLICT: 3}
    async with store._begin() as connection:
        for table in ("cdr", "cdr_line", "cdr_event"):
            assert (await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one() == 1  # noqa: S608


async def test_lines_are_relational_money(store: Store) -> None:
    await _add(store, dossier())
    query = "SELECT component, quantity, line.net, line.currency, tariff_key FROM cdr_line line"
    async with store._begin() as connection:
        line = (await connection.execute(text(query))).one()
    assert [str(value) for value in line] == ["ENERGY", "10.0", "5.00", "EUR", "DE*RCO/T1"]


async def test_found_by_session_and_by_end(store: Store) -> None:
    for id_, end in (("C3", 30), ("C1", 10), ("C2", 20)):
        await _add(store, dossier(cdr(id_, end=end, session_id="s1" if id_ == "C3" else "S2")))
    async with store.transaction() as work:
        between = await work.cdrs.between("emsp", ours=True, since=at(10), until=at(30))
        session = await work.cdrs.by_session("S1", connection_id="emsp", ours=True)
        page = await work.cdrs.page("emsp", at(10), None, 1, 1)
        theirs = await work.cdrs.between("emsp", ours=False, since=at(0), until=at(99))
    assert [found.dossier.cdr.id for found in between] == ["C1", "C2"]
    assert [found.dossier.cdr.id for found in session] == ["C3"]
    assert ([item.id for item in page.items], page.total) == (["C1"], 3)
    assert theirs == ()


async def test_events_are_appended_and_a_repeat_is_not(store: Store) -> None:
    await _add(store, dossier())
    for minute in (1, 2):
        async with store.transaction() as work:
            await work.cdrs.note(
                of("C1"), connection_id="emsp", ours=True, state=CdrState.DELIVERED, text="201", at=at(minute)
            )
    async with store.transaction() as work:
        events = await work.cdrs.events(of("C1"), "emsp", ours=True)
        kept = await work.cdrs.get(of("C1"), ours=True)
        with pytest.raises(NotFound):
            await work.cdrs.note(of("C1"), connection_id="emsp", ours=False, state=CdrState.SETTLED, text="", at=at(1))
    assert [(event.state, event.text) for event in events] == [
        (CdrState.GENERATED, "generated"),
        (CdrState.DELIVERED, "201"),
    ]
    assert events[1].at == at(1)
    assert kept is not None
    assert kept.state is CdrState.DELIVERED


async def test_receipts_are_kept_in_order(store: Store) -> None:
    await _add(store, dossier())
    finding = Finding(code="receipt.no_location", message="no Location header")
    first = CdrReceipt(503, 3000, None, None, "unavailable", (), proved=False, at=at(1))
    second = CdrReceipt(201, 1000, "https://e/cdrs/1", "2.2.1", "accepted", (finding,), proved=True, at=at(2))
    async with store.transaction() as work:
        for receipt in (first, second):
            await work.cdr_deliveries.add_receipt(of("C1"), "emsp", receipt)
        assert await work.cdr_deliveries.receipts(of("C1"), "emsp") == (first, second)
        with pytest.raises(NotFound):
            await work.cdr_deliveries.add_receipt(of("C9"), "emsp", first)


async def test_evidence_comes_back_byte_for_byte(store: Store) -> None:
    body = b'{ "total_cost" : 1.10 ,\xff\x00}'
    record = EvidenceRecord(
        direction=Direction.IN,
        connection_id="emsp",
        module="cdrs",
        method="POST",
        url_or_path="/cdrs",
        status=201,
        headers={"X-Request-ID": "1", "Authorization": "Token c2VjcmV0"},
        body=body,
        answer=b"",
        adapter="a",
        object_key="DE*RCO/C1",
        at=at(0),
    )
    async with store.transaction() as work:
        number = await work.evidence.add(record)
        kept = await work.evidence.get(number)
        await work.cdrs.add(dossier(), connection_id="emsp", ours=False, evidence_id=number)
        stored = await work.cdrs.get(of("C1"), ours=False)
        assert (kept.body, kept.answer, kept.body_sha256) == (body, b"", record.body_sha256)
        assert kept.headers == {"X-Request-ID": "1"}
        assert await work.evidence.for_object("DE*RCO/C1") == (kept,)
        with pytest.raises(NotFound):
            await work.evidence.get(number + 1)
    assert stored is not None
    assert stored.evidence_id == number


async def test_a_partners_cdr_is_unchecked_until_something_is_noted(store: Store) -> None:
    await _add(store, dossier(), ours=False)
    async with store.transaction() as work:
        kept = await work.cdrs.get(of("C1"), ours=False)
        assert kept is not None
        assert await work.cdrs.unchecked(kept.recorded_at) == ()
        later = at(60 * 24 * 365 * 50)
        assert await work.cdrs.unchecked(later) == (kept,)
        await work.cdrs.note(of("C1"), connection_id="emsp", ours=False, state=CdrState.ACCEPTED, text="ok", at=at(1))
        assert await work.cdrs.unchecked(later) == ()
