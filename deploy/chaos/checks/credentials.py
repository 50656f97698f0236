"""Credentials: each side calls the other with a token that the other takes, and none is left over from a rotation."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import httpx
from pydantic import SecretStr

from adapters.registry import build_registry
from canonical.partner import Connection, LinkState
from canonical.store import AccessPurpose
from deploy.chaos.checks.opened import Books
from deploy.chaos.evidence import Violation

_PAIR: Final = 2
"""The token in use, and a newer one that its partner has not used yet."""
_PATIENCE_S: Final = 15.0
_SUCCESS: Final = 1000


@dataclass(frozen=True)
class Inbound:
    """A live token that the partner may call us with: what it is good for, and a digest of it."""

    purpose: AccessPurpose
    digest: str


@dataclass(frozen=True)
class Access:
    """How one side stands to the other. `outbound` is a digest of the token that we call with, None: there is none.

    `answer` is what the partner said to a call with it, None where all went well.
    """

    connections: tuple[tuple[str, LinkState], ...]
    inbound: tuple[Inbound, ...]
    outbound: str | None
    answer: str | None


async def read(books: Books) -> Access:
    """Also calls the partner, as the platform would."""
    site, sql = books.site, books.sql
    rows = await sql.fetch("SELECT document FROM connection ORDER BY number")
    connections = [Connection.model_validate_json(row["document"]) for row in rows]
    folded = site.connection_id.upper()
    live = "FROM {} WHERE upper(connection_id) = $1 AND retired_at IS NULL ORDER BY number"
    inbound = await sql.fetch(f"SELECT purpose, sealed {live.format('access_token')}", folded)
    outbound = await sql.fetch(f"SELECT sealed {live.format('outbound_token')}", folded)
    newest = books.vault.open(outbound[-1]["sealed"]) if outbound else None
    ours = next((each for each in connections if each.id.upper() == folded), None)
    return Access(
        connections=tuple((each.id, each.state) for each in connections),
        inbound=tuple(
            Inbound(AccessPurpose(row["purpose"]), _digest(books.vault.open(row["sealed"]))) for row in inbound
        ),
        outbound=None if newest is None else _digest(newest),
        answer="there is nothing to call with" if ours is None or newest is None else await _called(ours, newest),
    )


def violations(name: str, ours: Access, theirs: Access) -> Iterator[Violation]:
    """What is wrong at the site `name`; `theirs` is the other one."""
    about = f"{name} connection"
    if [state for _, state in ours.connections] != [LinkState.CONNECTED]:
        words = ", ".join(f"{each} is {state}" for each, state in ours.connections) or "there is none"
        yield Violation("the connection stands", about, f"expected one that is CONNECTED, found: {words}")
    admitted = [each.digest for each in theirs.inbound if each.purpose is AccessPurpose.ACCESS]
    if ours.outbound not in admitted:
        words = f"calls with {ours.outbound or 'no token'}, and the other side takes {', '.join(admitted) or 'none'}"
        yield Violation("both stores hold the same token", about, words)
    if ours.answer is not None:
        yield Violation("the connection stands", about, f"a call with its token: {ours.answer}")
    access = [each for each in ours.inbound if each.purpose is AccessPurpose.ACCESS]
    if len(access) > _PAIR:
        yield Violation("no token is left over", about, f"{len(access)} tokens are live: {_digests(access)}")
    other = [each for each in ours.inbound if each.purpose is not AccessPurpose.ACCESS]
    if other:
        yield Violation("no token is left over", about, f"a registration token is live still: {_digests(other)}")


async def _called(connection: Connection, token: SecretStr) -> str | None:
    """GET the partner's versions with a token: what went wrong, in words."""
    if connection.adapter is None or connection.versions_url is None:
        return "its handshake has not got so far"
    adapter = build_registry(None).by_key(connection.adapter)
    header = adapter.encode_token(token.get_secret_value(), connection.token_spelling)
    try:
        async with httpx.AsyncClient(timeout=_PATIENCE_S) as client:
            answer = await client.get(connection.versions_url, headers={"Authorization": header})
        status = answer.json().get("status_code") if answer.is_success else None
    except (httpx.HTTPError, ValueError, AttributeError) as error:
        return f"{type(error).__name__}: {error}"
    return None if status == _SUCCESS else f"HTTP {answer.status_code}, OCPI {status}"


def _digest(token: SecretStr) -> str:
    """Enough of a digest to tell two random tokens apart, and of no use to anybody."""
    return hashlib.sha256(token.get_secret_value().encode()).hexdigest()[:8]


def _digests(tokens: list[Inbound]) -> str:
    return ", ".join(each.digest for each in tokens)
