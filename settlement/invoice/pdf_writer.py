"""The invoice for people: one A4 document, the same bytes for the same invoice."""

import unicodedata
from collections.abc import Sequence
from decimal import Decimal

from fpdf import FPDF
from fpdf.enums import TableBordersLayout
from fpdf.fonts import FontFace

from canonical.cdr import CostComponent
from canonical.model import Finding
from canonical.settlement import Invoice, ReconciledItem
from settlement.validation import COMPONENT_CODES

_FONT = "Helvetica"
_INK = (28, 35, 48)
_QUIET = (108, 117, 132)
_RULE = (205, 211, 220)
_TINT = (241, 244, 248)
_ACCENT = (18, 96, 122)
_WIDTH = 174
_LINE = 6

_NAMES = {
    CostComponent.ENERGY: "Energy",
    CostComponent.TIME: "Charging time",
    CostComponent.PARKING: "Parking time",
    CostComponent.IDLE: "Idle time",
    CostComponent.RESERVATION: "Reservation",
    CostComponent.FLAT: "Session fee",
    CostComponent.DISCOUNT: "Discount",
    CostComponent.LIMIT: "Price limits",
}
_UNITS = {"1": "x"}


def write(invoice: Invoice) -> bytes:
    """The PDF. Times are UTC; amounts are in the invoice's currency."""
    page = _Page(invoice)
    page.head()
    page.lines()
    page.vat()
    page.totals()
    page.left_out()
    page.annex()
    return bytes(page.output())


