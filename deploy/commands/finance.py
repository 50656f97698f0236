"""`roam settle`, `roam approve`, `roam reconcile`: finance's steps, over the contract API like any other system's.

`ROAM_URL` and `ROAM_API_KEY` say which deployment is meant; without them it is the one that `roam up` runs in
the folder.
"""

import hashlib
import json
import os
import re
import time
from http import HTTPStatus
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

import httpx
import typer
from rich.console import Console

from deploy.commands.up import kept_in
from deploy.embedded.ports import LOOPBACK

_TIMEOUT_S = 60.0
_POLL_S = 0.5
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


def settle(folder: Path, connection: str, month: str) -> None:
    _check(month)
    call(folder, "POST", "/settlements", _json(connection=connection, month=month))
    show(call(folder, "GET", f"/settlements/{quote(connection, safe='')}/{month}"))


def approve(folder: Path, connection: str, month: str, by: str) -> None:
    _check(month)
    show(call(folder, "POST", f"/settlements/{quote(connection, safe='')}/{month}/approval", _json(by=by)))


def reconcile(folder: Path, connection: str, statement: Path) -> None:
    """Hand the statement in as it is, and wait for the report on it."""
    document = statement.read_bytes()
    try:
        statement_id = json.loads(document)["id"]
    except (ValueError, KeyError, TypeError):
        _fail(f"{statement} is not a statement in JSON")
    # Its bytes go out as they came: numbers that pass through here would be rounded.
    whole = b'{"connection": ' + json.dumps(connection).encode() + b', "statement": ' + document + b"}"
    call(folder, "POST", "/statements", whole)
    show(_awaited(folder, f"/statements/{quote(str(statement_id), safe='')}/report"))


def _check(month: str) -> None:
    if not _MONTH.fullmatch(month):
        raise typer.BadParameter(f"{month} is no month: write 2026-03", param_hint="'month'")


def _awaited(folder: Path, path: str) -> object:
    deadline = time.monotonic() + _TIMEOUT_S
    while True:
        answer = _request(folder, "GET", path)
        if answer.status_code != HTTPStatus.NOT_FOUND or time.monotonic() > deadline:
            return _content(answer)
        time.sleep(_POLL_S)


def call(folder: Path, method: str, path: str, body: bytes | None = None, *, once: bool = True) -> object:
    """What the api answers; ends with its words when it refuses. `once`: the same order again is the same one."""
    return _content(_request(folder, method, path, body, once=once))


def _request(folder: Path, method: str, path: str, body: bytes | None = None, *, once: bool = True) -> httpx.Response:
    base, key = _deployment(folder)
    headers = {"Authorization": f"Bearer {key}"}
    if body is not None:
        headers["Content-Type"] = "application/json"
        if once:
            # The same order given twice is one order.
            digest = hashlib.sha256(f"{method} {path}\n".encode() + body).hexdigest()
            headers["Idempotency-Key"] = f"roam-{digest}"
    url = f"{base}/contract/v1{path}"
    try:
        return httpx.request(method, url, content=body, headers=headers, timeout=_TIMEOUT_S, trust_env=False)
    except httpx.HTTPError as error:
        _fail(f"{base} cannot be reached: {error}")


def _content(answer: httpx.Response) -> object:
    if answer.is_error:
        _fail(_problem(answer))
    return json.loads(answer.content, parse_float=str)  # shown as they are, never as a binary approximation


def _deployment(folder: Path) -> tuple[str, str]:
    """Base address and API key."""
    url, key = os.environ.get("ROAM_URL"), os.environ.get("ROAM_API_KEY")
    kept = kept_in(folder)
    if url is None and kept is not None:
        url = f"http://{LOOPBACK}:{kept.port}"
    if key is None and kept is not None:
        key = (folder / "secrets" / "roam_contract_api_keys").read_text(encoding="utf-8").split(",")[0]
    if url is None or key is None:
        _fail(f"set ROAM_URL and ROAM_API_KEY: nothing has been started with `roam up` in {folder}")
    return url.rstrip("/"), key


def _problem(answer: httpx.Response) -> str:
    try:
        problem: dict[str, Any] = answer.json()
        return f"{problem.get('title', answer.status_code)}: {problem.get('detail', '')}"
    except (ValueError, AttributeError):
        return f"the api answered {answer.status_code}"


def _json(**values: str) -> bytes:
    return json.dumps(values).encode()


def show(document: object) -> None:
    """Print a document for people and machines."""
    Console(highlight=False).print_json(json.dumps(document))


def _fail(words: str) -> NoReturn:
    typer.echo(words, err=True)
    raise typer.Exit(1)
