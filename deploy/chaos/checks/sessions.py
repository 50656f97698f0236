"""Sessions: each that was started is there, once, on both sides, ended as it was told and with the energy metered."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from canonical.identity import ObjectId, PartyId
from canonical.session import Session, SessionStatus
from deploy.chaos.checks.opened import Books
from deploy.chaos.evidence import Script, Told, ToldSession, Violation

_ROWS = """
SELECT s.source, s.key, s.document, o.cdr_key, o.session_key IS NOT NULL AS concluded,
    (SELECT count(*) FROM meter_reading r WHERE s.source = '' AND r.session_key = s.key) AS readings
FROM session s LEFT JOIN session_outcome o ON s.source = '' AND o.session_key = s.key
ORDER BY s.number
"""

_MAY_BE = (Told.ASKED, Told.ABANDONED)
"""Nobody was told whether these sessions exist."""


@dataclass(frozen=True)
class HeldSession:
    """As one side keeps it. `source` is empty for our own, of which alone readings and outcome are known."""

    source: str
    key: str
    status: SessionStatus
    start: datetime
    end: datetime | None
    energy_kwh: Decimal
    reference: str | None = None
    """Of its authorisation."""
    readings: int = 0
    concluded: bool = False
    cdr_key: str | None = None


async def read(books: Books) -> tuple[HeldSession, ...]:
    found = []
    for row in await books.sql.fetch(_ROWS):
        session = Session.model_validate_json(row["document"])
        found.append(
            HeldSession(
                source=row["source"],
                key=row["key"],
                status=session.status,
                start=session.start,
                end=session.end,
                energy_kwh=session.energy_kwh,
                reference=session.authorization_reference,
                readings=row["readings"],
                concluded=row["concluded"],
                cdr_key=row["cdr_key"],
            )
        )
    return tuple(found)


def key_of(party: str, session_id: str) -> str:
    """The folded name under which both sides keep a session of the operator: `DE*ABC/S1`."""
    return ObjectId(owner=PartyId.parse(party), id=session_id).key


def violations(
    told: Mapping[str, ToldSession], at_cpo: Sequence[HeldSession], at_emsp: Sequence[HeldSession], partner: str
) -> Iterator[Violation]:
    """`told` by key; `partner` is the connection by which the provider has heard of the operator's sessions."""
    own = {each.key: each for each in at_cpo if not each.source}
    yield from _lost_and_invented(told, own, at_cpo, at_emsp, partner)
    copies = {each.key: each for each in at_emsp if each.source == partner}
    for key, held in own.items():
        if key in told:
            yield from _as_told(told[key], held)
        if key in copies:
            yield from _alike(held, copies[key])


def _lost_and_invented(
    told: Mapping[str, ToldSession],
    own: Mapping[str, HeldSession],
    at_cpo: Sequence[HeldSession],
    at_emsp: Sequence[HeldSession],
    partner: str,
) -> Iterator[Violation]:
    for key, session in told.items():
        if session.told in (Told.STARTED, Told.STOPPED) and key not in own:
            yield Violation("no session is lost", f"cpo session {key}", f"was {session.told}, and is not there")
    for each in at_cpo:
        known = each.key in told and told[each.key].told is not Told.PLANNED
        if each.source or not known:
            came = f"came from {each.source}" if each.source else "is there"
            yield Violation("no session is invented", f"cpo session {each.key}", f"{came}, and nobody started it")
    held = [each.key for each in at_emsp if each.source == partner]
    for key in own:
        if key not in held:
            yield Violation("no session is lost", f"emsp session {key}", "the operator has it, and no copy is there")
    for each in at_emsp:
        if each.source != partner:
            words = f"is kept as from {each.source!r}, and belongs to {partner!r}"
            yield Violation("no session is doubled", f"emsp session {each.key}", words)
        elif each.key not in own:
            yield Violation("no session is invented", f"emsp session {each.key}", "the operator has none of this name")


def _as_told(told: ToldSession, held: HeldSession) -> Iterator[Violation]:
    about = f"cpo session {held.key}"
    if told.told is not Told.STOPPED:
        if told.told not in _MAY_BE and held.status.is_final:
            yield Violation("sessions end as told", about, f"nobody has ended it, and it is {held.status}")
        return
    ended = SessionStatus.INVALID if told.script is Script.MISTAKEN else SessionStatus.COMPLETED
    if held.status is not ended:
        yield Violation("sessions end as told", about, f"expected {ended}, found {held.status}")
    if _second(held.start) != _second(told.start):
        yield Violation("sessions end as told", about, f"expected to begin {told.start}, found {held.start}")
    if held.end is None or _second(held.end) != _second(told.end):
        yield Violation("sessions end as told", about, f"expected to end {told.end}, found {held.end}")
    if told.authorization_reference not in (None, held.reference):
        words = f"was started by {told.authorization_reference}, and bears {held.reference}"
        yield Violation("each session bears its authorisation", about, words)
    if held.energy_kwh != told.energy_kwh:
        yield Violation("energy is what was metered", about, f"expected {told.energy_kwh}, found {held.energy_kwh} kWh")
    answered = told.readings + (1 if told.script.bills else 0)
    if held.readings < answered:
        yield Violation("no reading is lost", about, f"{answered} were answered, {held.readings} are there")
    if told.script.bills and held.cdr_key is None:
        yield Violation("each session is concluded", about, "it was ended, and no CDR is noted as its outcome")
    if not told.script.bills and held.cdr_key is not None:
        yield Violation("each session is concluded", about, f"there is nothing to bill, and it became {held.cdr_key}")
    if told.script is Script.EXPIRED and not held.concluded:
        yield Violation("each session is concluded", about, "the unused reservation has no outcome")


def _alike(ours: HeldSession, theirs: HeldSession) -> Iterator[Violation]:
    """What both sides have to say alike; not every version keeps fractions of a second."""
    for name, one, other in (
        ("status", ours.status, theirs.status),
        ("energy", ours.energy_kwh, theirs.energy_kwh),
        ("authorisation", ours.reference, theirs.reference),
        ("start", _second(ours.start), _second(theirs.start)),
        ("end", _second(ours.end), _second(theirs.end)),
    ):
        if one != other:
            words = f"{name} is {one} at the operator, and {other} here"
            yield Violation("both sides hold the same session", f"emsp session {theirs.key}", words)


def _second(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(microsecond=0)
