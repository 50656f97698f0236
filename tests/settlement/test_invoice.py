import csv
import io
import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from canonical.model import Finding
from canonical.settlement import Invoice, ItemOutcome, ReconciledItem, Statement
from settlement.invoice import csv_writer, json_writer, pdf_writer
from settlement.invoice.compose import Uninvoiceable, compose
from settlement.ledger import issued, received, vat_rounding
from settlement.vat import VatTreatment
from tests.settlement.build import NOON, charged, component, dossier, element, tariff
from tests.settlement.test_reconciliation import MARCH, claim

LEFT_OUT = ReconciledItem(
    cdr=MARCH[2].cdr.object_id,
    outcome=ItemOutcome.DISPUTED,
    findings=(Finding(code="cdr.parking_cost_differs", message="parking cost: expected 3.00, the statement has 8.00"),),
)


def bill(
    claimed: Statement | None = None,
    left_out: tuple[ReconciledItem, ...] = (),
    treatment: VatTreatment = VatTreatment.STANDARD,
    dossiers=MARCH,
) -> Invoice:
    return compose(
        claimed or claim(dossiers),
        left_out=left_out,
        number="RCO-2026-0001",
        issued_at=NOON,
        issuer_name="Rhein Charge Operator GmbH",
        recipient_name="Łódź E-Mobilité B.V.",
        treatment=treatment,
        dossiers=dossiers,
    )


def test_lines_items_and_groups_tell_one_sum():
    invoice = bill()
    assert invoice.net == sum(line.net for line in invoice.lines) == sum(item.net for item in invoice.items)
    assert invoice.net == sum(group.base for group in invoice.vat_groups)
    assert invoice.gross == invoice.net + invoice.vat


def test_what_is_disputed_is_left_out_and_named():
    invoice = bill(left_out=(LEFT_OUT,))
    assert MARCH[2].cdr.object_id not in {item.cdr for item in invoice.items}
    assert invoice.left_out == (LEFT_OUT,)
    assert invoice.net == bill().net - MARCH[2].cdr.total_cost.before_tax


def test_reverse_charge_has_no_vat_and_says_so():
    invoice = bill(treatment=VatTreatment.REVERSE_CHARGE)
    assert (invoice.vat, invoice.gross) == (0, invoice.net)
    assert [(g.category, g.percent) for g in invoice.vat_groups] == [("AE", 0)]
    assert invoice.vat_note
    assert vat_rounding(invoice) == 0


def test_vat_is_computed_once_and_its_rounding_is_posted_apart():
    # Ten times 0.03 at 19 %: each CDR states 0.01, the invoice charges 0.06.
    cents = tariff(element(component("FLAT", "0.03")))
    ten = [dossier(number, priced_by=cents) for number in range(10)]
    invoice = bill(dossiers=ten)
    assert (invoice.net, invoice.vat) == (Decimal("0.30"), Decimal("0.06"))
    assert vat_rounding(invoice) == Decimal("-0.04")
    postings = {p.account: p.amount_minor for p in issued(invoice).postings}
    assert postings == {
        "receivable/NL*EMS": 36,
        "revenue/flat": -30,
        "vat-payable": -10,
        "vat-payable/rounding": 4,
    }


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 90)), min_size=1, max_size=5),
    st.sampled_from(VatTreatment),
)
def test_every_entry_balances(sessions: list[tuple[int, int]], treatment: VatTreatment):
    two_rates = tariff(
        element(component("FLAT", "0.33", "7"), component("ENERGY", "0.417"), component("PARKING_TIME", "5.5"))
    )
    dossiers = [
        dossier(number, charged(idle, f"{kwh}.123"), priced_by=two_rates) for number, (idle, kwh) in enumerate(sessions)
    ]
    invoice = bill(dossiers=dossiers, treatment=treatment)
    assert sum(line.net for line in invoice.lines) == sum(item.net for item in invoice.items)
    for entry in (issued(invoice), received(invoice)):
        assert sum(posting.amount_minor for posting in entry.postings) == 0
    claims = [p.amount_minor for p in issued(invoice).postings if p.account.startswith("receivable")]
    assert claims == [int(invoice.gross * 100)]
    assert -claims[0] in [p.amount_minor for p in received(invoice).postings]


def test_an_unknown_rate_is_not_invoiced_with_vat():
    unknown = [dossier(1, priced_by=tariff(element(component("ENERGY", "0.40", None))))]
    with pytest.raises(Uninvoiceable, match="VAT rate"):
        bill(dossiers=unknown)
    assert bill(dossiers=unknown, treatment=VatTreatment.REVERSE_CHARGE).gross == 8


def test_a_statement_that_does_not_fit_the_records_is_not_invoiced():
    claimed = claim()
    wrong = claimed.items[0].model_copy(update={"net": Decimal(99)})
    with pytest.raises(Uninvoiceable) as refused:
        bill(claimed.model_copy(update={"items": (wrong, *claimed.items[1:])}))
    assert [f.code for f in refused.value.findings] == ["invoice.item_differs"]
    with pytest.raises(Uninvoiceable, match="not held"):
        compose(
            claimed,
            left_out=(),
            number="1",
            issued_at=NOON,
            issuer_name="a",
            recipient_name="b",
            treatment=VatTreatment.STANDARD,
            dossiers=(),
        )


class TestWriters:
    def test_the_same_invoice_gives_the_same_bytes(self):
        invoice = bill(left_out=(LEFT_OUT,))
        again = Invoice.model_validate_json(json_writer.write(invoice))
        for writer in (pdf_writer, json_writer, csv_writer):
            assert writer.write(invoice) == writer.write(again)

    def test_pdf_tells_people_everything(self):
        content = pdf_writer.write(bill(left_out=(LEFT_OUT,)))
        text = "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
        for wanted in (
            "RCO-2026-0001",
            "Rhein Charge Operator GmbH",
            "2026-03",
            "19 %",
            "Idle time",
            "expected 3.00, the statement has 8.00",
            f"{bill(left_out=(LEFT_OUT,)).gross} EUR",
        ):
            assert wanted in text

    def test_pdf_of_many_records_has_many_pages(self):
        invoice = bill()
        many = invoice.model_copy(update={"items": invoice.items * 30})
        assert len(PdfReader(io.BytesIO(pdf_writer.write(many))).pages) > 2

    def test_csv_has_a_row_a_record(self):
        rows = list(csv.DictReader(io.StringIO(csv_writer.write(bill()).decode())))
        assert len(rows) == len(MARCH)
        assert sum(Decimal(row["net"]) for row in rows) == bill().net
        assert rows[0]["idle_net"] == "1.00"

    def test_csv_holds_no_formula(self):
        invoice = bill()
        evil = invoice.items[0].model_copy(update={"session_id": "=1+1"})
        rows = csv_writer.write(invoice.model_copy(update={"items": (evil,)})).decode()
        assert ",'=1+1," in rows

    def test_json_keeps_every_digit(self):
        document = json.loads(json_writer.write(bill()))
        assert document["net"] == f"{bill().net}"
