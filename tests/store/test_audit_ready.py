"""The audit-ready CDR as the database keeps it: what finance can query, and what nobody can change or do twice."""

from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from canonical.cdr import CdrDossier, CostComponent, CostLine, MeterLink
from canonical.model import Finding
from canonical.money import Price, TaxLine
from canonical.store import AddOutcome, BilledTwice, CdrEmission, CdrReceipt, Store
from settlement.cdr_generator import credit
from tests.store.samples import at, cdr, dossier, of

BEGIN, END = "ab" * 32, "cd" * 32


def detailed() -> CdrDossier:
    """Two energy lines, each with two taxes, and a parking line; the meter proves the energy."""
    line = dossier().lines[0]
    taxed = line.model_copy(
        update={
            "taxes": (
                TaxLine(name="VAT", percentage=Decimal(19), amount=Decimal("0.95")),
                TaxLine(name="Stromsteuer", account_number="DE-1", amount=Decimal("0.21")),
            ),
            "tax": Decimal("1.16"),
            "gross": Decimal("6.16"),
        }
    )
    parked = line.model_copy(update={"component": CostComponent.PARKING, "unit": "h"})
    proof = MeterLink(
        lines=(0, 1),
        begin_sha256=BEGIN,
        end_sha256=END,
        begin_kwh=Decimal("100.5"),
        end_kwh=Decimal("110.5"),
        verdict="valid-lenient",
        verdict_reason="the integers of the signature are not written as DER has them",
    )
    return dossier().model_copy(update={"lines": (taxed, taxed, parked), "meter": proof})


async def add(store: Store, record: CdrDossier, connection_id: str = "emsp") -> AddOutcome:
    async with store.transaction() as work:
        return await work.cdrs.add(record, connection_id=connection_id, ours=True, evidence_id=None)


async def rows(store: Store, query: str) -> list[tuple[object, ...]]:
    async with store._begin() as connection:
        return [tuple(row) for row in await connection.execute(text(query))]


async def test_per_component_prices(store: Store) -> None:
    await add(store, detailed())
    lines = await rows(store, "SELECT component, net, tax, gross FROM cdr_line ORDER BY position")
    assert [line[0] for line in lines] == ["ENERGY", "ENERGY", "PARKING"]
    assert lines[0][1:] == (Decimal("5.00"), Decimal("1.16"), Decimal("6.16"))
    taxes = await rows(
        store, "SELECT line, position, name, account_number, percent, amount FROM cdr_tax ORDER BY line, position"
    )
    assert taxes == [
        (line, position, *tax)
        for line in (0, 1)
        for position, tax in enumerate(
            [("VAT", None, Decimal(19), Decimal("0.95")), ("Stromsteuer", "DE-1", None, Decimal("0.21"))]
        )
    ]
    async with store.transaction() as work:
        kept = await work.cdrs.get(of("C1"), ours=True)
    assert kept is not None
    assert kept.dossier == detailed()


async def test_calibration_law_references(store: Store) -> None:
    await add(store, detailed())
    query = (
        "SELECT component, begin_sha256, end_sha256, begin_kwh, end_kwh, verdict, verdict_reason "
        "FROM cdr_line JOIN cdr_meter_link link ON link.cdr_number = cdr_line.cdr_number AND link.line = position"
    )
    proved = await rows(store, query)
    reason = "the integers of the signature are not written as DER has them"
    assert proved == [("ENERGY", BEGIN, END, Decimal("100.5"), Decimal("110.5"), "valid-lenient", reason)] * 2
    for change in ("UPDATE cdr_meter_link SET end_kwh = 200", "DELETE FROM cdr_meter_link", "TRUNCATE cdr_meter_link"):
        with pytest.raises(DBAPIError, match="append-only"):
            await rows(store, change)
    orphan = "INSERT INTO cdr_meter_link SELECT cdr_number, 9, 'a', 'b', 0, 1, 'valid', NULL FROM cdr_line LIMIT 1"
    with pytest.raises(DBAPIError, match="violates foreign key"):
        await rows(store, orphan)


