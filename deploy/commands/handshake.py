"""`roam handshake …`: what a person does about the exchange of credentials with a partner, over the contract API."""

import json
import sys
from pathlib import Path
from urllib.parse import quote

import typer

from deploy.commands import finance
from deploy.commands.finance import call


def show(folder: Path, connection: str) -> None:
    finance.show(call(folder, "GET", _path(connection)))


def act(folder: Path, connection: str, what: str) -> None:
    """`what` is the last part of the call's path."""
    finance.show(call(folder, "POST", _path(connection, what)))


def hand_in(folder: Path, connection: str, versions_url: str | None) -> None:
    """The token is no argument, for those are seen by every user of the machine and kept by the shell."""
    piped = not sys.stdin.isatty()
    token = sys.stdin.readline().strip() if piped else typer.prompt("Token of the partner", hide_input=True).strip()
    order = {"token": token, "versions_url": versions_url}
    finance.show(call(folder, "POST", _path(connection, "token"), json.dumps(order).encode(), once=False))


def invite(folder: Path, connection: str) -> None:
    """The same command given twice issues two tokens, of which the second one is good."""
    finance.show(call(folder, "POST", _path(connection, "invitation")))


def _path(connection: str, what: str | None = None) -> str:
    base = f"/connections/{quote(connection, safe='')}/handshake"
    return base if what is None else f"{base}/{what}"
