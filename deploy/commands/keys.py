"""`roam keys create`, `list`, `revoke`: API keys of the operator's own systems, over the contract API.

The deployment is found as by finance's commands; the key that asks needs the scope `admin`, as those in the settings
have it.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import typer

from api.contract.scopes import Scope
from deploy.commands.finance import call, show


def create(folder: Path, name: str, scopes: list[str], expires: str | None) -> None:
    """The secret is printed now and never again; so the same command given twice makes two keys."""
    _check(scopes, expires)
    order: dict[str, object] = {"name": name, "scopes": scopes, "expires_at": expires}
    show(call(folder, "POST", "/keys", json.dumps(order).encode(), once=False))


def _check(scopes: list[str], expires: str | None) -> None:
    """Raises BadParameter."""
    for scope in scopes:
        if scope not in set(Scope):
            raise typer.BadParameter(f"{scope} is none of {', '.join(Scope)}", param_hint="'scopes'")
    if expires is not None and not _is_instant(expires):
        words = f"{expires} is no instant with a zone: write 2027-01-01T00:00:00Z"
        raise typer.BadParameter(words, param_hint="'--expires'")


def _is_instant(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def list_all(folder: Path) -> None:
    found: list[Any] = []
    path: str | None = "/keys?limit=500"
    while path is not None:
        page: Any = call(folder, "GET", path)
        found += page["items"]
        path = None if page["next"] is None else f"/keys?limit=500&after={quote(page['next'], safe='')}"
    show(found)


def revoke(folder: Path, key_id: str) -> None:
    show(call(folder, "DELETE", f"/keys/{quote(key_id, safe='')}"))
