"""Money: what the generator reckons, what was billed, claimed, invoiced and booked, on either side, to the cent."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from typing import Final

from canonical.settlement import Invoice, Statement
from deploy.chaos.checks.cdrs import HeldCdr
from deploy.chaos.checks.opened import Books
from deploy.chaos.checks.reckoning import reckoned
from deploy.chaos.evidence import Told, ToldSession, ToldSettlement, Violation

_MINOR: Final = 100
"""Minor units in one of the currencies that the generator uses."""


@dataclass(frozen=True)
class Postings:
    """One entry of the ledger: its key, and by currency what its postings sum up to."""

    key: str
    event: str
    off_by: Mapping[str, int]


@dataclass(frozen=True)
class Papers:
    """What one side keeps of settlements. `balances` are in minor units, by account and currency."""

    statements: tuple[Statement, ...]
    invoices: tuple[Invoice, ...]
    entries: tuple[Postings, ...]
    balances: Mapping[tuple[str, str], int]


async def read(books: Books) -> Papers:
    statements = await books.sql.fetch("SELECT document FROM statement ORDER BY number")
    invoices = await books.sql.fetch("SELECT document FROM invoice ORDER BY number")
    entries = await books.sql.fetch(
        "SELECT e.key, e.event, p.currency, sum(p.amount_minor)::bigint AS off_by FROM ledger_entry e"
        " LEFT JOIN ledger_posting p ON p.entry_number = e.number GROUP BY e.number, p.currency ORDER BY e.number"
    )
    sums = defaultdict[tuple[str, str], dict[str, int]](dict)
    for row in entries:
        sums[row["key"], row["event"]][row["currency"] or "?"] = row["off_by"] or 0
    balances = await books.sql.fetch(
        "SELECT account, currency, sum(amount_minor)::bigint AS balance FROM ledger_posting GROUP BY 1, 2"
    )
    return Papers(
        statements=tuple(Statement.model_validate_json(row["document"]) for row in statements),
        invoices=tuple(Invoice.model_validate_json(row["document"]) for row in invoices),
        entries=tuple(Postings(key, event, off_by) for (key, event), off_by in sums.items()),
        balances={(row["account"], row["currency"]): row["balance"] for row in balances},
    )


def billed(
    told: Mapping[str, ToldSession], at_cpo: Sequence[HeldCdr], at_emsp: Sequence[HeldCdr]
) -> Iterator[Violation]:
    """Each CDR, and the sums by currency, against the generator's own arithmetic and against each other.

    All that the generator has billed is in one currency.
    """
    owed = {key: reckoned(each) for key, each in told.items() if each.told is Told.STOPPED and each.script.bills}
    issued = [each for each in at_cpo if each.ours]
    for cdr in issued:
        wanted = owed.get(cdr.session_key)
        if wanted is not None and cdr.credit_of is None and (cdr.net, cdr.gross) != wanted:
            words = f"expected {_both(*wanted)}, found {_both(cdr.net, cdr.gross)} {cdr.currency}"
            yield Violation("money is what was metered", f"cpo CDR {cdr.key}", words)
    ours, theirs = _sums(issued), _sums([each for each in at_emsp if not each.ours])
    if ours != theirs:
        words = f"CDRs sum up to {_amounts(ours)} at the operator, and to {_amounts(theirs)} at the provider"
        yield Violation("money sums agree", "both CDRs", words)
    taken_back = {each.session_key for each in issued if each.credit_of is not None}
    reckons = sum((net for key, (net, _) in owed.items() if key not in taken_back), Decimal(0))
    if reckons != sum(ours.values(), Decimal(0)):
        words = f"the generator reckons {reckons} before tax, and the operator's CDRs sum up to {_amounts(ours)}"
        yield Violation("money sums agree", "cpo CDRs", words)


def claimed(
    told: Mapping[str, ToldSession],
    settlements: Sequence[ToldSettlement],
    statements: Sequence[Statement],
    at_cpo: Sequence[HeldCdr],
) -> Iterator[Violation]:
    """Each CDR of a month that was settled is on its statement: the generator settles a month when all are there."""
    on = {each.id: {item.cdr.key for item in each.items} for each in statements}
    for cycle in settlements:
        if cycle.statement_id not in on:
            continue
        for cdr in at_cpo:
            session = told.get(cdr.session_key)
            of_month = session is not None and f"{session.end:%Y-%m}" == cycle.month and cdr.credit_of is None
            if of_month and cdr.key not in on[cycle.statement_id]:
                words = f"it is of {cycle.month}, and statement {cycle.statement_id} does not claim it"
                yield Violation("no cent is unclaimed", f"cpo CDR {cdr.key}", words)


def settled(
    settlements: Sequence[ToldSettlement], cpo: Papers, emsp: Papers, at_cpo: Sequence[HeldCdr]
) -> Iterator[Violation]:
    """What was claimed and invoiced is what was billed, and stands alike in both books."""
    yield from _as_told(settlements, cpo, emsp)
    for one, other in _pairs(cpo.statements, emsp.statements):
        yield from _same_paper("statement", one, other)
    for bill, copy in _pairs(cpo.invoices, emsp.invoices):
        yield from _same_paper("invoice", bill, copy)
    nets = {each.key: (each.net, each.currency) for each in at_cpo if each.ours}
    times_claimed = Counter(item.cdr.key for statement in cpo.statements for item in statement.items)
    for key, times in times_claimed.items():
        if times > 1:
            yield Violation("no cent is claimed twice", f"cpo CDR {key}", f"it is on {times} statements")
    for statement in cpo.statements:
        for item in statement.items:
            if nets.get(item.cdr.key) != (item.net, statement.currency):
                words = f"claims {item.net} {statement.currency} for {item.cdr.key}, billed {nets.get(item.cdr.key)}"
                yield Violation("claims are what was billed", f"cpo statement {statement.id}", words)
    yield from _invoices(cpo)
    yield from chain(_ledger("cpo", cpo), _ledger("emsp", emsp))
    yield from _owed(cpo, emsp)


def _as_told(settlements: Sequence[ToldSettlement], cpo: Papers, emsp: Papers) -> Iterator[Violation]:
    statements = {each.id for each in cpo.statements}
    ours, theirs = {each.number for each in cpo.invoices}, {each.number for each in emsp.invoices}
    for told in settlements:
        about = f"settlement of {told.month}"
        if told.statement_id is not None and told.statement_id not in statements:
            words = f"statement {told.statement_id} was answered, and is not there"
            yield Violation("no paper is lost", f"cpo {about}", words)
        for number in told.invoices:
            for side, held in (("cpo", ours), ("emsp", theirs)):
                if number not in held:
                    words = f"invoice {number} was answered, and is not there"
                    yield Violation("no paper is lost", f"{side} {about}", words)
    invoiced = Counter(invoice.statement_id for invoice in cpo.invoices)
    for statement_id, times in invoiced.items():
        if times > 1:
            words = f"{times} invoices were issued for it"
            yield Violation("no cent is claimed twice", f"cpo statement {statement_id}", words)


def _pairs(
    ours: Sequence[Statement | Invoice], theirs: Sequence[Statement | Invoice]
) -> Iterator[tuple[Statement | Invoice, Statement | Invoice]]:
    """Papers that both sides have, by their names."""
    held = {_name(each): each for each in theirs}
    return ((each, held[_name(each)]) for each in ours if _name(each) in held)


def _same_paper(what: str, ours: Statement | Invoice, theirs: Statement | Invoice) -> Iterator[Violation]:
    if ours != theirs:
        different = [field for field in type(ours).model_fields if getattr(ours, field) != getattr(theirs, field)]
        words = f"differs from the operator's in {', '.join(different)}"
        yield Violation("both sides hold the same papers", f"emsp {what} {_name(ours)}", words)


def _invoices(cpo: Papers) -> Iterator[Violation]:
    statements = {each.id: each for each in cpo.statements}
    for invoice in cpo.invoices:
        about, statement = f"cpo invoice {invoice.number}", statements.get(invoice.statement_id)
        if statement is None:
            yield Violation("invoices are what was claimed", about, f"there is no statement {invoice.statement_id}")
            continue
        left_out = {item.cdr.key for item in invoice.left_out}
        agreed = sum((item.net for item in statement.items if item.cdr.key not in left_out), Decimal(0))
        if (invoice.net, invoice.gross) != (agreed, invoice.net + invoice.vat):
            words = f"asks for {invoice.net} + {invoice.vat} = {invoice.gross}, and {agreed} was claimed and agreed"
            yield Violation("invoices are what was claimed", about, words)
        posted = [each for each in cpo.entries if each.key.endswith(f"/{invoice.number}")]
        if len(posted) != (1 if invoice.gross else 0):
            yield Violation("the ledger balances", about, f"it is booked {len(posted)} times")


def _ledger(side: str, papers: Papers) -> Iterator[Violation]:
    for entry in papers.entries:
        off = {currency: amount for currency, amount in entry.off_by.items() if amount or currency == "?"}
        if off:
            words = f"its postings sum up to {off} and not to zero"
            yield Violation("the ledger balances", f"{side} ledger entry {entry.key}", words)


def _owed(cpo: Papers, emsp: Papers) -> Iterator[Violation]:
    """What the operator has to get, and the provider has to pay, by currency, as far as both have booked it."""
    booked = {each.number for each in emsp.invoices}
    unseen = [each for each in cpo.invoices if each.number not in booked]
    receivable, payable = _balance(cpo, "receivable/"), _balance(emsp, "payable/")
    for invoice in unseen:
        receivable[invoice.currency] -= int(invoice.gross * _MINOR)
    for currency in receivable.keys() | payable.keys():
        if receivable[currency] != -payable[currency]:
            words = f"receivable {receivable[currency]}, payable {payable[currency]} in minor units of {currency}"
            yield Violation("money sums agree", "both ledgers", words)


def _balance(papers: Papers, account: str) -> Counter[str]:
    found = Counter[str]()
    for (name, currency), balance in papers.balances.items():
        if name.startswith(account):
            found[currency] += balance
    return found


def _sums(cdrs: Sequence[HeldCdr]) -> dict[str, Decimal]:
    found = defaultdict[str, Decimal](Decimal)
    for each in cdrs:
        found[each.currency] += each.net
    return dict(found)


def _both(net: Decimal, gross: Decimal | None) -> str:
    return f"{net} before tax and {gross} with it"


def _amounts(sums: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{amount} {currency}" for currency, amount in sorted(sums.items())) or "nothing"


def _name(paper: Statement | Invoice) -> str:
    return paper.number if isinstance(paper, Invoice) else paper.id
