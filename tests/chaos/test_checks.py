"""The checkers: two sites that have played, under no fault, are found clean, and whatever is planted is found.

The generator of `roam chaos` plays each of its scripts once, on two deployments in this process. What was lost or
doubled is then planted into their databases, in transactions that are rolled back, or into copies.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from temporalio.client import WorkflowExecutionStatus

from canonical.partner import Side
from canonical.store.tables import Row
from deploy.chaos.checks import (
    cases,
    cdrs,
    check,
    commands,
    credentials,
    events,
    evidence_log,
    judge,
    leftovers,
    money,
    objects,
    sessions,
    visibility,
    wire,
)
from deploy.chaos.checks.looked import Looked, looked_into
from deploy.chaos.checks.opened import Books, opened, temporal_of
from deploy.chaos.checks.quiet import moving, quiet
from deploy.chaos.checks.reckoning import reckoned
from deploy.chaos.desk import Desk, until
from deploy.chaos.evidence import FaultLog, Journal, Script, Site, Told, ToldSession, Violation
from deploy.chaos.plan import CPO, EMSP, Drive, Plan
from deploy.chaos.settling import Settling
from deploy.chaos.sites import CPO_PARTY, EMSP_PARTY, TO_CPO, TO_EMSP
from deploy.chaos.traffic import Traffic
from deploy.embedded.temporal import EmbeddedTemporal
from tests.conftest import Databases, _quick_place
from tests.workflows.pair import Player, playing
from workflows import ids
from workflows.financial_log import FinancialLog
from workflows.search_attributes import REGISTERED

SECRET = "of the checkers, which look into everything"
NAMES = {CPO: (CPO_PARTY, Side.CPO, TO_EMSP), EMSP: (EMSP_PARTY, Side.EMSP, TO_CPO)}
READERS: dict[str, Callable[[Books], Awaitable[Any]]] = {
    "sessions": sessions.read,
    "cdrs": cdrs.read,
    "messages": wire.read,
    "papers": money.read,
    "access": credentials.read,
    "shelves": objects.read,
    "orders": commands.read,
    "cases": cases.read,
    "leftovers": leftovers.read,
}
"""What is read by the connection that plants."""


@dataclass(frozen=True)
class Played:
    """Both sites as they stand after the play, what the generator knows, and what was found while they were at work."""

    cpo: Looked
    emsp: Looked
    journal: Journal
    found: list[Violation]
    pristine: dict[str, str]
    """By site: a database that nobody is connected to, to make copies of."""

    def judged(self, *changed: Looked) -> list[Violation]:
        """With one site as it would be otherwise."""
        by_name = {each.site.name: each for each in (self.cpo, self.emsp, *changed)}
        return list(judge(by_name[CPO], by_name[EMSP], self.journal, FaultLog()))

    def of(self, name: str) -> Looked:
        return self.cpo if name == CPO else self.emsp

    def key(self, script: Script) -> str:
        """The session with this script."""
        told = next(each for each in self.journal.sessions.values() if each.script is script)
        return sessions.key_of(CPO_PARTY, told.id)

    def named(self, statement: str) -> str:
        """With the names of this play."""
        for name, key in self.names.items():
            statement = statement.replace(f"{{{name}}}", key)
        return statement

    @property
    def names(self) -> dict[str, str]:
        """By which statements name what they are about."""
        found = {script.lower(): self.key(script) for script in Script}
        for each in self.cpo.cdrs:
            script = next(script for script in Script if self.key(script) == each.session_key)
            found[f"cdr_{script.lower()}" if each.credit_of is None else "credit"] = each.key
        return found


@pytest_asyncio.fixture(scope="module")
async def played(databases: Databases) -> AsyncIterator[Played]:
    with tempfile.TemporaryDirectory(prefix="roam-checks-", dir=_quick_place()) as folder:
        server = EmbeddedTemporal(Path(folder), [CPO, EMSP], search_attributes=REGISTERED)
        server.start()
        try:
            yield await _play(server.address, databases)
        finally:
            server.stop()


async def _play(temporal: str, databases: Databases) -> Played:
    journal = Journal()
    async with AsyncExitStack() as stack:
        players: list[Player] = []
        for name, (party, side, _) in NAMES.items():
            settings = {"party": party, "business_name": name, "sides": side.value, "secret_key": SECRET}
            opening = playing(settings, await databases.fresh(), temporal, name)
            players.append(await stack.enter_async_context(opening))
        sites = [_site(name, player) for name, player in zip(NAMES, players, strict=True)]
        desks = [Desk(site, journal, 30.0) for site in sites]
        for desk in desks:
            stack.push_async_callback(desk.close)
        await _drive(Traffic(*desks, journal), Plan(seed=5, sessions=7, kills=0), journal)
        assert await until(lambda: _is_quiet(sites, players), 60.0), [await quiet(site) for site in sites]
        found = await check(*sites, journal, FaultLog())
        cpo, emsp = [await looked_into(site) for site in sites]
    pristine = {site.name: await _copy_of(site.database_url.rpartition("/")[2], databases) for site in sites}
    return Played(cpo, emsp, journal, found, pristine)


async def _drive(traffic: Traffic, plan: Plan, journal: Journal) -> None:
    """All sessions at once, without a pause; and then the first month is settled, and credentials are renewed."""
    await traffic.hand_in()
    await traffic.register()
    await traffic.share()
    orders = asyncio.create_task(traffic.look_at_orders())
    await asyncio.gather(*(traffic.drive(_hurried(drive)) for drive in plan.drives))
    settling = Settling(traffic.cpo, traffic.emsp, journal, plan.drives[0].month)
    await asyncio.gather(settling.settle(), traffic.renew(CPO))
    orders.cancel()
    with suppress(asyncio.CancelledError):
        await orders
    await traffic.hear_of_orders()


def _hurried(drive: Drive) -> Drive:
    few = (*drive.readings[:2], drive.end)
    return replace(drive, readings=tuple(replace(reading, pause_s=0.0) for reading in few), after_s=0.0)


async def _is_quiet(sites: list[Site], players: list[Player]) -> bool:
    """The sweep and the extension of the log are not waited for."""
    for player, site in zip(players, sites, strict=True):
        await player.built.signals.feed(site.connection_id)
        queue = player.built.settings.task_queue
        await player.built.client.execute_workflow(FinancialLog.run, id=ids.LOG_SCHEDULE, task_queue=queue)
    return not [words for site in sites for words in await quiet(site)]


def _site(name: str, player: Player) -> Site:
    party, _, connection_id = NAMES[name]
    settings, client = player.built.settings, player.built.client
    return Site(
        name=name,
        party=party,
        database_url=settings.database_url.get_secret_value(),
        temporal_address=client.service_client.config.target_host,
        temporal_namespace=client.namespace,
        secret_key=SECRET,
        evidence_key=SECRET,
        contract_url=f"{settings.public_url}/contract/v1",
        api_key=player.api_key,
        connection_id=connection_id,
    )


@pytest_asyncio.fixture(scope="module")
async def books(played: Played) -> AsyncIterator[dict[str, Books]]:
    async with opened(played.cpo.site) as cpo, opened(played.emsp.site) as emsp:
        yield {CPO: cpo, EMSP: emsp}


async def test_two_sites_that_have_played_are_found_clean(played: Played) -> None:
    assert [str(each) for each in played.found] == []
    assert [str(each) for each in played.judged()] == []
    assert {each.told for each in played.journal.sessions.values()} == {Told.STOPPED}
    assert {each.script for each in played.journal.sessions.values()} == set(Script)
    assert (played.journal.settlements[0].state, played.journal.rotations[0].answered) == ("INVOICED", True)
    seen = (played.cpo.sessions, played.emsp.sessions, played.cpo.cdrs, played.emsp.cdrs, played.emsp.orders)
    assert [len(each) for each in seen] == [7, 7, 6, 6, 3]
    assert len(played.cpo.papers.invoices) == len(played.emsp.papers.invoices) == 1
    assert all(shelf.objects for shelf in played.cpo.shelves.values())


LOST, INVENTED, DOUBLED = "no session is lost", "no session is invented", "no session is doubled"
SAME_SESSION, AS_TOLD, CONCLUDED = (
    "both sides hold the same session",
    "sessions end as told",
    "each session is concluded",
)
ENERGY, READING = "energy is what was metered", "no reading is lost"
ONE_CDR, SAME_CDRS, CREDITS = "one CDR a session", "both sides hold the same CDRs", "credits are as ordered"
DELIVERED, RECEIPT, PROVED = "each CDR is delivered", "each CDR has a receipt", "each receipt is proved"
ACCEPTED, BYTES = "each CDR is accepted", "same bytes"
SUMS, METERED, TWICE = "money sums agree", "money is what was metered", "no cent is claimed twice"
PAPERS, CLAIMS, INVOICES = (
    "both sides hold the same papers",
    "claims are what was billed",
    "invoices are what was claimed",
)
UNCLAIMED = "no cent is unclaimed"
LEDGER, PAPER_LOST = "the ledger balances", "no paper is lost"
TOKEN, LEFT_OVER, STANDS = "both stores hold the same token", "no token is left over", "the connection stands"
OBJECTS = "both sides hold the same objects"
OPEN, ORDER_LOST, EXECUTED, OUTCOME = (
    "no order is open",
    "no order is lost",
    "no order is executed twice",
    "both sides know the same outcome",
)
OUTCOME_LOST, ORDER_INVENTED = "no outcome is lost", "no order is invented"
ORDERS_SESSION, AUTHORISED = "each order knows its session", "each session bears its authorisation"
EVENT, FACT = "no event is lost", "each fact is told once, in order"
CASE, OUTBOX, WRITE, ANSWER = (
    "no case is open",
    "the outbox is empty",
    "no acknowledged write is lost",
    "an answer stays the answer",
)
LOG, ATTENDED = "the evidence log verifies", "each session is looked after"


def say(table: str, path: str, value: str, where: str) -> str:
    """Another value in a document."""
    return f"UPDATE {table} SET document = jsonb_set(document, '{{{path}}}', '{value}') WHERE {where}"  # noqa: S608


def total(net: str) -> str:
    return f'{{"currency": "EUR", "before_tax": "{net}", "after_tax": null, "taxes": []}}'


def clone(table: str, where: str, **changed: str) -> str:
    """A row once more, with other values in some columns."""
    columns = [each.name for each in Row.metadata.tables[table].columns if each.computed is None]
    values = ", ".join(changed.get(name, f"t.{name}") for name in columns)
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table} t WHERE {where}"  # noqa: S608


NEWEST = "number = (SELECT max(number) FROM access_token WHERE retired_at IS NULL)"

PLANTS: dict[str, tuple[str, list[str], set[str]]] = {
    "a session of the operator is gone": (
        CPO, ["DELETE FROM session WHERE key = '{whitelist}'"], {LOST, INVENTED},
    ),
    "a session never reached the provider": (
        EMSP, ["DELETE FROM session WHERE key = '{asked}'"], {LOST},
    ),
    "a session is known by another connection as well": (
        EMSP, [clone("session", "key = '{asked}'", number="-1", source="'old'")], {DOUBLED},
    ),
    "the operator has a session that nobody started": (
        CPO, [clone("session", "key = '{asked}'", number="-1", key="'NL*KLP/S-0'")], {INVENTED, LOST, EVENT, ATTENDED},
    ),
    "a session goes on at the provider": (
        EMSP, [say("session", "status", '"ACTIVE"', "key = '{asked}'")], {SAME_SESSION, EVENT},
    ),
    "a session has another energy at the provider": (
        EMSP, [say("session", "energy_kwh", '"0.001"', "key = '{asked}'")], {SAME_SESSION},
    ),
    "a session was never ended": (
        CPO, [say("session", "status", '"ACTIVE"', "key = '{asked}'")], {AS_TOLD, SAME_SESSION, EVENT},
    ),
    "a meter reading is gone": (
        CPO, ["DELETE FROM meter_reading WHERE number = (SELECT max(number) FROM meter_reading"
              " WHERE session_key = '{asked}')"], {READING},
    ),
    "nobody knows what became of a session": (
        CPO, ["DELETE FROM session_outcome WHERE session_key = '{asked}'"], {CONCLUDED},
    ),
    "a CDR never reached the provider": (
        EMSP, ["DELETE FROM cdr WHERE key = '{cdr_asked}'"], {ONE_CDR, SAME_CDRS, SUMS},
    ),
    "a CDR of the operator is gone": (
        CPO, ["DELETE FROM cdr WHERE key = '{cdr_asked}'"], {ONE_CDR, SAME_CDRS, SUMS},
    ),
    "a session is billed twice": (
        CPO,
        [clone("cdr", "key = '{cdr_asked}'", number="-1", key="'NL*KLP/C-2'", reference="'2'",
               document="jsonb_set(document, '{handles,idempotency_key}', '\"2\"')"),
         clone("cdr_event", "cdr_number = (SELECT number FROM cdr WHERE key = '{cdr_asked}')",
               number="t.number + 1000000", cdr_number="-1"),
         clone("cdr_receipt", "cdr_number = (SELECT number FROM cdr WHERE key = '{cdr_asked}')",
               number="t.number + 1000000", cdr_number="-1")],
        {ONE_CDR, SAME_CDRS, SUMS, BYTES, EVENT},
    ),
    "an unused reservation is billed": (
        CPO,
        ["UPDATE cdr SET document = jsonb_set(document, '{handles,session_id}', to_jsonb(split_part('{expired}', '/',"
         " 2))) WHERE key = '{cdr_asked}'"],
        {ONE_CDR, SAME_CDRS, ENERGY},
    ),
    "a CDR has another amount at the provider": (
        EMSP, [say("cdr", "cdr,total_cost", total("0.01"), "key = '{cdr_asked}'")], {SAME_CDRS, SUMS},
    ),
    "a CDR has another amount than was metered": (
        CPO, [say("cdr", "cdr,total_cost", total("0.01"), "key = '{cdr_asked}'")], {SAME_CDRS, SUMS, METERED},
    ),
    "a CDR has another energy than was metered": (
        CPO, [say("cdr", "cdr,total_energy_kwh", '"0.01"', "key = '{cdr_asked}'")], {SAME_CDRS, ENERGY},
    ),
    "a credit never reached the provider": (
        EMSP, ["DELETE FROM cdr WHERE key = '{credit}'"], {CREDITS, SAME_CDRS, SUMS},
    ),
    "a credit gives back less": (
        CPO, [say("cdr", "cdr,total_cost", total("-0.01"), "key = '{credit}'")], {CREDITS, SAME_CDRS, SUMS},
    ),
    "a CDR was never sent": (
        CPO,
        ["DELETE FROM cdr_event WHERE state <> 'GENERATED' AND"
         " cdr_number = (SELECT number FROM cdr WHERE key = '{cdr_asked}')"],
        {DELIVERED},
    ),
    "a CDR was never acknowledged": (
        CPO, ["DELETE FROM cdr_receipt"], {RECEIPT, PROVED},
    ),
    "a receipt was never proved": (
        CPO, ["UPDATE cdr_receipt SET proved = false WHERE cdr_number IN"
              " (SELECT number FROM cdr WHERE key = '{cdr_asked}')"], {PROVED},
    ),
    "a CDR was put aside": (
        EMSP, ["UPDATE cdr_event SET state = 'QUARANTINED' WHERE state = 'ACCEPTED' AND"
               " cdr_number = (SELECT number FROM cdr WHERE key = '{cdr_asked}')"], {ACCEPTED},
    ),
    "a CDR came by no message": (
        EMSP, ["UPDATE cdr SET evidence_number = NULL WHERE key = '{cdr_asked}'"], {ACCEPTED},
    ),
    "a CDR refers to the message of another one": (
        EMSP, ["UPDATE cdr SET evidence_number = (SELECT evidence_number FROM cdr WHERE key = '{cdr_whitelist}')"
               " WHERE key = '{cdr_asked}'"], {BYTES},
    ),
    "other bytes were taken than were sent": (
        EMSP, ["UPDATE evidence SET body = (SELECT body FROM evidence WHERE object_key = '{cdr_whitelist}'"
               " AND direction = 'IN' LIMIT 1) WHERE object_key = '{cdr_asked}' AND direction = 'IN'"], {BYTES},
    ),
    "the bytes that were sent are gone": (
        CPO, ["DELETE FROM evidence WHERE object_key = '{cdr_asked}'"], {BYTES},
    ),
    "an invoice never arrived": (
        EMSP, ["DELETE FROM invoice"], {PAPER_LOST, SUMS},
    ),
    "a statement is gone": (
        CPO, ["DELETE FROM statement"], {PAPER_LOST, INVOICES},
    ),
    "a statement is another one at the provider": (
        EMSP, [say("statement", "currency", '"CHF"', "true")], {PAPERS},
    ),
    "a statement claims another amount": (
        CPO, [say("statement", "items,0,net", '"99"', "true")], {PAPERS, CLAIMS, INVOICES},
    ),
    "a statement claims a CDR twice": (
        CPO, ["UPDATE statement SET document = jsonb_set(document, '{items}', (document -> 'items') ||"
              " (document -> 'items'))"], {PAPERS, TWICE, INVOICES},
    ),
    "a CDR is on no statement": (
        CPO, ["UPDATE statement SET document = document #- '{items,0}'"], {PAPERS, INVOICES, UNCLAIMED},
    ),
    "an invoice was booked twice": (
        CPO,
        [clone("ledger_entry", "true", number="-1", key="'again/' || t.key"),
         clone("ledger_posting", "true", entry_number="-1")],
        {LEDGER, SUMS},
    ),
    "an entry of the ledger is off": (
        EMSP, ["UPDATE ledger_posting SET amount_minor = amount_minor + 1 WHERE account LIKE 'payable/%'"],
        {LEDGER, SUMS},
    ),
    "the other side no longer takes the token": (
        EMSP, ["UPDATE access_token SET retired_at = now()"], {TOKEN},
    ),
    "tokens of old rotations are live": (
        EMSP, [clone("access_token", NEWEST, number=str(-n), request_key=f"'{n}'", lookup_hash=f"'{n}'")
               for n in (1, 2)], {LEFT_OVER},
    ),
    "a registration token is live": (
        EMSP, [clone("access_token", NEWEST, number="-1", purpose="'REGISTRATION'", lookup_hash="'1'")],
        {LEFT_OVER},
    ),
    "a connection is not connected": (
        CPO, [say("connection", "state", '"REGISTERING"', "true")], {STANDS},
    ),
    "a card never reached the operator": (
        CPO, ["DELETE FROM token WHERE number = (SELECT min(number) FROM token)"], {OBJECTS},
    ),
    "a location is left over at the provider": (
        CPO, ["DELETE FROM location WHERE key = 'NL*KLP/L1'"], {OBJECTS},
    ),
    "a tariff is another one at the provider": (
        EMSP, [say("tariff", "currency", '"CHF"', "true")], {OBJECTS},
    ),
    "an order waits for ever": (
        EMSP, ["UPDATE command SET state = 'UNANSWERED', settled = false, result = NULL,"
               " due_at = now() - interval '1 s' WHERE kind = 'STOP_SESSION'"], {OPEN, OUTCOME},
    ),
    "an order of which the backend has not heard is open": (
        CPO, ["UPDATE command SET state = 'ACCEPTED', settled = false, result = NULL,"
              " due_at = now() + interval '1 h' WHERE kind = 'STOP_SESSION'"], {OPEN, OUTCOME, OUTCOME_LOST},
    ),
    "an order is gone": (
        EMSP, ["DELETE FROM command WHERE kind = 'STOP_SESSION'"], {ORDER_LOST, EXECUTED, OUTCOME},
    ),
    "an order has lost its session": (
        EMSP, ["UPDATE command SET session_key = NULL WHERE kind = 'START_SESSION'"], {ORDERS_SESSION},
    ),
    "a session has lost its authorisation": (
        CPO, ["UPDATE session SET document = document - 'authorization_reference' WHERE key = '{asked}'"],
        {SAME_SESSION, AUTHORISED},
    ),
    "an order stands twice at the operator": (
        CPO, [clone("command", "kind = 'START_SESSION'", number="-1", id="'again'")], {EXECUTED, EVENT},
    ),
    "an order never reached the operator": (
        CPO, ["DELETE FROM command WHERE kind = 'START_SESSION'"], {ORDER_LOST, OUTCOME, OUTCOME_LOST},
    ),
    "the provider gave an order that nobody asked for": (
        EMSP, [clone("command", "kind = 'STOP_SESSION'", number="-1", id="'more'", sent_at="NULL", response="NULL")],
        {ORDER_INVENTED, EVENT},
    ),
    "the two know different outcomes": (
        EMSP, ["UPDATE command SET result = jsonb_set(result, '{outcome}', '\"FAILED\"')"
               " WHERE kind = 'START_SESSION'"], {OUTCOME},
    ),
    "a person is asked for": (
        CPO, ["INSERT INTO review_case (id, kind, subject, state, opened_at, document) VALUES"
              " ('1', 'cdr-late', 'x', 'OPEN', now(), '{\"text\": \"it is late\"}')"], {CASE},
    ),
    "something was never told": (
        CPO, ["INSERT INTO outbox (connection_id, module, object_key, action) VALUES ('x', 'tariffs', 'y', 'PUT')"],
        {OUTBOX},
    ),
    "something was refused": (
        CPO, ["UPDATE outbox SET settled_at = NULL, refused_at = now(), reason = 'no'"
              " WHERE number = (SELECT min(number) FROM outbox)"], {OUTBOX},
    ),
    "a write that was answered has left no trace": (
        CPO, ["DELETE FROM idempotency WHERE key LIKE '%/start %'"], {WRITE},
    ),
    "a write was answered otherwise": (
        CPO, ["UPDATE idempotency SET status = 409 WHERE key LIKE '%/start %'"], {ANSWER},
    ),
    "a write was begun and never ended": (
        EMSP, ["UPDATE idempotency SET status = NULL WHERE key LIKE '%/invitation'"], {ANSWER},
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", PLANTS)
async def test_what_is_planted_is_found(
    what: str, played: Played, books: dict[str, Books], monkeypatch: pytest.MonkeyPatch
) -> None:
    name, statements, expected = PLANTS[what]
    _answers_well(monkeypatch)
    async with _planted(books[name], [played.named(each) for each in statements]):
        read = {family: await reader(books[name]) for family, reader in READERS.items()}
    found = played.judged(replace(played.of(name), **read))
    assert {each.check for each in found} == expected, [str(each) for each in found]


SPREAD = (
    "UPDATE event SET number = -10 * number",
    "UPDATE event SET number = -number",
    "SELECT setval('event_number_seq', 10 * last_value) FROM event_number_seq",
)
"""Makes room between events."""

EVENTS: dict[str, tuple[str, str, set[str]]] = {
    "an event is gone": (
        EMSP, "DELETE FROM event WHERE kind = 'session.ended' AND object_key = '{asked}'", {EVENT},
    ),
    "a fact was told twice": (
        EMSP, clone("event", "kind = 'session.ended' AND object_key = '{asked}'", number="t.number + 1"), {FACT},
    ),
    "a change was told twice": (
        CPO, clone("event", "kind = 'session.changed' AND number = (SELECT min(number) FROM event"
                   " WHERE kind = 'session.changed' AND object_key = '{asked}')", number="t.number + 1"), {FACT},
    ),
    "facts were told in another order": (
        EMSP, "UPDATE event SET number = 1 WHERE kind = 'cdr.checked' AND object_key = '{cdr_asked}'", {FACT},
    ),
    "an older state was told after a newer one": (
        CPO, "UPDATE event SET number = (SELECT max(number) + 1 FROM event WHERE object_key = '{asked}') WHERE number ="
             " (SELECT min(number) FROM event WHERE kind = 'session.changed' AND object_key = '{asked}')",
        {FACT, EVENT},
    ),
    "an event is stored, and shown to nobody": (
        CPO, clone("event", "number = (SELECT max(number) FROM event)", number="t.number + 1000000"), {EVENT},
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", EVENTS)
async def test_events_that_are_planted_are_found(what: str, played: Played, databases: Databases) -> None:
    name, statement, expected = EVENTS[what]
    async with _copied(played, name, databases, *SPREAD, statement) as books:
        feed = await events.read(books)
    found = played.judged(replace(played.of(name), feed=feed))
    assert {each.check for each in found} == expected, [str(each) for each in found]


async def test_a_record_that_was_changed_is_found_by_the_log(played: Played, databases: Databases) -> None:
    statement = "UPDATE cdr SET net = net + 1 WHERE key = '{cdr_asked}'"
    async with _copied(played, CPO, databases, statement) as books:
        log = await evidence_log.read(books)
    (found,) = played.judged(replace(played.cpo, log=log))
    assert (found.check, played.names["cdr_asked"] in found.what) == (LOG, True)


async def test_a_record_that_is_gone_is_found_by_the_log(played: Played, databases: Databases) -> None:
    async with _copied(played, CPO, databases, "DELETE FROM cdr_receipt") as books:
        log = await evidence_log.read(books)
    found = played.judged(replace(played.cpo, log=log))
    assert {each.check for each in found} == {LOG, "each record is in the evidence log"}


async def test_a_log_that_was_cut_off_is_found(played: Played, databases: Databases) -> None:
    cut = "DELETE FROM log_leaf WHERE position = (SELECT max(position) FROM log_leaf)"
    async with _copied(played, CPO, databases, cut) as books:
        log = await evidence_log.read(books)
    assert LOG in {each.check for each in played.judged(replace(played.cpo, log=log))}


async def test_a_lock_that_nobody_gave_back_is_found(played: Played, books: dict[str, Books]) -> None:
    other = await asyncpg.connect(played.cpo.site.database_url)
    try:
        await other.execute("SELECT pg_advisory_lock(4711)")
        left = await leftovers.read(books[CPO])
    finally:
        await other.close()
    (found,) = played.judged(replace(played.cpo, leftovers=left))
    assert found.check == "nothing is held"


async def test_a_token_that_the_other_side_does_not_take_is_found(played: Played) -> None:
    access = replace(played.cpo.access, answer="HTTP 401, OCPI None")
    (found,) = played.judged(replace(played.cpo, access=access))
    assert (found.check, found.about) == (STANDS, "cpo connection")


async def test_nobody_is_there_to_be_called(played: Played, books: dict[str, Books]) -> None:
    """The two sites have gone by now: the call that is made is a real one."""
    access = await credentials.read(books[CPO])
    assert (access.answer or "").startswith("ConnectError")


# --- workflows --------------------------------------------------------------------------------------------------

FAILED, STUCK = "no workflow failed", "no workflow is stuck"


@pytest.mark.parametrize(
    ("kind", "changed", "expected"),
    [
        ("CdrDelivery", {"status": WorkflowExecutionStatus.FAILED}, {FAILED}),
        ("Command", {"status": WorkflowExecutionStatus.TIMED_OUT}, {FAILED}),
        ("Handshake", {"status": WorkflowExecutionStatus.TERMINATED}, {FAILED}),
        ("PartnerFeed", {"state": "STUCK"}, {STUCK}),
        ("PartnerFeed", {"state": "DRAINING"}, {STUCK}),
        ("PartnerFeed", {"problems": ("category=WorkflowTaskFailed",)}, {STUCK}),
        ("CdrDelivery", {"state": "PARKED", "attention": True, "status": WorkflowExecutionStatus.RUNNING}, {STUCK}),
        ("CdrDelivery", {"state": "DIFFERENT", "attention": True}, {STUCK}),
        ("ChargingSession", {"status": WorkflowExecutionStatus.RUNNING, "state": "ACTIVE"}, {STUCK}),
        ("FinancialLog", {"status": WorkflowExecutionStatus.RUNNING}, set()),
        ("FinancialLog", {"status": WorkflowExecutionStatus.FAILED}, {FAILED}),
    ],
)
def test_a_workflow_that_is_not_well_is_found(
    kind: str, changed: dict[str, Any], expected: set[str], played: Played
) -> None:
    runs = list(played.cpo.runs)
    place = max(number for number, run in enumerate(runs) if run.kind == kind)
    later = max(run.started_at for run in runs) + timedelta(seconds=1)
    runs[place] = replace(runs[place], **changed, started_at=later)
    found = played.judged(replace(played.cpo, runs=tuple(runs)))
    assert {each.check for each in found} == expected


def test_where_a_workflow_stands_its_newest_run_says(played: Played) -> None:
    """But a run that has failed has failed."""
    runs, run = played.cpo.runs, next(run for run in played.cpo.runs if run.kind == "Handshake")
    before = replace(run, started_at=run.started_at - timedelta(days=1), attention=True, state="GIVEN_UP")
    assert played.judged(replace(played.cpo, runs=(*runs, before))) == []
    failed = replace(before, status=WorkflowExecutionStatus.FAILED)
    assert [each.check for each in played.judged(replace(played.cpo, runs=(*runs, failed)))] == [FAILED]


def test_what_a_schedule_does_again_may_have_failed_before(played: Played) -> None:
    run = next(run for run in played.cpo.runs if run.kind == "FinancialLog")
    before = replace(run, started_at=run.started_at - timedelta(days=1), status=WorkflowExecutionStatus.FAILED)
    one, other = (replace(each, workflow_id=f"sweep-2026-11-2{day}T03:20:40Z") for day, each in ((2, before), (3, run)))
    assert played.judged(replace(played.cpo, runs=(*played.cpo.runs, one, other))) == []


def test_what_a_schedule_did_under_faults_is_let_off(played: Played) -> None:
    run = next(run for run in played.cpo.runs if run.kind == "FinancialLog")
    failed = replace(run, status=WorkflowExecutionStatus.FAILED, kind="Synchronisation", workflow_id="delta/x")
    before, after = (failed.started_at + timedelta(seconds=seconds) for seconds in (-1, 1))
    assert [each.check for each in visibility.violations(CPO, [failed], calm_since=before)] == [FAILED]
    assert list(visibility.violations(CPO, [failed], calm_since=after)) == []


def test_a_session_that_nobody_looks_after_is_found(played: Played) -> None:
    runs = tuple(run for run in played.emsp.runs if not run.workflow_id.endswith(played.key(Script.ASKED)))
    (found,) = played.judged(replace(played.emsp, runs=runs))
    assert (found.check, found.about) == (ATTENDED, f"emsp session {played.key(Script.ASKED)}")


async def test_workflows_are_read_from_temporal(played: Played) -> None:
    client = await temporal_of(played.cpo.site)
    await client.start_workflow("Nothing", id="planted", task_queue="nobody")
    handle = client.get_workflow_handle("planted")
    (running,) = await _listed(played.cpo.site, "Running")
    assert list(moving([running])) == ["Nothing planted is None"]
    assert await quiet(played.cpo.site) == ["cpo: Nothing planted is None"]
    await handle.terminate()
    (ended,) = await _listed(played.cpo.site, "Terminated")
    assert [str(each) for each in visibility.violations(CPO, [ended])] == [
        "no workflow failed: cpo workflow planted: Nothing is TERMINATED, in state None"
    ]


async def _listed(site: Site, status: str) -> tuple[visibility.Run, ...]:
    """Temporal lists a workflow a moment later."""
    client = await temporal_of(site)
    query = f'WorkflowId = "planted" AND ExecutionStatus = "{status}"'
    return await until(lambda: visibility.read(client, query), 15.0) or ()


# --- quiet --------------------------------------------------------------------------------------------------------

MOVING = {
    "an entry of the outbox": (
        CPO,
        "INSERT INTO outbox (connection_id, module, object_key, action) VALUES ('x', 'tariffs', 'y', 'PUT')",
        "cpo: 1 entries of the outbox wait",
    ),
    "an order": (EMSP, "UPDATE command SET settled = false", "emsp: 3 orders are not settled"),
    "a session": (
        CPO,
        "DELETE FROM session_outcome WHERE session_key = '{asked}'",
        "cpo: 1 sessions have ended and become nothing yet",
    ),
    "a CDR of ours": (
        CPO,
        "DELETE FROM cdr_event WHERE state <> 'GENERATED' AND"
        " cdr_number = (SELECT number FROM cdr WHERE key = '{cdr_asked}')",
        "cpo: 1 CDRs of ours have no answer",
    ),
    "a CDR of a partner": (
        EMSP,
        "DELETE FROM cdr_event WHERE state <> 'RECEIVED' AND"
        " cdr_number = (SELECT number FROM cdr WHERE key = '{cdr_asked}')",
        "emsp: 1 CDRs of partners are not checked",
    ),
    "a webhook": (
        CPO,
        "INSERT INTO webhook (id, url, kinds, sealed_secret, position) VALUES ('w', 'u', '{}', '', 0)",
        "cpo: 1 webhooks are behind",
    ),
    "the log": (
        CPO,
        "DELETE FROM log_leaf WHERE position = (SELECT max(position) FROM log_leaf)",
        "cpo: 1 records are not in the evidence log",
    ),
}


@pytest.mark.parametrize("what", MOVING)
async def test_what_is_under_way_is_told(what: str, played: Played, databases: Databases) -> None:
    name, statement, expected = MOVING[what]
    async with _copied(played, name, databases, statement) as books:
        assert expected in await quiet(books.site)


# --- rules that need no site ----------------------------------------------------------------------------------------


def test_a_case_that_a_fault_explains_is_none() -> None:
    open_case, faults = cases.OpenCase("cdr-late", "C1", "it is late"), FaultLog()
    explained = {"cdr-late": frozenset({"clock moved"})}
    assert len(list(cases.violations(CPO, [open_case], faults, explained))) == 1
    faults.add("clock moved", "cpo", "+60 s")
    assert list(cases.violations(CPO, [open_case], faults, explained)) == []


def test_the_generator_reckons_with_the_clock_on_the_wall(played: Played) -> None:
    """From 05:30 to 06:30 in Amsterdam, half an hour by day: 10 kWh at 0.39, and 0.60."""
    one = next(iter(played.journal.sessions.values()))
    start = one.start.replace(month=7, hour=3, minute=30, second=0)
    session = replace(one, start=start, end=start + timedelta(hours=1), energy_kwh=Decimal(10))
    assert reckoned(session) == (Decimal("4.50"), Decimal("5.45"))


def test_a_session_that_may_or_may_not_exist_is_missed_by_nobody(played: Played) -> None:
    one: ToldSession = next(iter(played.journal.sessions.values()))
    unknown, lost = replace(one, told=Told.ASKED), replace(one, told=Told.STARTED)
    assert list(sessions.violations({"NL*KLP/X": unknown}, (), (), TO_CPO)) == []
    assert [each.check for each in sessions.violations({"NL*KLP/X": lost}, (), (), TO_CPO)] == [LOST]


# --- planting -------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _planted(books: Books, statements: list[str]) -> AsyncIterator[None]:
    """Done by somebody who owns the database, and undone."""
    transaction = books.sql.transaction()
    await transaction.start()
    try:
        await books.sql.execute("SET LOCAL session_replication_role = replica")
        for statement in statements:
            assert not (await books.sql.execute(statement)).endswith(" 0"), statement
        yield
    finally:
        await transaction.rollback()


@asynccontextmanager
async def _copied(played: Played, name: str, databases: Databases, *statements: str) -> AsyncIterator[Books]:
    """A copy of its database, for those who look with connections of their own."""
    site, copy = played.of(name).site, await _copy_of(played.pristine[name], databases)
    url = f"{site.database_url.rpartition('/')[0]}/{copy}"
    try:
        async with opened(replace(site, database_url=url)) as books:
            await books.sql.execute("SET session_replication_role = replica")
            for statement in statements:
                assert not (await books.sql.execute(played.named(statement))).endswith(" 0"), statement
            yield books
    finally:
        await databases.drop(url)


async def _copy_of(source: str, databases: Databases) -> str:
    copy = f"copy_{next(databases.numbers)}"
    await databases._run(f"CREATE DATABASE {copy} TEMPLATE {source} STRATEGY file_copy")
    return copy


def _answers_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other site has gone; what it said to a call is known."""

    async def called(*_: object) -> None:
        return None

    monkeypatch.setattr(credentials, "_called", called)
