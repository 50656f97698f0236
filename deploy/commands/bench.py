"""`roam bench`: what edge, pricing engine and sessions cost, beside something of the same kind."""

import json as json_
from typing import cast

import typer
from rich.console import Console
from rich.table import Table

from deploy.embedded import EmbeddedError
from deploy.processes import ProcessError


def edge(*, quick: bool, json: bool, only: str | None) -> None:
    """Measure, and print a table or JSON."""
    from deploy.bench.edge import NAMES, Plan, measure

    if only is not None and not any(only in name for name in NAMES):
        raise typer.BadParameter(f"{only} is in none of: {', '.join(NAMES)}", param_hint="'--only'")
    console = Console(stderr=True, highlight=False)
    try:
        found = measure(Plan.quick() if quick else Plan.full(), only, lambda text: console.print(f"{text} …"))
    except EmbeddedError as error:
        console.print(f"[red]{error}[/]")
        raise typer.Exit(1) from None
    measured = cast("list[dict[str, object]]", found["measured"])
    if json:
        typer.echo(json_.dumps(found, indent=2))
    else:
        Console(highlight=False, width=140).print(_table(measured))
    refused = sum(_way(m, "ours")["refused"] + _way(m, "ceiling")["refused"] for m in measured)
    if refused or not measured:
        console.print(f"[red]{refused:.0f} requests were not answered with success[/]")
        raise typer.Exit(1)


def _table(measured: list[dict[str, object]]) -> Table:
    table = Table(title="ours, and the ceiling beneath")
    for name in ("", "a second", "p50 ms", "p99 ms", "server CPU ms", "database CPU ms", "ratio", "CPU ratio"):
        table.add_column(name, justify="left" if not name else "right")
    for measurement in measured:
        ours, ceiling = _way(measurement, "ours"), _way(measurement, "ceiling")
        table.add_row(str(measurement["name"]), *_cells(ours), str(measurement["ratio"]), str(measurement["cpu_ratio"]))
        table.add_row("", *_cells(ceiling), "", "", style="dim")
    return table


def _cells(way: dict[str, float]) -> list[str]:
    return [str(way[name]) for name in ("per_second", "p50_ms", "p99_ms", "server_cpu_ms", "database_cpu_ms")]


def _way(measurement: dict[str, object], name: str) -> dict[str, float]:
    return cast("dict[str, float]", measurement[name])


def pricing(*, quick: bool, json: bool) -> None:
    """Measure the pricing engine, and print a table or JSON."""
    from deploy.bench.pricing import Plan, measure

    console = Console(stderr=True, highlight=False)
    found = measure(Plan.quick() if quick else Plan.full(), lambda text: console.print(f"{text} …"))
    if json:
        typer.echo(json_.dumps(found, indent=2))
    else:
        Console(highlight=False, width=140).print(_pricing_table(cast("list[dict[str, object]]", found["measured"])))


def _pricing_table(measured: list[dict[str, object]]) -> Table:
    table = Table(title="CDRs priced on one core, by the CPU time of the process")
    for name in ("", "a second", "target", "µs a CDR", "json.loads a second", "times json.loads", "memory growth KiB"):
        table.add_column(name, justify="left" if not name else "right")
    names = ("name", "per_second", "target", "microseconds", "json_per_second", "times_json", "memory_growth_kib")
    for measurement in measured:
        table.add_row(*("" if measurement[name] is None else str(measurement[name]) for name in names))
    return table


def sessions(*, quick: bool, json: bool) -> None:
    """Measure sessions between two deployments, and print a table or JSON."""
    from deploy.bench.sessions import Plan, measure

    console = Console(stderr=True, highlight=False)
    try:
        found = measure(Plan.quick() if quick else Plan.full(), lambda text: console.print(f"{text} …"))
    except (EmbeddedError, ProcessError, TimeoutError) as error:
        console.print(f"[red]{error}[/]")
        raise typer.Exit(1) from None
    if json:
        typer.echo(json_.dumps(found, indent=2))
    else:
        _print_sessions(Console(highlight=False, width=140), found)


def _print_sessions(console: Console, found: dict[str, object]) -> None:
    columns = ("temporal", "worker", "api", "database")
    table = Table(title="CPU ms of one")
    for name in ("", *columns, "Temporal and worker", "times a trivial workflow"):
        table.add_column(name, justify="left" if not name else "right")
    ratio = cast("dict[str, float]", found["ratio"])
    ways = cast("dict[str, dict[str, object]]", found["sides"]) | {"trivial workflow": found["trivial"]}
    for name, way in ways.items():
        cpu = cast("dict[str, float]", cast("dict[str, object]", way)["cpu_ms"])
        durable = f"{cpu['temporal'] + cpu['worker']:.1f}"
        title = f"session, {name}" if name in ratio else name
        cells = [str(cpu.get(column, "")) for column in columns]
        table.add_row(title, *cells, durable, str(ratio.get(name, 1)))
    console.print(table)
    console.print(f"{found['sessions_per_second']} sessions a second as fast as they go, both sides on this machine")
    for what, seconds in cast("dict[str, list[float]]", found["answered_s"]).items():
        console.print(f"a session is billed after a {what} of its worker within {seconds} s")
