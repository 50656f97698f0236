"""`roam demo`: the story is in `deploy.demo`."""

import typer


def run(*, keep: bool, json: bool) -> None:
    from deploy.demo import demo

    raise typer.Exit(demo(keep=keep, json=json))
