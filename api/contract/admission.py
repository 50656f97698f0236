"""May this token charge? Decided here where its issuer lets us, and asked where it does not.

OCPI 2.2.1 tokens, WhitelistType: the whitelist is read first, validity second.
"""

import asyncio
from dataclasses import dataclass

from activities.partner_link import calls_to
from adapters.contract import PartnerError, PartnerNotFound
from api.services import Services
from canonical.identity import ObjectId, PartyId, Role
from canonical.model import fold
from canonical.partner import Connection, LinkState, Side
from canonical.store import UnitOfWork
from canonical.token import Allowed, Authorization, LocationReference, Token, TokenType, Whitelist

_PATIENCE_S = 8.0
_LOCAL = frozenset({Whitelist.ALWAYS, Whitelist.ALLOWED})


@dataclass(frozen=True)
class TokenName:
    """A token as a charger reads it. The issuer is not on the card: it is told, or found."""

    uid: str
    type: TokenType
    issuer: PartyId | None = None


@dataclass(frozen=True)
class Holder:
    """A token that we know, and the connection to its issuer."""

    token: Token
    connection: Connection


async def find(unit: UnitOfWork, name: TokenName) -> Holder | None:
    """The token among those that connected providers gave us."""
    for connection in await issuers(unit, name):
        for party in _parties(connection, name):
            object_id = ObjectId(owner=party, id=f"{name.type}/{fold(name.uid)}")
            token = await unit.tokens.get(object_id, source=connection.id)
            if token is not None:
                return Holder(token, connection)
    return None


async def issuers(unit: UnitOfWork, name: TokenName) -> tuple[Connection, ...]:
    """Connected providers that may have issued the token."""
    return tuple(
        connection
        for connection in await unit.connections.list()
        if Side.CPO in connection.our_sides and connection.state is LinkState.CONNECTED and _parties(connection, name)
    )


def decided_locally(token: Token) -> Allowed | None:
    """Our own decision, or None when the issuer wants to be asked."""
    if token.whitelist not in _LOCAL:
        return None
    return Allowed.ALLOWED if token.valid else Allowed.BLOCKED


async def ask(
    services: Services, connection: Connection, name: TokenName, location: LocationReference | None
) -> Authorization | None:
    """The issuer's word in real time; None when the token is not one of its own.

    Raises PartnerError, also when the answer takes too long: a driver stands there and waits.
    """
    if connection.adapter is None:
        raise PartnerError("the connection has no adapter")
    calls = await calls_to(services.store, services.registry, connection)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return (await calls.authorize(name.uid, name.type, location)).value
    except PartnerNotFound:
        return None
    except TimeoutError as error:
        raise PartnerError("no answer in time") from error


async def may_start(unit: UnitOfWork, holder: Holder) -> Allowed:
    """Whether a session may start: by our own decision, else by the issuer's last word.

    Without any word, only a valid ALLOWED_OFFLINE token may charge.
    """
    local = decided_locally(holder.token)
    if local is not None:
        return local
    last = await unit.authorizations.latest(holder.token.uid, holder.token.type, connection_id=holder.connection.id)
    if last is not None:
        return last.allowed
    offline = holder.token.whitelist is Whitelist.ALLOWED_OFFLINE and holder.token.valid
    return Allowed.ALLOWED if offline else Allowed.NOT_ALLOWED


def _parties(connection: Connection, name: TokenName) -> tuple[PartyId, ...]:
    return tuple(
        role.party
        for role in connection.partner_roles
        if role.role is Role.EMSP and (name.issuer is None or role.party.key == name.issuer.key)
    )
