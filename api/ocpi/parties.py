"""From whom, to whom: the routing headers (OCPI 2.2.1 transport, message routing)."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Self

from pydantic import ValidationError

from api.errors import ForeignParty, InvalidInput
from canonical.identity import PartyId
from canonical.partner import Connection, Side
from canonical.store import Store

_SECURITY = logging.getLogger("roamwork.security")
_FROM: Final = ("OCPI-from-country-code", "OCPI-from-party-id")
_TO: Final = ("OCPI-to-country-code", "OCPI-to-party-id")
_OWNER: Final = ("country_code", "party_id")


@dataclass(frozen=True)
class Route:
    """What a request says of its way: the requester and the addressee, where it names them."""

    requester: PartyId | None
    addressee: PartyId | None

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Self:
        """Raises InvalidInput for half a party, or what is none."""
        return cls(requester=_party(headers, _FROM), addressee=_party(headers, _TO))


UNROUTED: Final = Route(requester=None, addressee=None)
"""What a version or a module without routing headers says of its way."""


async def speakers(
    store: Store, connection: Connection, our_side: Side, parties: Iterable[PartyId | None]
) -> frozenset[str]:
    """Keys of those of `parties` that may speak on this connection.

    Behind a hub they are looked up, in one query; a partner of its own says who it is, and costs none.
    """
    named = [party for party in parties if party is not None]
    if connection.hub is None or not named:
        return frozenset(party.key for party in named if connection.owns(party))
    async with store.transaction() as unit:
        return await unit.hub_clients.speakers(connection, named, our_side)


def owner_named(segments: Mapping[str, str]) -> PartyId | None:
    """The party in the URL, where there is one."""
    if not set(_OWNER) <= set(segments):
        return None
    try:
        return PartyId(country_code=segments[_OWNER[0]], party_id=segments[_OWNER[1]])
    except ValidationError:
        return None


def check_route(route: Route, connection: Connection, speaking: frozenset[str]) -> PartyId:
    """Check addressee and requester of a request; the answer is the requester.

    A requester that is absent is inferred when there is exactly one candidate; behind a hub it is the hub, which
    speaks for itself when it passes on what is for everybody, and when it asks for everything. Raises InvalidInput;
    ForeignParty for a party that the hub does not speak for.
    """
    if route.addressee is not None and route.addressee.key != connection.our_party.key:
        raise InvalidInput.of(_TO[1], f"{route.addressee} is not a party of this platform")
    requester = route.requester
    if requester is None:
        return _only_candidate(connection)
    if requester.key in speaking or (connection.hub is not None and requester.key == connection.hub.key):
        return requester
    _SECURITY.warning("connection %s spoke for the foreign party %s", connection.id, requester)
    if connection.hub is not None:
        raise ForeignParty(f"{_FROM[1]}: {requester} is not a party behind this hub")
    raise InvalidInput.of(_FROM[1], f"{requester} is not a party of this connection")


def answered(requester: PartyId, connection: Connection) -> dict[str, str]:
    """The pair of an answer: the other way round."""
    us = connection.our_party
    return {
        _TO[0]: requester.country_code,
        _TO[1]: requester.party_id,
        _FROM[0]: us.country_code,
        _FROM[1]: us.party_id,
    }


def _party(headers: Mapping[str, str], names: tuple[str, str]) -> PartyId | None:
    """The party in a pair of headers; None when both are absent. Half a pair is an error."""
    country, code = (headers.get(name.lower(), "").strip() for name in names)
    if not country and not code:
        return None
    try:
        return PartyId(country_code=country, party_id=code)
    except ValidationError:
        raise InvalidInput.of(
            f"{names[0]}/{names[1]}", "must be a country code of two letters and a party id of up to three"
        ) from None


def _only_candidate(connection: Connection) -> PartyId:
    if connection.hub is not None:
        return connection.hub
    candidates = {role.party.key: role.party for role in connection.partner_roles}
    if len(candidates) == 1:
        return next(iter(candidates.values()))
    raise InvalidInput.of(_FROM[1], "missing, and this connection has more than one party")
