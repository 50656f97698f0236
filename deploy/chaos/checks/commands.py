"""Orders: each the operator's backend saw once at most, and each has one outcome, the same on both sides."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from canonical.command import CommandOutcome, CommandResult, CommandState
from canonical.model import fold
from deploy.chaos.checks.opened import Books
from deploy.chaos.evidence import ToldCommand, ToldSession, Violation

_ROWS: Final = """
SELECT id, ours, kind, state, settled, subject, reference, sent_at IS NOT NULL AS sent, session_key, result, afterword,
    response ->> 'answer' AS answer, note, state = 'UNANSWERED' AND due_at > now() AS waits
FROM command ORDER BY number
"""
_TIMEOUT: Final = CommandOutcome.TIMEOUT.value


@dataclass(frozen=True)
class Order:
    """One order as one side keeps it. `matter` is what both sides call it by: its reference, else what it is about."""

    id: str
    ours: bool
    kind: str
    matter: str
    state: CommandState
    settled: bool
    sent: bool
    answer: str | None
    outcomes: tuple[str, ...]
    """The result, and the word that came after it."""
    session_key: str | None = None
    note: str = ""
    waits: bool = False
    """It was not answered, and its result may yet come: minutes later, it is a TIMEOUT."""


async def read(books: Books) -> tuple[Order, ...]:
    return tuple(
        Order(
            id=row["id"],
            ours=row["ours"],
            kind=row["kind"],
            matter=row["reference"] or row["subject"] or row["id"],
            state=CommandState(row["state"]),
            settled=row["settled"],
            sent=row["sent"],
            answer=row["answer"],
            outcomes=tuple(
                CommandResult.model_validate_json(row[word]).outcome.value
                for word in ("result", "afterword")
                if row[word] is not None
            ),
            session_key=row["session_key"],
            note=row["note"],
            waits=row["waits"],
        )
        for row in await books.sql.fetch(_ROWS)
    )


def violations(told: Sequence[ToldCommand], at_cpo: Sequence[Order], at_emsp: Sequence[Order]) -> Iterator[Violation]:
    given = [each for each in at_emsp if each.ours]
    taken = [each for each in at_cpo if not each.ours]
    yield from _known(told, given, at_cpo, at_emsp)
    for side, orders in (("emsp", given), ("cpo", taken)):
        for each in orders:
            yield from _concluded(side, each)
    yield from _once(given, taken)
    yield from _agreed(told, given, taken)


def begun(told: Mapping[str, ToldSession], at_cpo: Sequence[Order], at_emsp: Sequence[Order]) -> Iterator[Violation]:
    """The order by which a session was started knows the session, on both sides. `told` by key of the session."""
    sessions = {fold(each.authorization_reference): key for key, each in told.items() if each.authorization_reference}
    for side, orders in (("cpo", at_cpo), ("emsp", at_emsp)):
        for order in orders:
            key = sessions.get(order.matter)
            if key is not None and order.session_key != key:
                words = f"{order.kind} started {key}, and is known to have started {order.session_key or 'nothing'}"
                yield Violation("each order knows its session", f"{side} order {order.id}", words)


def _known(
    told: Sequence[ToldCommand], given: Sequence[Order], at_cpo: Sequence[Order], at_emsp: Sequence[Order]
) -> Iterator[Violation]:
    """Those that were answered are there; of those that were not, as many as were asked for at most."""
    held = {each.id for each in given}
    answered = {each.id for each in told if each.id is not None}
    for each in told:
        if each.id is not None and each.id not in held:
            yield Violation("no order is lost", f"emsp order {each.id}", f"{each.kind} was answered, and is not there")
    unanswered = Counter(each.kind for each in told if each.id is None)
    for order in given:
        if order.id not in answered:
            unanswered[order.kind] -= 1
            if unanswered[order.kind] < 0:
                words = f"{order.kind}, and nobody gave it"
                yield Violation("no order is invented", f"emsp order {order.id}", words)
    for side, orders, wrong in (("cpo", at_cpo, True), ("emsp", at_emsp, False)):
        for order in orders:
            if order.ours is wrong:
                yield Violation("no order is invented", f"{side} order {order.id}", "it goes the wrong way")


def _concluded(side: str, order: Order) -> Iterator[Violation]:
    about = f"{side} order {order.id}"
    if order.waits:
        return
    if order.state.is_open or not order.settled:
        words = f"{order.kind} is {order.state}{'' if order.settled else ', and not settled'}"
        yield Violation("no order is open", about, words)
    elif order.state is CommandState.CONCLUDED and not order.outcomes:
        yield Violation("each order has an outcome", about, f"{order.kind} is concluded without a result")


def _once(given: Sequence[Order], taken: Sequence[Order]) -> Iterator[Violation]:
    """The operator holds each order that it has accepted, and none more often than it was sent."""
    sent = Counter((each.kind, each.matter) for each in given if each.sent)
    accepted = Counter((each.kind, each.matter) for each in given if each.answer == "ACCEPTED")
    held = Counter((each.kind, each.matter) for each in taken)
    for (kind, matter), times in held.items():
        if times > sent[kind, matter]:
            words = f"it was sent {sent[kind, matter]} times, and stands there {times} times"
            yield Violation("no order is executed twice", f"cpo {kind} {matter}", words)
    for (kind, matter), times in accepted.items():
        if held[kind, matter] < times:
            words = f"it was accepted {times} times, and stands there {held[kind, matter]} times"
            yield Violation("no order is lost", f"cpo {kind} {matter}", words)


def _agreed(told: Sequence[ToldCommand], given: Sequence[Order], taken: Sequence[Order]) -> Iterator[Violation]:
    """A result that one side has is the other's, too; and what the backend was thanked for is there."""
    said, heard = _outcomes(taken), _outcomes(given)
    refused = {_name(each) for each in given if each.state is CommandState.REFUSED}
    for order in given:
        for outcome in order.outcomes:
            if outcome != _TIMEOUT and not said[_name(order)][outcome]:
                words = f"{order.kind} came to {outcome}, and to {_words(said[_name(order)])} at the operator"
                yield Violation("both sides know the same outcome", f"emsp order {order.id}", words)
    for order in taken:
        for outcome in order.outcomes[-1:]:
            if outcome != _TIMEOUT and not heard[_name(order)][outcome]:
                words = f"{order.kind} came to {outcome}, and to {_words(heard[_name(order)])} at the provider"
                yield Violation("both sides know the same outcome", f"cpo order {order.id}", words)
        if order.state is not CommandState.REFUSED and _name(order) in refused and not heard[_name(order)]:
            words = f"{order.kind} is {order.state}, and the provider was told no"
            yield Violation("both sides know the same outcome", f"cpo order {order.id}", words)
    by_id = {each.id: each for each in given}
    for each in told:
        ours = by_id.get(each.id or "")
        if each.outcome is not None and ours is not None and not said[_name(ours)][each.outcome]:
            words = f"the backend's word {each.outcome} was taken, and {_words(said[_name(ours)])} is kept"
            yield Violation("no outcome is lost", f"cpo {ours.kind} {ours.matter}", words)


def _outcomes(orders: Sequence[Order]) -> defaultdict[tuple[str, str], Counter[str]]:
    found = defaultdict[tuple[str, str], Counter[str]](Counter)
    for order in orders:
        found[_name(order)].update(order.outcomes)
    return found


def _name(order: Order) -> tuple[str, str]:
    return order.kind, order.matter


def _words(outcomes: Counter[str]) -> str:
    return ", ".join(sorted(outcomes)) or "nothing"
