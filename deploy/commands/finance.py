"""`roam settle`, `roam approve`, `roam reconcile`: finance's steps, over the contract API like any other system's.

`ROAM_URL` and `ROAM_API_KEY` say which deployment is meant; without them it is the one that `roam up` runs in
the folder.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, NoReturn

import httpx
import typer
from rich.console import Console

from deploy.commands.up import kept_in
from deploy.embedded.ports import LOOPBACK

_TIMEOUT_S = 60.0


def settle(folder: Path, connection: str, month: str) -> None:
    _call(folder, "POST", "/settlements", {"connection": connection, "month": month})
    _show(_call(folder, "GET", f"/settlements/{connection}/{month}"))


def approve(folder: Path, connection: str, month: str, by: str) -> None:
    _show(_call(folder, "POST", f"/settlements/{connection}/{month}/approval", {"by": by}))


def reconcile(folder: Path, statement: Path) -> None:
    try:
        document = json.loads(statement.read_bytes())
    except ValueError as error:
        _fail(f"{statement} is not JSON: {error}")
    _show(_call(folder, "POST", "/statements", document))


def _call(folder: Path, method: str, path: str, body: object = None) -> object:
    base, key = _deployment(folder)
    content = None if body is None else json.dumps(body, sort_keys=True).encode()
    headers = {"Authorization": f"Bearer {key}"}
    if content is not None:
        # The same order given twice is one order.
        digest = hashlib.sha256(f"{method} {path}\n".encode() + content).hexdigest()
        headers |= {"Content-Type": "application/json", "Idempotency-Key": f"roam-{digest}"}
    try:
        answer = httpx.request(
            method, f"{base}/contract/v1{path}", content=content, headers=headers, timeout=_TIMEOUT_S, trust_env=False
        )
    except httpx.HTTPError as error:
        _fail(f"{base} cannot be reached: {error}")
    if answer.is_error:
        _fail(_problem(answer))
    return answer.json() if answer.content else None


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


def _show(document: object) -> None:
    Console(highlight=False).print_json(json.dumps(document))


def _fail(words: str) -> NoReturn:
    typer.echo(words, err=True)
    raise typer.Exit(1)
