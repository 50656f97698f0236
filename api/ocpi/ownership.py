"""Whose object it is: the party in the URL, the party in the body, and the parties of the connection agree.

Nothing in the protocol ranks the three, and a connection could otherwise write for somebody else.
"""

import logging

from pydantic import ValidationError

from api.errors import ForeignParty, InvalidInput
from api.ocpi.call import Call
from canonical.identity import ObjectId, PartyId
from canonical.model import fold

_SECURITY = logging.getLogger("roamwork.security")


def owner_in_path(call: Call) -> PartyId:
    """The party in the URL, which has to be one of the connection's. Raises ForeignParty (HTTP 404)."""
    try:
        party = PartyId(country_code=call.segment("country_code"), party_id=call.segment("party_id"))
    except ValidationError:
        raise ForeignParty("country_code/party_id: not a party of this connection") from None
    if not call.connection.owns(party):
        _SECURITY.warning(
            "connection %s addressed %s of the foreign party %s",
            call.connection.id,
            call.endpoint.module,
            party,
        )
        raise ForeignParty(f"country_code/party_id: {party} is not a party of this connection")
    return party


def object_in_path(call: Call, name: str) -> ObjectId:
    """The full name of the object in the URL. Raises ForeignParty, InvalidInput."""
    owner = owner_in_path(call)
    try:
        return ObjectId(owner=owner, id=call.segment(name))
    except ValidationError:
        raise InvalidInput.of(name, "is empty or too long") from None


def check_body(call: Call, in_path: ObjectId, in_body: ObjectId) -> None:
    """The body names the object that the URL names. Raises InvalidInput (2001)."""
    check_owner(call, in_body.owner)
    if in_path.owner.key != in_body.owner.key:
        raise InvalidInput.of("country_code/party_id", f"the URL says {in_path.owner}, the body {in_body.owner}")
    if in_path.key != in_body.key:
        raise InvalidInput.of("id", f"the URL says {in_path.id}, the body {in_body.id}")


def check_owner(call: Call, owner: PartyId) -> None:
    """An object without its owner in the URL still belongs to a party of the connection. Raises InvalidInput."""
    if not call.connection.owns(owner):
        _SECURITY.warning(
            "connection %s sent %s of the foreign party %s", call.connection.id, call.endpoint.module, owner
        )
        raise InvalidInput.of("country_code/party_id", f"{owner} is not a party of this connection")


def check_part(name: str, in_path: str, in_body: str) -> None:
    """The id of a part (EVSE, connector) in the body is the one in the URL. Raises InvalidInput (2001)."""
    if fold(in_path) != fold(in_body):
        raise InvalidInput.of(name, f"the URL says {in_path}, the body {in_body}")


def own_object_in_path(call: Call, name: str) -> ObjectId:
    """The full name of an object of ours, which a path without an owner names. Raises InvalidInput."""
    try:
        return ObjectId(owner=call.connection.our_party, id=call.segment(name))
    except ValidationError:
        raise InvalidInput.of(name, "is empty or too long") from None
