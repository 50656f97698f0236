"""May this token charge? Decided here where its issuer lets us, and asked where it does not.

OCPI 2.2.1 tokens, WhitelistType: the whitelist is read first, validity second.
"""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from activities.partner_link import calls_to
from adapters.contract import PartnerError, PartnerNotFound
from api.services import Services
from canonical.command import CommandRecord
from canonical.identity import ObjectId, PartyId
from canonical.model import fold
from canonical.partner import Connection, LinkState, Side
from canonical.store import Driver, UnitOfWork
from canonical.token import Allowed, Authorization, LocationReference, Token, TokenType, Whitelist

_SECURITY = logging.getLogger("roamwork.security")
_PATIENCE_S = 8.0
_GOOD_FOR = timedelta(minutes=15)
"""An issuer that wants to be asked for each session is asked anew when its last word is older at the start of one."""

_LOCAL = frozenset({Whitelist.ALWAYS, Whitelist.ALLOWED})


@dataclass(frozen=True)
class TokenName:
    """A token as a charger reads it. The issuer is not on the card: it is told, or found."""

    uid: str
    type: TokenType
    issuer: PartyId | None = None


@dataclass(frozen=True)
class Holder:
    """A token that we know, and the connection to its issuer. `order` is the issuer's own, if it came with one."""

    token: Token
    connection: Connection
    order: CommandRecord | None = None


async def find(unit: UnitOfWork, name: TokenName) -> Holder | None:
    """The token among those that connected providers gave us."""
    for connection in await issuers(unit, name):
        parties = await unit.hub_clients.reachable(connection, Side.CPO)
        names = [
            ObjectId(owner=party, id=f"{name.type}/{fold(name.uid)}")
            for party in parties
            if name.issuer is None or party.key == name.issuer.key
        ]
        token = await unit.tokens.first(names, source=connection.id)
        if token is not None:
            return Holder(token, connection)
    return None


async def ordered(
    unit: UnitOfWork, name: TokenName, location_id: str | None, evse_uid: str | None, at: datetime
) -> Holder | None:
    """The token that came with a provider's order for this place, which needs no other permission.

    The order may name no EVSE; then it is good for every one of its location (OCPI 2.2.1 commands, StartSession).
    It is good while its provider is connected, and not for a token that another provider has given us: a uid is no
    secret, and whoever knows one could otherwise draw a stranger's session to itself.
    """
    return await _by_order(unit, name, location_id, evse_uid, await unit.commands.admitting(name.uid, name.type, at))


async def promised(
    unit: UnitOfWork, name: TokenName, location_id: str | None, evse_uid: str | None, at: datetime
) -> Holder | None:
    """The same of an order that was concluded meanwhile, where we had said by it that the token may charge.

    Our word is good for one session, and as long as an issuer's.
    """
    since = at - _GOOD_FOR
    records = []
    for record in await unit.commands.given_up(name.uid, name.type, since):
        order, connection_id = record.command, record.connection_id
        said = await unit.authorizations.latest(name.uid, name.type, connection_id=connection_id, since=since)
        by_it = said is not None and (said.token, said.authorization_reference) == (
            order.token,
            order.authorization_reference,
        )
        if said is not None and by_it and said.allowed is Allowed.ALLOWED:
            records.append(record)
    return await _by_order(unit, name, location_id, evse_uid, records)


async def _by_order(
    unit: UnitOfWork, name: TokenName, location_id: str | None, evse_uid: str | None, records: Iterable[CommandRecord]
) -> Holder | None:
    for record in records:
        order = record.command
        here = location_id is not None and fold(order.location_id or "") == fold(location_id)
        if not here or (order.evse_uid is not None and fold(order.evse_uid) != fold(evse_uid or "")):
            continue
        if order.token is None or (name.issuer is not None and order.token.owner.key != name.issuer.key):
            continue
        connection = await unit.connections.get(record.connection_id)
        known = await find(unit, name)
        if known is not None and known.token.owner.key != order.token.owner.key:
            _SECURITY.warning("connection %s ordered a session with a token of %s", connection.id, known.connection.id)
        elif connection.state is LinkState.CONNECTED:
            return Holder(order.token, connection, record)
    return None


async def issuers(unit: UnitOfWork, name: TokenName) -> tuple[Connection, ...]:
    """Connected providers that may have issued the token, and hubs behind which its issuer may be: those last."""
    candidates = [
        connection
        for connection in await unit.connections.list()
        if Side.CPO in connection.sides
        and connection.state is LinkState.CONNECTED
        and await _may_issue(unit, connection, name.issuer)
    ]
    return tuple(sorted(candidates, key=lambda connection: connection.hub is not None))


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
    issuer = name.issuer or connection.partner_party(Side.CPO)
    calls = await calls_to(
        services.store,
        services.registry,
        connection,
        our_side=Side.CPO,
        addressee=name.issuer,
        open_routing=True,
        driver=None if issuer is None else Driver.by_card(issuer, name.uid),
    )
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return (await calls.authorize(name.uid, name.type, location)).value
    except PartnerNotFound:
        return None
    except TimeoutError as error:
        raise PartnerError("no answer in time") from error


async def issuers_word(unit: UnitOfWork, holder: Holder, start: datetime) -> Authorization | None:
    """What the issuer said last when it was asked for a session that begins at `start`; None when it was not."""
    token = holder.token
    return await unit.authorizations.latest(
        token.uid, token.type, connection_id=holder.connection.id, since=start - _GOOD_FOR
    )


async def may_start(unit: UnitOfWork, holder: Holder, start: datetime) -> Allowed:
    """Whether a session may start: by our own decision, else by the issuer's word for this session.

    Without any word, only a valid ALLOWED_OFFLINE token may charge.
    """
    local = decided_locally(holder.token)
    if local is not None:
        return local
    last = await issuers_word(unit, holder, start)
    if last is not None:
        return last.allowed
    offline = holder.token.whitelist is Whitelist.ALLOWED_OFFLINE and holder.token.valid
    return Allowed.ALLOWED if offline else Allowed.NOT_ALLOWED


async def _may_issue(unit: UnitOfWork, connection: Connection, issuer: PartyId | None) -> bool:
    """Whether a provider speaks on this connection, or the one that is named."""
    if issuer is not None:
        return bool(await unit.hub_clients.speakers(connection, (issuer,), Side.CPO))
    return connection.hub is not None or connection.partner_party(Side.CPO) is not None
