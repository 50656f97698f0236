"""Is anything lost, doubled or stuck? Both sites are compared with each other and with what the generator knows.

One module a family of rules. Each reads what it needs of one site, and compares in a function of its own, without any
database: so each rule can be shown to find what it is there for.
"""

from collections.abc import Collection, Iterable, Iterator
from itertools import chain

from deploy.chaos.checks import (
    cases,
    cdrs,
    commands,
    credentials,
    events,
    evidence_log,
    leftovers,
    money,
    objects,
    sessions,
    visibility,
    wire,
)
from deploy.chaos.checks.looked import Looked, looked_into
from deploy.chaos.checks.quiet import quiet
from deploy.chaos.evidence import FaultLog, Journal, Site, Violation
from workflows import ids

__all__ = ["check", "quiet"]


async def check(cpo: Site, emsp: Site, journal: Journal, faults: FaultLog) -> list[Violation]:
    """Everything that must not be, of two sites at which nothing moves any more. Extends both evidence logs.

    Raises what a database or a Temporal raises that cannot be reached.
    """
    return list(judge(await looked_into(cpo), await looked_into(emsp), journal, faults))


def judge(cpo: Looked, emsp: Looked, journal: Journal, faults: FaultLog) -> Iterable[Violation]:
    """Every rule over what was read."""
    told = cdrs.by_key(cpo.site.party, journal.sessions)
    at_emsp = emsp.site.connection_id
    yield from sessions.violations(told, cpo.sessions, emsp.sessions, at_emsp)
    yield from cdrs.violations(told, cpo.cdrs, emsp.cdrs, cpo.site.party, at_emsp)
    yield from wire.violations(cpo.messages, emsp.messages, cpo.cdrs, emsp.cdrs)
    yield from money.billed(told, cpo.cdrs, emsp.cdrs)
    yield from money.claimed(told, journal.settlements, cpo.papers.statements, cpo.cdrs)
    yield from money.settled(journal.settlements, cpo.papers, emsp.papers, cpo.cdrs)
    yield from credentials.violations("cpo", cpo.access, emsp.access)
    yield from credentials.violations("emsp", emsp.access, cpo.access)
    yield from _objects(cpo, emsp)
    yield from commands.violations(journal.commands, cpo.orders, emsp.orders)
    yield from commands.begun(told, cpo.orders, emsp.orders)
    unused = {ids.charging_session(at_emsp, key) for key, each in told.items() if not each.script.bills}
    for each in (cpo, emsp):
        yield from _of_one(each, journal, faults, unused if each is emsp else ())


def _objects(cpo: Looked, emsp: Looked) -> Iterator[Violation]:
    yield from chain.from_iterable(
        objects.violations("cpo", "emsp", cpo.shelves[family], emsp.shelves[family], emsp.site.connection_id)
        for family in objects.OF_CPO
    )
    yield from chain.from_iterable(
        objects.violations("emsp", "cpo", emsp.shelves[family], cpo.shelves[family], cpo.site.connection_id)
        for family in objects.OF_EMSP
    )


def _of_one(site: Looked, journal: Journal, faults: FaultLog, unbilled: Collection[str]) -> Iterator[Violation]:
    """Rules that each site keeps by itself. `unbilled` are workflows of sessions that no CDR comes of."""
    name = site.site.name
    yield from events.violations(name, site.feed, site.sessions, site.cdrs, site.orders)
    yield from visibility.violations(name, site.runs, unbilled, max((fault.at for fault in faults), default=None))
    yield from visibility.attended(name, site.site.connection_id, site.sessions, site.runs, unbilled)
    yield from cases.violations(name, site.cases, faults)
    yield from evidence_log.violations(name, site.log)
    yield from leftovers.violations(name, site.leftovers, journal.acknowledged)
