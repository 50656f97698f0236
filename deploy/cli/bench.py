"""`roam bench`."""

from typing import Annotated

import typer

from deploy.cli.options import AsJson

app = typer.Typer(no_args_is_help=True, help="Measure, beside a ceiling of the same kind.")


@app.command("edge")
def bench_edge(
    *,
    quick: Annotated[bool, typer.Option(help="A few seconds, only to see that it runs.")] = False,
    json: AsJson = False,
    only: Annotated[str | None, typer.Option(help="Only what has this in its name.")] = None,
) -> None:
    """Measure the partners' edge: pages, single objects, writes and real-time authorisation."""
    from deploy.commands.bench import edge

    edge(quick=quick, json=json, only=only)


@app.command("pricing")
def bench_pricing(
    *,
    quick: Annotated[bool, typer.Option(help="A second or two, only to see that it runs.")] = False,
    json: AsJson = False,
) -> None:
    """Measure the pricing engine on one core: CDRs a second, beside json.loads of the same CDRs, and memory."""
    from deploy.commands.bench import pricing

    pricing(quick=quick, json=json)


@app.command("sessions")
def bench_sessions(
    *,
    quick: Annotated[bool, typer.Option(help="Half a minute, only to see that it runs.")] = False,
    json: AsJson = False,
) -> None:
    """Measure what a charging session costs, both sides of it, beside the least that a durable workflow can be."""
    from deploy.commands.bench import sessions

    sessions(quick=quick, json=json)