class _Page(FPDF):
    def __init__(self, invoice: Invoice) -> None:
        super().__init__(format="A4")
        self._invoice = invoice
        self.set_margins(18, 18)
        self.set_auto_page_break(True, margin=22)
        # Everything that a PDF would else take from the clock or the machine.
        self.set_creation_date(invoice.issued_at)
        self.set_producer("Roamwork")
        self.set_title(_latin(f"Invoice {invoice.number}"))
        self.set_author(_latin(invoice.issuer_name))
        self.set_lang("en")
        self.add_page()

    def footer(self) -> None:
        self.set_y(-15)
        self._style(8, _QUIET)
        invoice = self._invoice
        self.cell(_WIDTH // 2, 5, _latin(f"{invoice.issuer_name} · Invoice {invoice.number} · {invoice.month}"))
        self.cell(_WIDTH // 2, 5, f"Page {self.page_no()}", align="R")

    def head(self) -> None:
        invoice = self._invoice
        self.set_fill_color(*_ACCENT)
        self.rect(0, 0, 210, 4, style="F")
        self._style(22, _INK, "B")
        self.cell(_WIDTH, 12, "Invoice", new_x="LMARGIN", new_y="NEXT")
        self._style(10, _QUIET)
        self.cell(_WIDTH, 6, "Charging services in roaming", new_x="LMARGIN", new_y="NEXT")
        top = 44
        self._block(18, top, "From", invoice.issuer_name, invoice.issuer.key)
        self._block(78, top, "To", invoice.recipient_name, invoice.recipient.key)
        facts = (
            ("Number", invoice.number),
            ("Date", f"{invoice.issued_at:%Y-%m-%d}"),
            ("Month", invoice.month),
            ("Statement", invoice.statement_id),
            ("Currency", invoice.currency),
        )
        for row, (name, value) in enumerate(facts):
            self.set_xy(128, top + row * _LINE)
            self._style(9, _QUIET)
            self.cell(18, _LINE, name)
            self._style(9, _INK)
            self.cell(46, _LINE, _fit(self, value, 46), align="R")
        self.set_xy(18, top + len(facts) * _LINE + 8)

    def lines(self) -> None:
        rows = [
            (
                _NAMES[line.component],
                f"{_number(round(line.quantity, 4))} {_UNITS.get(line.unit, line.unit)}",
                f"{_percent(line.vat_percent)}",
                _money(line.net),
            )
            for line in self._invoice.lines
        ]
        self._section(f"Services of {self._invoice.month} ({len(self._invoice.items)} charge detail records)")
        self._table(("Component", "Quantity", "VAT", "Net"), rows, (74, 40, 24, 36))

    def vat(self) -> None:
        rows = [
            (
                f"{_percent(group.percent)}  (category {group.category})",
                _money(group.base),
                _money(group.vat),
            )
            for group in self._invoice.vat_groups
        ]
        self._section("VAT")
        self._table(("Rate", "Base", "VAT"), rows, (98, 40, 36))
        if self._invoice.vat_note:
            self._style(9, _INK)
            self.multi_cell(_WIDTH, 5, _latin(self._invoice.vat_note), new_x="LMARGIN", new_y="NEXT")
            self.ln(2)

    def totals(self) -> None:
        invoice = self._invoice
        self.ln(2)
        for name, amount in (("Net", invoice.net), ("VAT", invoice.vat)):
            self._style(10, _INK)
            self._total(name, f"{_money(amount)} {invoice.currency}")
        self._style(12, _INK, "B")
        self.set_fill_color(*_TINT)
        self._total("Total due", f"{_money(invoice.gross)} {invoice.currency}", fill=True, height=9)
        stated = sum((item.vat for item in invoice.items), Decimal(0))
        charged = any(group.category in ("S", "Z") for group in invoice.vat_groups)
        if charged and stated != invoice.vat:
            self._style(8, _QUIET)
            text = f"VAT is computed once per rate; the charge detail records state {_money(stated)} in sum."
            self.cell(_WIDTH, 6, text, align="R", new_x="LMARGIN", new_y="NEXT")
        self.ln(4)

    def left_out(self) -> None:
        if not self._invoice.left_out:
            return
        self._section("Not on this invoice")
        rows = [
            (item.cdr.key, item.outcome.value.lower().replace("_", " "), _reason(item))
            for item in self._invoice.left_out
        ]
        self._table(("CDR", "Outcome", "Reason"), rows, (58, 26, 90), last_right=False)

    def annex(self) -> None:
        self._section("Annex: charge detail records")
        rows = [
            (
                item.cdr.id,
                f"{item.end:%Y-%m-%d %H:%M}",
                _number(item.energy_kwh),
                _money(item.net),
                _money(item.gross),
            )
            for item in self._invoice.items
        ]
        self._table(("CDR", "End (UTC)", "kWh", "Net", "Gross as stated"), rows, (72, 32, 20, 24, 26))

    def _block(self, x: int, y: int, title: str, name: str, party: str) -> None:
        self.set_xy(x, y)
        self._style(9, _QUIET)
        self.cell(56, _LINE, title)
        self.set_xy(x, y + _LINE)
        self._style(11, _INK, "B")
        self.multi_cell(54, _LINE, _latin(name), align="L", new_x="LEFT", new_y="NEXT")
        self._style(9, _INK)
        self.cell(54, _LINE, party)

    def _section(self, title: str) -> None:
        if self.will_page_break(24):
            self.add_page()
        self.ln(2)
        self._style(11, _ACCENT, "B")
        self.cell(_WIDTH, 7, _latin(title), new_x="LMARGIN", new_y="NEXT")

    def _table(
        self,
        header: tuple[str, ...],
        rows: Sequence[tuple[str, ...]],
        widths: tuple[int, ...],
        *,
        last_right: bool = True,
    ) -> None:
        self._style(9, _INK)
        self.set_draw_color(*_RULE)
        self.set_fill_color(255)
        numeric = "RIGHT" if last_right else "LEFT"
        with self.table(
            col_widths=widths,
            text_align=("LEFT", *[numeric] * (len(widths) - 1)),
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            headings_style=FontFace(emphasis="BOLD", color=_QUIET, fill_color=_TINT),
            line_height=_LINE,
            padding=(0, 1),
        ) as table:
            for cells in (header, *rows):
                row = table.row()
                for cell in cells:
                    row.cell(_latin(cell))
        self.ln(2)

    def _total(self, name: str, amount: str, *, fill: bool = False, height: int = 7) -> None:
        self.set_x(104)
        self.cell(36, height, f" {name}", fill=fill)
        self.cell(52, height, f"{amount} ", align="R", fill=fill, new_x="LMARGIN", new_y="NEXT")

    def _style(self, size: int, color: tuple[int, int, int], emphasis: str = "") -> None:
        self.set_font(_FONT, emphasis, size)
        self.set_text_color(*color)


def _reason(item: ReconciledItem) -> str:
    """The causes where there are any, without the sums that differ because of them."""
    blocking = [finding for finding in item.findings if finding.blocks]
    causes = [finding for finding in blocking if finding.code in COMPONENT_CODES]
    return "; ".join(_words(finding) for finding in causes or blocking or item.findings) or "no reason was given"


def _words(finding: Finding) -> str:
    if finding.expected is None or finding.stated is None:
        return finding.message
    name = finding.code.removeprefix("cdr.").removesuffix("_differs").replace("_", " ")
    return f"{name}: expected {finding.expected}, stated {finding.stated}"


def _latin(text: str) -> str:
    """What the built-in fonts can show: other letters lose their accents, or become a question mark."""
    shown = []
    for char in text:
        try:
            char.encode("cp1252")
            shown.append(char)
        except UnicodeEncodeError:
            plain = unicodedata.normalize("NFKD", char).encode("ascii", "ignore").decode()
            shown.append(plain or "?")
    return "".join(shown).encode("latin-1", "replace").decode("latin-1")


def _fit(page: FPDF, text: str, width: int) -> str:
    shown = _latin(text)
    while page.get_string_width(shown) > width - 1 and len(shown) > 1:
        shown = shown[:-1]
    return shown if shown == _latin(text) else f"{shown[:-3]}..."


def _money(amount: Decimal) -> str:
    return f"{amount:,f}"


def _number(number: Decimal) -> str:
    text = f"{number:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _percent(rate: Decimal) -> str:
    return f"{_number(rate)} %"
