"""From whom, to whom: the routing headers (OCPI 2.2.1 transport, message routing)."""

import logging
from collections.abc import Mapping
from typing import Final

from pydantic import ValidationError

from api.errors import InvalidInput
from canonical.identity import PartyId
from canonical.partner import Connection

_SECURITY = logging.getLogger("roamwork.security")
_FROM: Final = ("OCPI-from-country-code", "OCPI-from-party-id")
_TO: Final = ("OCPI-to-country-code", "OCPI-to-party-id")


def check_routing(headers: Mapping[str, str], connection: Connection) -> dict[str, str]:
    """Check the addressee and the sender of a request; the answer is the pair to send back, swapped.

    A side that is absent is inferred when there is exactly one candidate. Raises InvalidInput.
    """
    asked = _party(headers, _TO)
    if asked is not None and asked.key != connection.our_party.key:
        raise InvalidInput.of(_TO[1], f"{asked} is not a party of this platform")
    sender = _party(headers, _FROM)
    if sender is None:
        sender = _only_candidate(connection)
    elif not connection.owns(sender):
        _SECURITY.warning("connection %s spoke for the foreign party %s", connection.id, sender)
        raise InvalidInput.of(_FROM[1], f"{sender} is not a party of this connection")
    us = asked or connection.our_party
    return {
        _TO[0]: sender.country_code,
        _TO[1]: sender.party_id,
        _FROM[0]: us.country_code,
        _FROM[1]: us.party_id,
    }


def _party(headers: Mapping[str, str], names: tuple[str, str]) -> PartyId | None:
    """The party in a pair of headers; None when both are absent. Half a pair is an error."""
    country, code = (headers.get(name, "").strip() for name in names)
    if not country and not code:
        return None
    try:
        return PartyId(country_code=country, party_id=code)
    except ValidationError:
        raise InvalidInput.of(
            f"{names[0]}/{names[1]}", "must be a country code of two letters and a party id of up to three"
        ) from None


def _only_candidate(connection: Connection) -> PartyId:
    candidates = {role.party.key: role.party for role in connection.partner_roles}
    if len(candidates) == 1:
        return next(iter(candidates.values()))
    raise InvalidInput.of(_FROM[1], "missing, and this connection has more than one party")
