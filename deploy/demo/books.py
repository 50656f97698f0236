"""The verdict: do both sides hold the same, and is it what an independent calculation says?

Every question is asked of both deployments over their contract APIs after the story has ended; each becomes one line
that is true or false.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from deploy.demo import recalculation
from deploy.demo.cast import BLOCKED, DRIVES, EXPIRING, PARKED_AFTER, TAMPERED, Drive, Json, Outcome, Today
from deploy.demo.office import Office, euro
from deploy.demo.story import TO_CPO, TO_EMSP, Told

_MINOR = 100
_WITHOUT_A_PRICE = {"DISCOUNT", "LIMIT"}
"""Components that no element of a tariff gives."""


@dataclass(frozen=True)
class Check:
    what: str
    holds: bool
    detail: str = ""


@dataclass(frozen=True)
class Books:
    """What each side holds at the end, fetched once."""

    ours: list[Json]
    theirs: list[Json]
    dossiers: dict[str, Json]
    """By session; without credits."""
    sessions: list[Json]
    cpo_ledger: Json
    emsp_ledger: Json
    cpo_cases: list[Json]
    emsp_cases: list[Json]


async def fetch(cpo: Office, emsp: Office) -> Books:
    ours = await cpo.cdrs(TO_EMSP)
    return Books(
        ours=ours,
        theirs=await emsp.cdrs(TO_CPO),
        dossiers={_session(view): await cpo.get(f"/cdrs/{_cdr(view)['id']}") for view in ours if not _credits(view)},
        sessions=await emsp.all("/sessions", connection=TO_CPO),
        cpo_ledger=await cpo.get("/ledger"),
        emsp_ledger=await emsp.get("/ledger"),
        cpo_cases=await cpo.all("/cases", state="OPEN"),
        emsp_cases=await emsp.all("/cases", state="OPEN"),
    )


def audit(books: Books, told: Told) -> list[Check]:
    return [
        *_one_cdr_each(books, told.today),
        *_same_content(books),
        *_recalculated(books, told.today),
        *_audit_ready(books),
        *_idle(books),
        *_agreed(books, told),
        *_credited(books, told),
        *_fault_found(books, told),
        *_invoice(books, told),
        *_audited(told),
        *_crash(told),
    ]


def _one_cdr_each(books: Books, today: Today) -> Iterator[Check]:
    billed = {drive.id for drive in _billed(today)}
    for side, cdrs in (("operator", books.ours), ("provider", books.theirs)):
        counted = Counter(_session(view) for view in cdrs if not _credits(view))
        yield Check(f"{side}: each of {len(billed)} sessions has exactly one CDR", counted == Counter(billed))
    ended = {str(s["id"]): s["status"] for s in books.sessions}
    expected = {d.id for d in (*DRIVES, *today.drives) if d is not BLOCKED}
    yield Check(
        f"provider: {len(expected)} sessions seen, all ended",
        set(ended) == expected and set(ended.values()) == {"COMPLETED"},
    )
    yield Check("the expired reservation was not billed", EXPIRING.id not in {_session(v) for v in books.ours})


def _same_content(books: Books) -> Iterator[Check]:
    held = {_cdr(view)["id"]: _cdr(view) for view in books.theirs}
    different = {
        str(ours["session_id"]): fields
        for ours in (_cdr(view) for view in books.ours)
        if (fields := _different_fields(ours, held.get(ours["id"], {})))
    }
    yield Check(
        "both sides hold the same CDRs, but for the one that was changed on its way",
        set(different) == {TAMPERED.id},
        str(different),
    )


def _recalculated(books: Books, today: Today) -> Iterator[Check]:
    wrong = []
    for drive in _billed(today):
        cdr, want = books.dossiers[drive.id]["dossier"]["cdr"], recalculation.expected(drive)
        parts = (
            (_net(cdr, "total_energy_cost"), want.energy),
            (_net(cdr, "total_time_cost"), want.time),
            (_net(cdr, "total_parking_cost"), want.parking),
            (_of_lines(books, drive, "DISCOUNT"), want.discount),
        )
        net, gross = euro(cdr["total_cost"]["before_tax"]), euro(cdr["total_cost"]["after_tax"])
        fit = all(recalculation.is_part(stated, exact) for stated, exact in parts)
        if (net, gross) != (want.net, want.gross) or not fit or sum(stated for stated, _ in parts) != net:
            wrong.append(f"{drive.id}: {net} and {gross} of {[str(stated) for stated, _ in parts]}, not {want}")
    yield Check("every amount equals the independent recalculation", not wrong, "; ".join(wrong))


def _audit_ready(books: Books) -> Iterator[Check]:
    lacking = [session for session, view in books.dossiers.items() if not _complete(view["dossier"])]
    yield Check(
        "each CDR has lines by component, three tariff versions, a valid meter record, provenance and handles",
        not lacking,
        ", ".join(lacking),
    )
    unproved = {
        session
        for session, view in books.dossiers.items()
        if not any(receipt["proved"] for receipt in view["receipts"])
    }
    yield Check("each receipt is proved by reading the CDR back, but for the changed one", unproved == {TAMPERED.id})


def _idle(books: Books) -> Iterator[Check]:
    idle, parked = _of_lines(books, PARKED_AFTER, "IDLE"), _of_lines(books, PARKED_AFTER, "PARKING")
    yield Check(
        f"the time that a car stays after charging is a line of its own: {idle} EUR for idle time",
        idle == _net(books.dossiers[PARKED_AFTER.id]["dossier"]["cdr"], "total_parking_cost") > parked == 0,
    )


def _agreed(books: Books, told: Told) -> Iterator[Check]:
    drive = told.today.discounted
    dossier, off = books.dossiers[drive.id]["dossier"], _of_lines(books, drive, "DISCOUNT")
    state = next(view["state"] for view in books.theirs if _session(view) == drive.id)
    yield Check(
        f"what was agreed is in force: a CDR under {told.agreement}, with {-off} EUR off, accepted by the provider",
        off < 0 and dossier["agreement"] == told.agreement and state == "ACCEPTED",
        f"{dossier['agreement']}, {state}",
    )


def _credited(books: Books, told: Told) -> Iterator[Check]:
    drive = told.today.mistaken
    states = [
        [view["state"] for view in held if _session(view) == drive.id and _credits(view) is a_credit]
        for held, a_credit in ((books.ours, False), (books.theirs, True))
    ]
    yield Check(
        "the wrongly billed CDR is credited, and the provider has accepted the credit",
        states == [["CREDITED"], ["ACCEPTED"]],
        str(states),
    )
    of_it = [item for item in told.present if item["session_id"] == drive.id]
    sums = [sum(euro(item[name]) for item in of_it) for name in ("net", "vat", "gross", "energy_kwh")]
    yield Check(
        "in the settlement it sums to zero with its credit, and both are agreed",
        len(of_it) == 2 and not any(sums) and {item["outcome"] for item in told.present} == {"AGREED"},
        f"{[str(each) for each in sums]}, {[item['outcome'] for item in told.present]}",
    )


def _fault_found(books: Books, told: Told) -> Iterator[Check]:
    tampered = next(_cdr(v) for v in books.ours if _session(v) == TAMPERED.id)
    disputed = [i for i in told.report["items"] if i["outcome"] != "AGREED"]
    codes = {f["code"] for i in disputed for f in i["findings"]}
    yield Check(
        "the planted fault is found, and named as the cost of idle time",
        [i["cdr"]["id"] for i in disputed] == [tampered["id"]] and any("idle" in code for code in codes),
        ", ".join(sorted(codes)),
    )
    left_out = [i["cdr"]["id"] for i in told.invoice["left_out"]]
    yield Check("it is left out of the invoice", left_out == [tampered["id"]])
    kinds = (
        Counter(str(c["kind"]) for c in books.cpo_cases),
        # When the provider has pulled the operator's CDRs, it has seen the original of the one that was changed.
        Counter(str(c["kind"]) for c in books.emsp_cases) - Counter({"cdr-conflict": 1}),
    )
    yield Check(
        "it is the only thing that waits for a person, on either side",
        kinds
        == (
            Counter({"receipt-differs": 1, "cdr-disputed": 1}),
            Counter({"cdr-quarantined": 1, "statement-exception": 1}),
        ),
        f"operator {dict(kinds[0])}, provider {dict(kinds[1])}",
    )


def _invoice(books: Books, told: Told) -> Iterator[Check]:
    agreed = tuple(d for d in DRIVES if d.outcome is Outcome.BILLED and d is not TAMPERED)
    net, gross = recalculation.invoice(agreed)
    stated = (euro(told.invoice["net"]), euro(told.invoice["gross"]))
    yield Check(f"the invoice asks for {net} + VAT = {gross} EUR", stated == (net, gross), f"{stated}")
    receivable, payable = _balance(books.cpo_ledger, "receivable/"), _balance(books.emsp_ledger, "payable/")
    yield Check(
        f"the two books agree: {receivable} receivable, {payable} payable",
        receivable == gross and payable == -gross,
    )
    for side, ledger in (("operator", books.cpo_ledger), ("provider", books.emsp_ledger)):
        yield Check(f"{side}: the ledger balances", sum(b["amount_minor"] for b in ledger["balances"]) == 0)
    endings = Counter(Path(file).suffix for file in told.files)
    yield Check("the invoice is there as PDF, JSON and CSV", endings == Counter((".pdf", ".json", ".csv")))


def _audited(told: Told) -> Iterator[Check]:
    audit = told.audit
    for side, found in (("operator", audit.operator), ("provider", audit.provider)):
        yield Check(
            f"{side}: the signed log vouches for all of {found['leaves']} records",
            found["ok"] and found["leaves"] > 0 and found["checkpoints"] > 0,
            str(found["faults"]),
        )
    yield Check(
        f"an export of one CDR holds without a database: {audit.export['records']} records",
        audit.export["ok"] and audit.export["key_trusted"],
        str(audit.export["flaws"]),
    )
    places = [f"{flaw['record']} {flaw['path']}" for flaw in audit.changed["flaws"]]
    yield Check(
        "one changed byte in it is found, and located",
        not audit.changed["ok"] and len(places) == 1 and places[0].endswith("/total_energy_kwh"),
        "; ".join(places),
    )
    yield Check(
        "roam check-cdr accepts a CDR as it came over the wire",
        audit.cdr["outcome"] in ("ACCEPTED", "ACCEPTED_WITH_FINDINGS"),
        str(audit.cdr["findings"]),
    )
    yield Check(
        "its signed meter data verifies, from the XML for the public transparency software",
        audit.meter["signature"] == "valid" and audit.meter["billable"],
        f"{audit.meter['signature_reason']} {audit.meter['findings']}",
    )


def _crash(told: Told) -> Iterator[Check]:
    yield Check("six SIGKILLs, six recoveries", len(told.killed) == 6)
    yield Check("the CDR that was posted twice is held once", told.held_up_posts >= 2)


def _complete(dossier: Json) -> bool:
    meter, handles = dossier["meter"], dossier["handles"]
    return bool(
        dossier["lines"]
        and all(line["currency"] for line in dossier["lines"])
        and all(line["source"] for line in dossier["lines"] if line["component"] not in _WITHOUT_A_PRICE)
        and [m["moment"] for m in dossier["tariff_moments"]] == ["SESSION_START", "SESSION_END", "CDR_GENERATION"]
        and meter
        and meter["verdict"] == "valid"
        and handles["session_id"]
        and handles["idempotency_key"]
        and handles["billing_record"]
        and dossier["provenance"]["adapter"]
    )


def _billed(today: Today) -> list[Drive]:
    return [drive for drive in (*DRIVES, *today.drives) if drive.outcome is Outcome.BILLED]


def _of_lines(books: Books, drive: Drive, component: str) -> Decimal:
    """Net of the lines of one component."""
    lines = books.dossiers[drive.id]["dossier"]["lines"]
    return sum((euro(line["net"]) for line in lines if line["component"] == component), Decimal(0))


def _credits(view: Json) -> bool:
    return bool(_cdr(view)["credit"])


def _cdr(view: Json) -> Json:
    cdr: Json = view["cdr"]
    return cdr


def _session(view: Json) -> str:
    return str(_cdr(view)["session_id"])


def _net(cdr: Json, field: str) -> Decimal:
    price = cdr[field]
    return euro(price["before_tax"]) if isinstance(price, dict) else Decimal(0)


def _different_fields(ours: Json, theirs: Json) -> list[str]:
    """Fields that differ. The site as a whole goes along in some versions of the protocol only."""
    told = set(ours) - {"place"}
    return sorted(name for name in told if _comparable(ours[name]) != _comparable(theirs.get(name)))


def _comparable(value: object) -> object:
    """The record with numbers as numbers: `2.50` and `2.5` are the same amount. What is not on the wire is left out."""
    if isinstance(value, dict):
        return {k: _comparable(v) for k, v in value.items() if k not in ("extensions", "taxes") and v not in (None, [])}
    if isinstance(value, list):
        return [_comparable(v) for v in value]
    if isinstance(value, str):
        try:
            return Decimal(value)
        except ArithmeticError:
            return value
    return value


def _balance(ledger: Json, account: str) -> Decimal:
    found = (b for b in ledger["balances"] if str(b["account"]).startswith(account))
    return Decimal(sum(b["amount_minor"] for b in found)) / _MINOR
