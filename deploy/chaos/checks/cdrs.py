"""CDRs: one a billed session, with its credits, issued once, accepted once, alike on both sides and proved."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from canonical.cdr import CdrDossier
from canonical.identity import ObjectId, PartyId
from canonical.model import fold
from canonical.store import CdrState
from deploy.chaos.checks.opened import Books
from deploy.chaos.checks.sessions import key_of
from deploy.chaos.evidence import Script, Told, ToldSession, Violation
from settlement.statement import cdr_sha256

_ROWS = """
SELECT c.number, c.ours, c.connection_id, c.key, c.evidence_number, c.document,
    (SELECT e.state FROM cdr_event e WHERE e.cdr_number = c.number ORDER BY e.number DESC LIMIT 1) AS state,
    ARRAY(SELECT r.outcome FROM cdr_receipt r WHERE r.cdr_number = c.number ORDER BY r.number) AS receipts,
    (SELECT bool_or(r.proved) FROM cdr_receipt r WHERE r.cdr_number = c.number) AS proved
FROM cdr c ORDER BY c.number
"""

_TAKEN = frozenset({CdrState.DELIVERED, CdrState.INVOICED, CdrState.SETTLED, CdrState.CREDITED})
"""Where a CDR of ours stands once the partner has taken it."""

_AGREED = frozenset({CdrState.ACCEPTED, CdrState.INVOICED, CdrState.SETTLED})
"""Where a partner's CDR stands once we have accepted it."""


@dataclass(frozen=True)
class HeldCdr:
    """As one side keeps it. `digest` is of what money hangs on, `receipts` are the partner's answers to ours."""

    number: int
    ours: bool
    connection_id: str
    key: str
    session_key: str
    """Folded name of its session, `DE*ABC/S1`."""
    state: CdrState | None
    """None: nothing is noted of it."""
    digest: str
    energy_kwh: Decimal
    currency: str
    net: Decimal
    """What is owed before tax; a credit's is negative."""
    gross: Decimal | None
    credit_of: str | None = None
    """Folded key of the CDR that it takes back."""
    receipts: tuple[str, ...] = ()
    proved: bool = False
    evidence: int | None = None
    """The exchange by which it came."""


async def read(books: Books) -> tuple[HeldCdr, ...]:
    rows = await books.sql.fetch(_ROWS)
    documents = await books.store.drivers.reveal(*(row["document"] for row in rows))
    found = []
    for row, document in zip(rows, documents, strict=True):
        dossier = CdrDossier.model_validate_json(document)
        cdr = dossier.cdr
        session_id = dossier.handles.session_id or cdr.session_id or ""
        credited = cdr.credit_reference_id if cdr.credit else None
        found.append(
            HeldCdr(
                number=row["number"],
                ours=row["ours"],
                connection_id=row["connection_id"],
                key=row["key"],
                session_key=f"{cdr.owner.key}/{fold(session_id)}",
                state=None if row["state"] is None else CdrState(row["state"]),
                digest=cdr_sha256(cdr),
                energy_kwh=cdr.total_energy_kwh,
                currency=cdr.currency,
                net=cdr.total_cost.before_tax,
                gross=cdr.total_cost.after_tax,
                credit_of=None if credited is None else ObjectId(owner=cdr.owner, id=credited).key,
                receipts=tuple(row["receipts"]),
                proved=bool(row["proved"]),
                evidence=row["evidence_number"],
            )
        )
    return tuple(found)


def violations(
    told: Mapping[str, ToldSession], at_cpo: Sequence[HeldCdr], at_emsp: Sequence[HeldCdr], party: str, partner: str
) -> Iterator[Violation]:
    """`told` by key of the session; `party` is the operator, `partner` the provider's connection to it."""
    yield from _one_each("cpo", told, [each for each in at_cpo if each.ours], party)
    yield from _one_each("emsp", told, [each for each in at_emsp if not each.ours], party)
    yield from _on_the_right_side(at_cpo, at_emsp, partner)
    yield from _concluded(at_cpo, at_emsp)
    yield from _alike(at_cpo, at_emsp)
    yield from _energy(told, at_cpo)


def _one_each(side: str, told: Mapping[str, ToldSession], cdrs: Sequence[HeldCdr], party: str) -> Iterator[Violation]:
    """One debit for each session that bills, and the credits that somebody asked for."""
    debits, taken_back = defaultdict[str, list[HeldCdr]](list), defaultdict[str, list[HeldCdr]](list)
    for each in cdrs:
        (debits if each.credit_of is None else taken_back)[each.session_key].append(each)
    for key, session in told.items():
        about, found, credited = f"{side} session {key}", debits.pop(key, []), taken_back.pop(key, [])
        owed = session.told is Told.STOPPED and session.script.bills
        if owed and not found:
            yield Violation("one CDR a session", about, "expected one CDR, found none: it is lost")
        elif len(found) > (1 if owed or session.told is Told.ABANDONED else 0):
            words = f"expected {'one' if owed else 'no'} CDR, found {', '.join(each.key for each in found)}"
            yield Violation("one CDR a session", about, words)
        yield from _credits(about, session, found, credited, party)
    for key, found in (debits | taken_back).items():
        words = f"nobody started it, and it was billed: {', '.join(each.key for each in found)}"
        yield Violation("one CDR a session", f"{side} session {key}", words)


