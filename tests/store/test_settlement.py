"""The papers of settlement are kept once; invoice numbers have no gaps; the ledger balances."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from canonical.store import AlreadyExists, Store, Unbalanced
from tests.store.samples import CPO, EMSP, entry, invoice, report, statement


async def test_a_statement_is_kept_once(store: Store) -> None:
    async with store.transaction() as work:
        for _ in range(2):
            await work.settlement.save_statement(statement(), "emsp")
        assert await work.settlement.statement("de-rco-2026-03") == statement()
        assert await work.settlement.statement("other") is None
        with pytest.raises(AlreadyExists):
            await work.settlement.save_statement(statement(issued=1), "emsp")


async def test_the_newest_report_of_a_checker_counts(store: Store) -> None:
    async with store.transaction() as work:
        for value in (report(), report(), report(checked=1, net="4.00")):
            await work.settlement.save_report(value)
        assert await work.settlement.report("DE-RCO-2026-03", EMSP) == report(checked=1, net="4.00")
        assert await work.settlement.report("DE-RCO-2026-03", CPO) is None


async def test_invoice_numbers_have_no_gaps_and_no_doubles(store: Store) -> None:
    async def number(statement_id: str, *, cut_off: bool) -> str:
        async with store.transaction() as work:
            given = await work.settlement.next_invoice_number("RCO-2026", statement_id)
            if cut_off:
                raise TimeoutError
            return given

    wanted = [number(f"S{n % 4}", cut_off=n in {1, 6, 8}) for n in range(12)]
    given = [found for found in await asyncio.gather(*wanted, return_exceptions=True) if isinstance(found, str)]
    assert sorted(set(given)) == [f"RCO-2026-000{n}" for n in (1, 2, 3, 4)]
    assert await number("s1", cut_off=False) == await number("S1", cut_off=False)
    async with store.transaction() as work:
        assert await work.settlement.next_invoice_number("RCO-2027", "S1") == "RCO-2027-0001"


async def test_an_invoice_is_kept_once_for_each_issuer(store: Store) -> None:
    theirs = invoice(issuer=EMSP)
    async with store.transaction() as work:
        for _ in range(2):
            await work.settlement.save_invoice(invoice(), "emsp", issued=True)
        await work.settlement.save_invoice(theirs, "other", issued=False)
        assert await work.settlement.invoice("rco-0001", CPO) == invoice()
        assert await work.settlement.invoice("RCO-0002", CPO) is None
        assert await work.settlement.invoices("emsp") == (invoice(),)
        assert await work.settlement.invoices() == (invoice(), theirs)
        with pytest.raises(AlreadyExists):
            await work.settlement.save_invoice(invoice(gross="5.96"), "emsp", issued=True)


async def test_two_writers_of_one_invoice_number(store: Store) -> None:
    async def save(gross: str) -> bool:
        try:
            async with store.transaction() as work:
                await work.settlement.save_invoice(invoice(gross=gross), "emsp", issued=True)
        except AlreadyExists:
            return False
        return True

    saved = await asyncio.gather(*(save(gross) for gross in ("5.95", "5.96", "5.97")))
    assert sum(saved) == 1


async def test_files_are_sealed(store: Store) -> None:
    async with store.transaction() as work:
        for _ in range(2):
            await work.settlement.save_file("RCO-0001", "invoice.pdf", "application/pdf", b"%PDF")
        await work.settlement.save_file("RCO-0001", "annex.csv", "text/csv", b"")
        files = await work.settlement.files("RCO-0001")
        assert [(file.name, file.media_type, file.content) for file in files] == [
            ("annex.csv", "text/csv", b""),
            ("invoice.pdf", "application/pdf", b"%PDF"),
        ]
        with pytest.raises(AlreadyExists):
            await work.settlement.save_file("RCO-0001", "invoice.pdf", "application/pdf", b"%PDF-2")


async def test_an_entry_is_posted_once(store: Store) -> None:
    async def post() -> bool:
        async with store.transaction() as work:
            return await work.ledger.post(entry())

    assert sum(await asyncio.gather(*(post() for _ in range(5)))) == 1
    async with store.transaction() as work:
        await work.ledger.post(entry("invoice/2", 100, -60, -40))
        assert await work.ledger.entries() == (entry(), entry("invoice/2", 100, -60, -40))
        assert await work.ledger.balances() == {
            ("account 0", "EUR"): 695,
            ("account 1", "EUR"): -655,
            ("account 2", "EUR"): -40,
        }
        with pytest.raises(AlreadyExists):
            await work.ledger.post(entry("invoice/1", 1, -1))
        with pytest.raises(AlreadyExists):
            await work.ledger.post(entry().model_copy(update={"at": entry().at + timedelta(days=1)}))


async def test_what_does_not_balance_is_not_posted(store: Store) -> None:
    async with store.transaction() as work:
        with pytest.raises(Unbalanced):
            await work.ledger.post(entry("k", 100, -99))
    async with store.transaction() as work:
        assert await work.ledger.entries() == ()


ENTRY = (
    "INSERT INTO ledger_entry (key, event, at, text, legs, sha256) "
    "VALUES ('raw', '', now(), '', 2, '') RETURNING number"
)
POSTING = "INSERT INTO ledger_posting VALUES (:entry, :position, 'a', :currency, :amount)"


@pytest.mark.parametrize(
    ("legs", "complaint"),
    [
        ([("EUR", 100), ("EUR", -99)], "does not balance"),
        ([("EUR", 100), ("CHF", -100)], "does not balance"),
        ([("EUR", 0)], "has 1 postings instead of 2"),
        ([], "has 0 postings instead of 2"),
        ([("EUR", 1), ("EUR", -1), ("EUR", 0)], "has 3 postings instead of 2"),
    ],
)
async def test_the_database_itself_refuses_what_does_not_balance(
    store: Store, legs: list[tuple[str, int]], complaint: str
) -> None:
    async def write() -> None:
        async with store._begin() as connection:
            number = (await connection.execute(text(ENTRY))).scalar_one()
            for position, (currency, amount) in enumerate(legs):
                values = {"entry": number, "position": position, "currency": currency, "amount": amount}
                await connection.execute(text(POSTING), values)

    with pytest.raises(DBAPIError, match=complaint):
        await write()


async def test_no_leg_can_be_added_to_an_entry_later(store: Store) -> None:
    async with store.transaction() as work:
        await work.ledger.post(entry())

    async def add() -> None:
        async with store._begin() as connection:
            number = (await connection.execute(text("SELECT number FROM ledger_entry"))).scalar_one()
            values = {"entry": number, "position": 7, "currency": "EUR", "amount": 0}
            await connection.execute(text(POSTING), values)

    with pytest.raises(DBAPIError, match="3 postings instead of 2"):
        await add()
