"""A month of one small operator: everything that the log of financial records knows, written as the platform does."""

from datetime import datetime
from decimal import Decimal

import asyncpg
from pydantic import SecretStr

from canonical.settlement import LedgerEntry, Posting, Statement, StatementItem
from canonical.store import AddOutcome, CdrReceipt, CdrState, Direction, EvidenceRecord, Store, sha256_of
from canonical.store.log import Audit, Checkpoint, Fault, PublicKey, SigningKey
from tests.store.samples import CPO, EMSP, at, cdr, context, dossier, invoice, of, report, signed, statement, tariff

KEY = SigningKey(SecretStr("the key of the tests, which signs"), "roamwork/DE*RCO")
NOON = at(24 * 60)


def message(body: bytes = b'{"id":"C1"}', *, object_key: str = "DE*RCO/C1") -> EvidenceRecord:
    return EvidenceRecord(
        direction=Direction.OUT,
        connection_id="emsp",
        module="cdrs",
        method="POST",
        url_or_path="https://emsp.example/cdrs",
        status=201,
        headers={"content-type": "application/json"},
        body=body,
        answer=b'{"status_code":1000}',
        adapter="test",
        object_key=object_key,
        at=at(61),
        finished_at=at(62),
        partner=str(EMSP),
        rule_set="0123456789abcdef",
        answer_headers={"location": "https://emsp.example/cdrs/1"},
    )


async def charge(store: Store, *ids: str) -> None:
    """CDRs of ours, each delivered, with the bytes of the delivery."""
    for id_ in ids:
        record = dossier(cdr(id_, session_id=id_.replace("C", "S")))
        async with store.transaction() as work:
            await work.tariffs.put(tariff())
            await work.sessions.seal(context(id_.replace("C", "S")))
            await work.sessions.keep_signed(of(id_.replace("C", "S")), signed())
            added = await work.cdrs.add(record, connection_id="emsp", ours=True, evidence_id=None)
            assert added is AddOutcome.ADDED
            await work.evidence.add(message(b'{"id":"%s"}' % id_.encode(), object_key=f"DE*RCO/{id_}"))
            await work.cdr_deliveries.add_receipt(of(id_), "emsp", receipt())
            await work.cdrs.note(
                of(id_), connection_id="emsp", ours=True, state=CdrState.DELIVERED, text="taken", at=at(63)
            )


def receipt() -> CdrReceipt:
    return CdrReceipt(
        http_status=201,
        ocpi_status=1000,
        url=None,
        version_accepted="0",
        outcome="ACCEPTED",
        findings=(),
        proved=False,
        at=at(62),
    )


async def settle(store: Store, *ids: str) -> None:
    """The papers of the month."""
    bill = invoice()
    async with store.transaction() as work:
        await work.settlement.save_statement(_statement(*ids), "emsp")
        await work.settlement.save_report(report())
        await work.settlement.save_invoice(bill, "emsp", issued=True)
        await work.settlement.save_file(bill.number, "invoice.csv", "text/csv", b"5.95")
        legs = (
            Posting(account="receivable", amount_minor=595, currency="EUR"),
            Posting(account="revenue", amount_minor=-595, currency="EUR"),
        )
        text = f"Invoice {bill.number} to Rem, 2026-03"
        posted = LedgerEntry(key="invoice/1", event="invoice.issued", at=bill.issued_at, postings=legs, text=text)
        await work.ledger.post(posted)


def _statement(*ids: str) -> Statement:
    records = [cdr(id_, session_id=id_.replace("C", "S")) for id_ in ids]
    items = tuple(
        StatementItem(
            cdr=each.object_id,
            session_id=each.session_id,
            start=each.start,
            end=each.end,
            energy_kwh=each.total_energy_kwh,
            components=(),
            net=Decimal("5.00"),
            vat_percent=Decimal(19),
            vat=Decimal("0.95"),
            gross=Decimal("5.95"),
            cdr_sha256=sha256_of(each),
        )
        for each in records
    )
    return statement().model_copy(update={"items": items, "issuer": CPO})


async def extend(store: Store, when: datetime = NOON, *, limit: int = 1_000, whole: bool = False) -> int:
    async with store.transaction() as work:
        return await work.log.extend(KEY, when, limit=limit, whole=whole)


async def newest(store: Store) -> str:
    async with store.transaction() as work:
        note = await work.log.newest()
    assert note is not None
    return note


async def audited(
    store: Store, *held: Checkpoint, keys: tuple[PublicKey, ...] = (KEY.public,)
) -> tuple[Audit, list[Fault]]:
    found = Audit()
    async with store.transaction() as work:
        return found, [fault async for fault in work.log.audit(keys, found, held)]


async def tamper(database_url: str, *statements: str) -> None:
    """What somebody can do who owns the database: with all triggers and references switched off."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("SET session_replication_role = replica")
        for statement_ in statements:
            await connection.execute(statement_)
    finally:
        await connection.close()
