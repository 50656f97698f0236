"""`roam retention show`, `sweep`, `forget`: how long what is kept, what is due, and forgetting a driver.

The deployment is that of the environment's settings, else the one of `roam up` in the folder. Ends with 1 when a
driver must not be forgotten yet, and with 2 when nothing could be looked at.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import typer

from activities.retention import let_go
from canonical.identity import PartyId
from canonical.settlement import Case, CaseState
from canonical.store import (
    Affected,
    KnownDriver,
    RetentionClass,
    RetentionPolicy,
    Store,
    TableState,
)
from canonical.store.retention import CLASS_OF
from deploy.commands.given_file import refuse
from deploy.commands.opened_store import settings_in, with_store
from deploy.composition import now
from deploy.settings import Settings

T = TypeVar("T")


@dataclass(frozen=True)
class Whom:
    """A driver as a person names him: the issuer, and a card or a contract."""

    issuer: str
    uid: str | None
    contract_id: str | None


def show(folder: Path) -> None:
    """Classes, their terms and their tables, with what is due today."""
    settings = settings_in(folder)
    today = now().date()

    async def run(store: Store) -> tuple[TableState, ...]:
        async with store.transaction() as work:
            return await work.retention.overview(settings.retention, today)

    states = _with_store(settings, run)
    for each in RetentionClass:
        term = settings.retention.term(each)
        over = term.over_before(today)
        due = "" if over is None else f"; what is older than {over} is due"
        typer.echo(f"{each}: {term}{due}\n  {term.source}")
        for state in (state for state in states if CLASS_OF[state.table] is each):
            typer.echo(f"  {state.table:<24}{state.rows:>12}{_due(state, over)}")


def _due(state: TableState, over: date | None) -> str:
    if state.due is not None:
        return f"{state.due:>12} due"
    return "" if over is None else "   stays; the driver's identity goes"


def sweep(folder: Path, *, dry_run: bool) -> None:
    """Let go of what is due, or say what would go."""
    settings = settings_in(folder)
    policy, today = settings.retention, now().date()

    async def look(store: Store) -> tuple[dict[str, int], int]:
        async with store.transaction() as work:
            states = await work.retention.overview(policy, today)
            drivers, after = 0, 0
            while due := await work.forgetting.drivers_due(policy, today, after, 1000):
                after = due[-1]
                drivers += sum([await work.forgetting.known(number) is not None for number in due])
        return {state.table: state.due for state in states if state.due}, drivers

    async def run(store: Store) -> tuple[Mapping[str, int], int]:
        gone = await let_go(store, policy, today)
        return gone.rows, gone.drivers

    rows, drivers = _with_store(settings, look if dry_run else run)
    for table, count in rows.items():
        typer.echo(f"{table:<24}{count:>12}")
    typer.echo(f"{'would go' if dry_run else 'gone'}: {sum(rows.values())} rows, and the identity of {drivers} drivers")


def forget(folder: Path, whom: Whom, despite_duty: str | None, *, dry_run: bool) -> None:
    """Destroy the keys of a driver, unless a duty or something that is going on stands against it."""
    if (whom.uid is None) == (whom.contract_id is None):
        refuse("name the driver by --token or by --contract")
    try:
        issuer = PartyId.parse(whom.issuer)
    except ValueError:
        refuse("--issuer is a party, as DE*MOB")
    settings = settings_in(folder)

    async def run(store: Store) -> bool:
        async with store.transaction() as work:
            found = await work.forgetting.find(issuer, uid=whom.uid, contract_id=whom.contract_id)
            affected = {known.key.number: await work.forgetting.affected(known) for known in found}
        if not found:
            refuse("nothing that is sealed tells of such a driver: he is not known, or was forgotten already")
        against = [_tell(known, affected[known.key.number], settings.retention) for known in found]
        if dry_run:
            return True
        if any(against) and despite_duty is None:
            return False
        for known, reasons in zip(found, against, strict=True):
            await _forget(store, known, reasons, despite_duty)
            typer.echo(f"driver {known.key.number} is forgotten")
        return True

    if not _with_store(settings, run):
        typer.echo("he is not forgotten: end what is going on, or give --despite-duty with a reason", err=True)
        raise typer.Exit(1)


def _tell(known: KnownDriver, affected: Affected, policy: RetentionPolicy) -> tuple[str, ...]:
    """What forgetting touches; returns what stands against it."""
    typer.echo(
        f"driver {known.key.number}: {len(known.of_kind('contract'))} contracts, {len(known.of_kind('card'))} cards"
    )
    for table, count in affected.counts.items():
        typer.echo(f"  {table:<24}{count:>8}")
    duties = known.needed_until(policy, now().date())
    against = (*(f"{duty} until {end}" for duty, end in duties.items()), *affected.under_way)
    for reason in against:
        typer.echo(f"  against it: {reason}")
    return against


async def _forget(store: Store, known: KnownDriver, against: tuple[str, ...], despite: str | None) -> None:
    """Together with a case that says why, where something stood against it."""
    reason = "asked for" if despite is None else f"asked for, despite a duty: {despite}"
    async with store.transaction() as work:
        await work.forgetting.forget(known, reason)
        if against:
            at = now()
            await work.cases.open(
                Case(
                    id=f"driver-forgotten:{uuid4().hex[:24]}",
                    kind="driver-forgotten",
                    subject=f"driver/{known.key.number}",
                    text=f"A driver was forgotten although this stood against it: {'; '.join(against)}.",
                    state=CaseState.CLOSED,
                    opened_at=at,
                    closed_at=at,
                    accepted=True,
                    decision=despite,
                )
            )


def _with_store(settings: Settings, run: Callable[[Store], Awaitable[T]]) -> T:
    return with_store(settings.database_url.get_secret_value(), settings.vault, run)