def _credits(
    about: str, session: ToldSession, debits: Sequence[HeldCdr], found: Sequence[HeldCdr], party: str
) -> Iterator[Violation]:
    wanted = None if session.credited_by is None else ObjectId(owner=PartyId.parse(party), id=session.credited_by).key
    if wanted is not None and [each.key for each in found] != [wanted]:
        words = f"expected the credit {wanted}, found {', '.join(each.key for each in found) or 'none'}"
        yield Violation("credits are as ordered", about, words)
    elif wanted is None and len(found) > (1 if session.script is Script.CREDITED else 0):
        words = f"nobody ordered {', '.join(each.key for each in found)}"
        yield Violation("credits are as ordered", about, words)
    for credit in found:
        debit = next((each for each in debits if each.key == credit.credit_of), None)
        if debit is None:
            words = f"{credit.key} takes back {credit.credit_of}, which is none of its CDRs"
            yield Violation("credits are as ordered", about, words)
        elif (credit.net, credit.currency) != (-debit.net, debit.currency):
            words = f"{credit.key} gives back {-credit.net} of {debit.net} {debit.currency}"
            yield Violation("credits are as ordered", about, words)


def _on_the_right_side(at_cpo: Sequence[HeldCdr], at_emsp: Sequence[HeldCdr], partner: str) -> Iterator[Violation]:
    for each in at_cpo:
        if not each.ours:
            yield Violation("one CDR a session", f"cpo CDR {each.key}", "the provider issues none, and it came from it")
    for each in at_emsp:
        if each.ours or each.connection_id != partner:
            words = f"it is kept for connection {each.connection_id!r}, and is a matter of {partner!r}"
            yield Violation("one CDR a session", f"emsp CDR {each.key}", words)


def _concluded(at_cpo: Sequence[HeldCdr], at_emsp: Sequence[HeldCdr]) -> Iterator[Violation]:
    for each in at_cpo:
        about = f"cpo CDR {each.key}"
        if each.state not in _TAKEN:
            yield Violation("each CDR is delivered", about, f"expected DELIVERED, found {each.state}")
        if "ACCEPTED" not in each.receipts:
            yield Violation("each CDR has a receipt", about, f"its receipts are {list(each.receipts)}")
        if not each.proved:
            yield Violation("each receipt is proved", about, f"its receipts are {list(each.receipts)}")
    for each in at_emsp:
        if each.state not in _AGREED:
            words = f"expected ACCEPTED, found {each.state}"
            yield Violation("each CDR is accepted", f"emsp CDR {each.key}", words)
        if each.evidence is None:
            yield Violation("each CDR is accepted", f"emsp CDR {each.key}", "it came by no message that is kept")


def _alike(at_cpo: Sequence[HeldCdr], at_emsp: Sequence[HeldCdr]) -> Iterator[Violation]:
    issued = {each.key: each for each in at_cpo if each.ours}
    received = {each.key: each for each in at_emsp if not each.ours}
    for key in issued.keys() - received.keys():
        yield Violation("both sides hold the same CDRs", f"emsp CDR {key}", "the operator issued it; it is not there")
    for key in received.keys() - issued.keys():
        yield Violation("both sides hold the same CDRs", f"emsp CDR {key}", "the operator has never issued it")
    for key in issued.keys() & received.keys():
        ours, theirs = issued[key], received[key]
        for name, one, other in (
            ("content", ours.digest, theirs.digest),
            ("net amount", ours.net, theirs.net),
            ("gross amount", ours.gross, theirs.gross),
            ("currency", ours.currency, theirs.currency),
            ("energy", ours.energy_kwh, theirs.energy_kwh),
            ("session", ours.session_key, theirs.session_key),
        ):
            if one != other:
                words = f"{name} is {one} at the operator, and {other} here"
                yield Violation("both sides hold the same CDRs", f"emsp CDR {key}", words)


def _energy(told: Mapping[str, ToldSession], at_cpo: Sequence[HeldCdr]) -> Iterator[Violation]:
    for each in at_cpo:
        session = told.get(each.session_key)
        if session is not None and each.energy_kwh != session.energy_kwh:
            words = f"expected {session.energy_kwh}, found {each.energy_kwh} kWh"
            yield Violation("energy is what was metered", f"cpo CDR {each.key}", words)


def by_key(party: str, sessions: Mapping[str, ToldSession]) -> dict[str, ToldSession]:
    """What the generator told, by the names under which both sides keep it."""
    return {key_of(party, each.id): each for each in sessions.values()}