async def test_tariff_provenance(store: Store) -> None:
    """Each line names an immutable content of a tariff, which the versions of tariffs are found by."""
    line: CostLine = dossier().lines[0]
    assert line.source is not None
    await add(store, dossier())
    ((key, digest, element, component),) = await rows(
        store, "SELECT tariff_key, tariff_sha256, tariff_element, tariff_component FROM cdr_line"
    )
    assert (key, digest, element, component) == ("DE*RCO/T1", line.source.tariff.sha256, 0, 0)


async def test_partner_version_provenance(store: Store) -> None:
    await add(store, dossier())
    noted = Finding(code="cdr.zero_session", message="no energy was delivered")
    lost = Finding(code="loss.lost", message="the version has no word for it", where="signed_data", expected="{}")
    sent = CdrEmission("ocpi-2.1.1/standard", "2.1.1", "ef" * 32, "ACCEPTED_WITH_FINDINGS", (noted,), (lost,), at(1))
    again = CdrEmission("ocpi-2.2.1/standard", "2.2.1", "ef" * 32, "ACCEPTED", (), (), at(3))
    refused = CdrReceipt(400, None, None, None, "REFUSED", (noted,), proved=False, at=at(2))
    async with store.transaction() as work:
        for emission in (sent, sent, again):
            await work.cdr_deliveries.add_emission(of("C1"), "emsp", emission)
        await work.cdr_deliveries.add_receipt(of("C1"), "emsp", refused)
        assert await work.cdr_deliveries.emissions(of("C1"), "emsp") == (sent, again)
        assert await work.cdr_deliveries.receipts(of("C1"), "emsp") == (refused,)


async def test_reconciliation_handles(store: Store) -> None:
    """One key bills once, whatever id the CDR has and whoever it is for; the operator's own key finds the CDR."""
    keyed = dossier()
    keyed = keyed.model_copy(update={"handles": keyed.handles.model_copy(update={"billing_record": "2026/4711"})})
    assert await add(store, keyed) is AddOutcome.ADDED
    assert await add(store, keyed) is AddOutcome.SAME
    second = keyed.model_copy(update={"cdr": cdr("C2")})
    for connection_id in ("emsp", "other"):
        with pytest.raises(BilledTwice):
            await add(store, second, connection_id)
    found = await rows(store, "SELECT key, session_key, idempotency_key FROM cdr WHERE billing_record = '2026/4711'")
    assert found == [("DE*RCO/C1", "S1", keyed.handles.idempotency_key)]
    assert await rows(store, "SELECT count(*) FROM cdr_line") == [(1,)]


async def test_a_cdr_has_one_credit_whatever_its_id(store: Store) -> None:
    await add(store, dossier())
    first, second = credit(dossier(), at(90), "C1-C"), credit(dossier(), at(91), "C1-D")
    second = second.model_copy(update={"handles": second.handles.model_copy(update={"idempotency_key": "other"})})
    assert await add(store, first) is AddOutcome.ADDED
    with pytest.raises(BilledTwice):
        await add(store, second)


async def test_a_credit_is_of_the_month_in_which_it_was_made(store: Store) -> None:
    await add(store, dossier())
    month = 60 * 24 * 30
    await add(store, credit(dossier(), at(2 * month), "C1-C"))
    async with store.transaction() as work:
        first = await work.cdrs.between("emsp", ours=True, since=at(0), until=at(month))
        later = await work.cdrs.between("emsp", ours=True, since=at(2 * month), until=at(3 * month))
        everything = await work.cdrs.between("emsp", ours=True, since=at(0), until=at(3 * month))
    assert [stored.dossier.cdr.id for stored in first] == ["C1"]
    assert [stored.dossier.cdr.id for stored in later] == ["C1-C"]
    assert [stored.dossier.cdr.total_cost for stored in everything] == [
        Price(currency="EUR", before_tax=Decimal("5.00")),
        Price(currency="EUR", before_tax=Decimal("-5.00")),
    ]


async def test_what_no_partner_has_answered_is_found(store: Store) -> None:
    await add(store, dossier())
    await add(store, credit(dossier(), at(90), "C1-C"))
    later = at(60 * 24 * 365 * 50)
    async with store.transaction() as work:
        assert await work.undelivered.due(later) == ((of("C1"), "emsp"), (of("C1-C"), "emsp"))
        assert await work.undelivered.due(at(0)) == ()
        await work.undelivered.end(of("C1"), "emsp")
        assert await work.undelivered.due(later) == ((of("C1-C"), "emsp"),)
