"""Who is calling, and which doors its token opens (OCPI 2.2.1 transport, authorization header)."""

import logging
from collections.abc import Mapping

from pydantic import SecretStr

from adapters.contract import Module
from api.errors import NotConnected, Unauthenticated
from api.services import Services
from api.wake import wake
from canonical.partner import LinkState
from canonical.store import AccessPurpose, Admitted

_SECURITY = logging.getLogger("roamwork.security")
_LONGEST_TOKEN = 256
_CLOSED = frozenset({LinkState.SUSPENDED, LinkState.UNREGISTERED})
_BEFORE_REGISTRATION = frozenset({Module.VERSIONS, Module.CREDENTIALS})


async def authenticate(services: Services, headers: Mapping[str, str]) -> Admitted:
    """The connection that the token in the header belongs to. Raises Unauthenticated.

    Each adapter may read the header in its partner's way; what the store knows decides.
    """
    header = headers.get("authorization")
    if not header:
        raise Unauthenticated("the Authorization header is missing")
    tokens = [SecretStr(token) for token in services.registry.tokens_in(header) if len(token) <= _LONGEST_TOKEN]
    admitted = await services.store.admissions.admit(*tokens) if tokens else None
    if admitted is not None:
        return _open(services, admitted)
    _SECURITY.warning("a request came with an unknown token")
    raise Unauthenticated("the token is not known")


def check_door(admitted: Admitted, module: str) -> None:
    """Keep a registration token away from everything but versions and credentials. Raises Unauthenticated.

    `module` is as the path names it: what lies behind the door, or whether anything does, is not told to who stands
    before it.

    A partner may call as soon as it holds its token, before our own proof of the connection is done; but while we
    do not know yet who it speaks for, it is told to come again: NotConnected.
    """
    if module in _BEFORE_REGISTRATION:
        return
    if admitted.purpose is AccessPurpose.REGISTRATION:
        _SECURITY.warning("connection %s used a registration token on %.40r", admitted.connection.id, module)
        raise Unauthenticated("this token opens versions and credentials only")
    connection = admitted.connection
    if connection.adapter is None or not (connection.partner_roles or connection.hub):
        raise NotConnected("the registration is not finished; try again when it is")


async def confirm_use(services: Services, admitted: Admitted, module: Module) -> None:
    """Retire a partner's older tokens once it uses the new one, and tell who waits for its first call.

    Reading versions retires nothing: during a renewal that we began, the partner reads them with a token that it
    may yet refuse, and the older one has to go on working. It is a call all the same.
    """
    if admitted.purpose is not AccessPurpose.ACCESS or admitted.used:
        return
    if module is not Module.VERSIONS:
        async with services.store.transaction() as unit:
            await unit.access.confirm_use(admitted.token_id)
    name = admitted.connection.id
    await wake(services.signals.partner_called(name), f"partner_called {name}")


def _open(services: Services, admitted: Admitted) -> Admitted:
    if admitted.connection.state in _CLOSED:
        _SECURITY.warning("connection %s is %s and called", admitted.connection.id, admitted.connection.state)
        raise Unauthenticated("this connection is closed")
    if admitted.purpose is AccessPurpose.REGISTRATION and services.clock() >= services.expiry_of(admitted.issued_at):
        _SECURITY.warning("connection %s used a registration token that has expired", admitted.connection.id)
        raise Unauthenticated("this registration token has expired: ask for a new one")
    return admitted
