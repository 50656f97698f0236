"""The exchange of credentials, as the side that is called (OCPI 2.2.1 credentials).

What a partner posts is committed first, as an offer that changes nothing; then the durable handshake calls it back
while the partner waits, and takes the offer up in the transaction that issues the partner's new token. The answer is
made from what the store holds after that. A lost answer is therefore mended by a repeat: the token before lives until
the partner has used the one that replaces it. Until the offer is taken up we go on with the partner as it was.
"""

from pydantic import SecretStr

from adapters.contract import Credentials
from api.errors import InvalidInput, MethodNotAllowed, Unauthenticated
from api.ocpi.call import Answer, Call
from api.wake import wake
from canonical.partner import CLOSED, Connection, LinkState, Offer
from canonical.store import AccessPurpose, RolesRefused, UnitOfWork, with_roles

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
        connection = await _open(call, unit)
        await _offer(call, unit, connection, theirs)
        await unit.connections.save(connection.model_copy(update={"state": LinkState.REGISTERING}))
    await call.services.signals.register(call.connection.id)
    return await _ours(call, AccessPurpose.ACCESS)


async def update_credentials(call: Call) -> Answer:
    """PUT: only for a registered partner. Until it is answered, and when it cannot be, everything stays as it was."""
    _check_registered(call)
    theirs = _read(call)
    async with call.services.store.transaction() as unit:
        await _offer(call, unit, await _open(call, unit), theirs)
    await call.services.signals.update_credentials(call.connection.id)
    return await _ours(call, AccessPurpose.ACCESS)


async def unregister(call: Call) -> Answer:
    """DELETE: both directions end at once, and so does what was under way."""
    _check_registered(call)
    async with call.services.store.transaction() as unit:
        connection = await unit.connections.get(call.connection.id, lock=True)
        await unit.connections.save(connection.model_copy(update={"state": LinkState.UNREGISTERED}))
        await unit.access.revoke_all(call.connection.id)
    signals, name = call.services.signals, call.connection.id
    await wake(signals.give_up(name), f"give_up {name}")
    await wake(signals.arrange(name, LinkState.UNREGISTERED), f"arrange {name}")
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


async def _open(call: Call, unit: UnitOfWork) -> Connection:
    """The connection, with every other writer of it waiting. Raises Unauthenticated when it was closed meanwhile."""
    connection = await unit.connections.get(call.connection.id, lock=True)
    if connection.state in CLOSED:
        raise Unauthenticated("this connection is closed")
    return connection


async def _offer(call: Call, unit: UnitOfWork, connection: Connection, theirs: Credentials) -> None:
    """Store what the partner sent, beside what is in use. The newest offer is the one that counts.

    The version is the one that the partner called: with it, it has chosen. Raises InvalidInput.
    """
    try:
        wanted = await with_roles(unit.connections, connection, theirs.roles, theirs.hub_party)
    except RolesRefused as error:
        raise InvalidInput.of("roles", str(error)) from None
    offer = Offer(
        versions_url=theirs.versions_url,
        version=call.adapter.version,
        roles=wanted.partner_roles,
        hub=wanted.hub,
    )
    await unit.access.keep_offered(connection.id, SecretStr(theirs.token), offer)


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
