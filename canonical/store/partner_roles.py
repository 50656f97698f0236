"""Whom a partner says that it speaks for, checked before it is believed: the same for both openings of a handshake."""

import logging
from collections.abc import Iterable, Mapping
from typing import Final

from canonical.identity import BusinessRole, PartyId, Role
from canonical.partner import Connection, LinkState
from canonical.store.connections import ConnectionRepository

_SECURITY = logging.getLogger("roamwork.security")
_MOST: Final = 5_000
"""Roles of one partner: more than the largest hub has. A connection is read whole, with every request that needs it."""


class RolesRefused(Exception):
    """The partner's roles are not those of a counterpart, or not its own."""


async def with_roles(
    connections: ConnectionRepository,
    connection: Connection,
    claimed: tuple[BusinessRole, ...],
    hub_party: PartyId | None,
) -> Connection:
    """The connection with the roles that its partner claims, and with what makes it a hub. Raises RolesRefused.

    A hub names everybody whom it reaches (OCPI 2.3.0), or only itself (2.2.1). Whom it names may also be connected
    to us directly, and may be ourselves: that is no claim to be somebody else. So a partner that once registered as
    something else does not become a hub by itself: it could speak for everybody.
    """
    if len(claimed) > _MOST:
        raise RolesRefused(f"are more than {_MOST}")
    hub = hub_party or _hub_of(claimed)
    if hub is not None:
        _check_not_ours(connection, (hub,))
        if connection.hub is None and connection.connected_at is not None:
            _SECURITY.warning("connection %s, which is no hub, claimed to be one", connection.id)
            raise RolesRefused("this connection is not one to a hub; register anew")
        roles = tuple(role for role in claimed if role.party.key != connection.our_party.key)
        return connection.model_copy(update={"partner_roles": roles, "hub": hub})
    if not any(side.met_by(role.role) for side in connection.our_sides for role in claimed):
        wanted = " or ".join(sorted(side.other.value for side in connection.our_sides))
        raise RolesRefused(f"must hold the role {wanted}")
    parties = {role.party.key: role.party for role in claimed}
    _check_not_ours(connection, parties.values())
    for other in await connections.list():
        for party in _contested(other, connection, parties):
            _SECURITY.warning("connection %s claimed %s of %s", connection.id, party, other.id)
            raise RolesRefused(f"{party} is registered on another connection")
    return connection.model_copy(update={"partner_roles": claimed, "hub": None})


def _hub_of(roles: Iterable[BusinessRole]) -> PartyId | None:
    return next((role.party for role in roles if role.role is Role.HUB), None)


def _check_not_ours(connection: Connection, claimed: Iterable[PartyId]) -> None:
    for party in claimed:
        if party.key == connection.our_party.key:
            _SECURITY.warning("connection %s claimed our own party", connection.id)
            raise RolesRefused(f"{party} is our own party")


def _contested(other: Connection, connection: Connection, claimed: Mapping[str, PartyId]) -> Iterable[PartyId]:
    """Those of the parties that another living, direct connection speaks for towards one of the same sides of ours."""
    rival = (
        other.id != connection.id
        and other.hub is None
        and bool(set(other.our_sides) & set(connection.our_sides))
        and other.state is not LinkState.UNREGISTERED
    )
    return (claimed[role.party.key] for role in other.partner_roles if rival and role.party.key in claimed)
