"""The exchange of credentials, as the side that is called (OCPI 2.2.1 credentials).

What a partner posts is committed first; then the durable handshake calls it back while the partner waits, and the
answer is made from what the store holds after that. A lost answer is therefore mended by a repeat: the
registration token lives until the partner has used the token that replaces it.
"""

import logging
from uuid import uuid4

from pydantic import SecretStr

from adapters.contract import Credentials
from api.errors import InvalidInput, MethodNotAllowed
from api.ocpi.call import Answer, Call
from api.services import RegistrationFailed
from canonical.identity import PartyId, Role
from canonical.partner import Connection, LinkState
from canonical.store import AccessPurpose, NotFound, UnitOfWork

_SECURITY = logging.getLogger("roamwork.security")
_LONGEST_TOKEN = 64


async def get_credentials(call: Call) -> Answer:
    """The credentials by which this partner reaches us now."""
    return await _ours(call, call.purpose)


async def register(call: Call) -> Answer:
    """POST: only with a registration token. Raises MethodNotAllowed for a partner that is registered."""
    if call.purpose is not AccessPurpose.REGISTRATION:
        raise MethodNotAllowed(("DELETE", "GET", "PUT"), "already registered: use PUT to change credentials")
    theirs = _read(call)
    async with call.services.store.transaction() as unit:
        await _check_roles(call, unit, theirs)
        await _keep(call, unit, theirs, state=LinkState.REGISTERING)
    await call.services.signals.register(call.connection.id)
    return await _ours(call, AccessPurpose.ACCESS)


async def update_credentials(call: Call) -> Answer:
    """PUT: only for a registered partner. When the call back fails, everything stays as it was."""
    _check_registered(call)
    theirs = _read(call)
    async with call.services.store.transaction() as unit:
        await _check_roles(call, unit, theirs)
        before = await unit.connections.get(call.connection.id)
        token_before = await _outbound(unit, before)
        await _keep(call, unit, theirs, state=before.state)
    try:
        await call.services.signals.update_credentials(call.connection.id)
    except RegistrationFailed:
        await _restore(call, before, token_before)
        raise
    return await _ours(call, AccessPurpose.ACCESS)


async def unregister(call: Call) -> Answer:
    """DELETE: both directions end at once."""
    _check_registered(call)
    async with call.services.store.transaction() as unit:
        connection = await unit.connections.get(call.connection.id)
        await unit.connections.save(connection.model_copy(update={"state": LinkState.UNREGISTERED}))
        await unit.access.revoke_all(call.connection.id)
    return Answer()


def _check_registered(call: Call) -> None:
    if call.purpose is AccessPurpose.REGISTRATION:
        raise MethodNotAllowed(("GET", "POST"), "not registered: use POST to register")


def _read(call: Call) -> Credentials:
    """The partner's credentials, in bounds. Raises InvalidWire, InvalidInput."""
    theirs = call.adapter.read_credentials(call.body, [side.other for side in call.connection.our_sides])
    if not theirs.token or len(theirs.token) > _LONGEST_TOKEN or not theirs.token.isprintable():
        raise InvalidInput.of("token", f"must be 1 to {_LONGEST_TOKEN} printable characters")
    return theirs


async def _check_roles(call: Call, unit: UnitOfWork, theirs: Credentials) -> None:
    """The partner plays the other side, and claims nobody's party but its own. Raises InvalidInput."""
    connection = call.connection
    wanted = {Role(side.other.value) for side in connection.our_sides}
    if not any(role.role in wanted | {Role.HUB} for role in theirs.roles) and theirs.hub_party is None:
        raise InvalidInput.of("roles", f"must hold the role {' or '.join(sorted(wanted))}")
    for role in theirs.roles:
        if role.party.key == connection.our_party.key:
            _SECURITY.warning("connection %s claimed our own party", connection.id)
            raise InvalidInput.of("roles", f"{role.party} is our own party")
        for other in await unit.connections.list():
            if _claims(other, connection) and other.owns(role.party):
                _SECURITY.warning("connection %s claimed %s of %s", connection.id, role.party, other.id)
                raise InvalidInput.of("roles", f"{role.party} is registered on another connection")


def _hub_role(theirs: Credentials) -> PartyId | None:
    return next((role.party for role in theirs.roles if role.role is Role.HUB), None)


def _claims(other: Connection, connection: Connection) -> bool:
    """True for another living connection on which we play one of the same sides."""
    return (
        other.id != connection.id
        and bool(set(other.our_sides) & set(connection.our_sides))
        and other.state is not LinkState.UNREGISTERED
    )


async def _keep(call: Call, unit: UnitOfWork, theirs: Credentials, *, state: LinkState) -> None:
    """Store what the partner sent. Each exchange has a key of its own: the newest token is the one that counts."""
    connection = await unit.connections.get(call.connection.id)
    changed = {
        "partner_roles": theirs.roles,
        "hub": theirs.hub_party or _hub_role(theirs),
        "versions_url": theirs.versions_url,
        "version": call.adapter.version,
        "state": state,
    }
    await unit.connections.save(connection.model_copy(update=changed))
    await unit.access.keep_outbound(connection.id, SecretStr(theirs.token), request_key=str(uuid4()))


async def _outbound(unit: UnitOfWork, connection: Connection) -> SecretStr | None:
    try:
        return await unit.access.outbound(connection.id)
    except NotFound:
        return None


async def _restore(call: Call, before: Connection, token: SecretStr | None) -> None:
    async with call.services.store.transaction() as unit:
        await unit.connections.save(before)
        if token is not None:
            await unit.access.keep_outbound(before.id, token, request_key=str(uuid4()))


async def _ours(call: Call, purpose: AccessPurpose) -> Answer:
    """Our credentials for this partner, with the newest token of a purpose."""
    async with call.services.store.transaction() as unit:
        token = await unit.access.live(call.connection.id, purpose)
    if token is None:
        raise LookupError(f"connection {call.connection.id} has no live {purpose} token")
    ours = Credentials(
        token=token.get_secret_value(),
        versions_url=call.services.versions_url,
        roles=call.services.roles_on(call.connection.our_sides),
    )
    return Answer(data=call.adapter.write_credentials(ours))
