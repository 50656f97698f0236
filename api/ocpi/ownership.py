"""Whose object it is: the party in the URL, the party in the body, and who sends it have to agree.

Nothing in the protocol ranks the three, and a connection could otherwise write for somebody else. A hub that passes
something on to everybody speaks for itself in the headers: then the owner alone has to be a party behind it.
"""

import logging

from pydantic import ValidationError

from api.errors import ForeignParty, InvalidInput
from api.ocpi.call import Call
from api.ocpi.parties import speakers
from canonical.identity import ObjectId, PartyId
from canonical.model import fold

_SECURITY = logging.getLogger("roamwork.security")


def owner_in_path(call: Call) -> PartyId:
    """The party in the URL, which has to be one of the connection's. Raises ForeignParty (HTTP 404), InvalidInput."""
    try:
        party = PartyId(country_code=call.segment("country_code"), party_id=call.segment("party_id"))
    except ValidationError:
        raise ForeignParty("country_code/party_id: not a party of this connection") from None
    if party.key not in call.speakers:
        _tell_of_foreigner(call, "addressed", party)
        raise ForeignParty(f"country_code/party_id: {party} is not a party of this connection")
    _check_requester(call, party)
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
    if in_path.owner.key != in_body.owner.key:
        if in_body.owner.key not in call.speakers:
            _tell_of_foreigner(call, "sent", in_body.owner)
        raise InvalidInput.of("country_code/party_id", f"the URL says {in_path.owner}, the body {in_body.owner}")
    if in_path.key != in_body.key:
        raise InvalidInput.of("id", f"the URL says {in_path.id}, the body {in_body.id}")


async def check_owner(call: Call, owner: PartyId) -> None:
    """An object without its owner in the URL still belongs to who sends it. Raises InvalidInput, ForeignParty."""
    store, connection = call.services.store, call.connection
    if owner.key not in call.speakers and not await speakers(store, connection, call.our_side, (owner,)):
        _tell_of_foreigner(call, "sent", owner)
        if call.connection.hub is not None:
            raise ForeignParty(f"country_code/party_id: {owner} is not a party behind this hub")
        raise InvalidInput.of("country_code/party_id", f"{owner} is not a party of this connection")
    _check_requester(call, owner)


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


def is_for(call: Call, party: PartyId) -> bool:
    """Whether what is one party's may be told to, or taken from, who is calling: that party, or its hub.

    Behind one hub are many, strangers to each other. A direct partner is one, whichever of its parties calls.
    """
    requester, hub = call.requester, call.connection.hub
    return hub is None or requester is None or requester.key in (party.key, hub.key)


def _check_requester(call: Call, owner: PartyId) -> None:
    """Who sends an object is its owner, or the hub. Versions without routing headers name no requester."""
    requester, hub = call.requester, call.connection.hub
    if requester is None or requester.key == owner.key or (hub is not None and requester.key == hub.key):
        return
    _SECURITY.warning(
        "connection %s, as %s, touched %s of %s", call.connection.id, requester, call.endpoint.module, owner
    )
    raise InvalidInput.of("OCPI-from-party-id", f"{requester} is not the owner, which is {owner}")


def _tell_of_foreigner(call: Call, did: str, party: PartyId) -> None:
    _SECURITY.warning(
        "connection %s %s %s of the foreign party %s", call.connection.id, did, call.endpoint.module, party
    )
