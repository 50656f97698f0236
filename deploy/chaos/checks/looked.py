"""Everything that the rules look at of one site, read once."""

from collections.abc import Mapping
from dataclasses import dataclass

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
from deploy.chaos.checks.opened import Books, opened, temporal_of
from deploy.chaos.evidence import Site


@dataclass(frozen=True)
class Looked:
    """One site as it stands."""

    site: Site
    sessions: tuple[sessions.HeldSession, ...]
    cdrs: tuple[cdrs.HeldCdr, ...]
    messages: tuple[wire.Message, ...]
    papers: money.Papers
    access: credentials.Access
    shelves: Mapping[str, objects.Shelf]
    orders: tuple[commands.Order, ...]
    feed: events.Feed
    cases: tuple[cases.OpenCase, ...]
    log: evidence_log.Verified
    leftovers: leftovers.Leftovers
    runs: tuple[visibility.Run, ...] = ()


async def looked_into(site: Site) -> Looked:
    """Reads all of it. Raises what a database or a Temporal raises that cannot be reached."""
    async with opened(site) as books:
        runs = await visibility.read(await temporal_of(site))
        return await read(books, runs)


async def read(books: Books, runs: tuple[visibility.Run, ...]) -> Looked:
    """What its database says, beside what its Temporal has said."""
    return Looked(
        site=books.site,
        sessions=await sessions.read(books),
        cdrs=await cdrs.read(books),
        messages=await wire.read(books),
        papers=await money.read(books),
        access=await credentials.read(books),
        shelves=await objects.read(books),
        orders=await commands.read(books),
        feed=await events.read(books),
        cases=await cases.read(books),
        log=await evidence_log.read(books),
        leftovers=await leftovers.read(books),
        runs=runs,
    )
