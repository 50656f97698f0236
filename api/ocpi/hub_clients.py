"""The parties behind a hub, as the hub tells of them (OCPI 2.2.1 hubclientinfo, receiver)."""

import logging

from pydantic import ValidationError

from activities.partner_link import pullable
from adapters.contract import Module
from api.errors import ForeignParty, InvalidInput, UnknownObject
from api.ocpi.call import Answer, Call
from api.wake import wake
from canonical.identity import PartyId
from canonical.partner import ClientStatus, HubClient

_SECURITY = logging.getLogger("roamwork.security")


async def get_hub_client(call: Call) -> Answer:
    """What we know of a party behind this hub; of several roles, the one that changed last."""
    party = _party(call)
    async with call.services.store.transaction() as unit:
        client = await unit.hub_clients.get(party, source=call.connection.id)
    if client is None:
        raise UnknownObject(f"party_id: {party} is not known behind this hub")
    return Answer(data=call.adapter.write(client))


async def put_hub_client(call: Call) -> Answer:
    """A party has come, has gone, or can be reached again. Then what it changed meanwhile is fetched."""
    party = _party(call)
    client = call.adapter.read(HubClient, call.body).value
    if client.party.key != party.key:
        raise InvalidInput.of("country_code/party_id", f"the URL says {party}, the body {client.party}")
    async with call.services.store.transaction() as unit:
        outcome = await unit.hub_clients.put(client, source=call.connection.id)
    if outcome.applied and _is_back(outcome.before, client):
        for module in (m for m in pullable(call.connection) if m is not Module.HUB_CLIENT_INFO):
            await wake(call.services.signals.pull(call.connection.id, module.value), f"pull {call.connection.id}")
    return Answer(http_status=201 if outcome.created else 200)


def _party(call: Call) -> PartyId:
    """The party in the URL. Raises ForeignParty where it is no party, or where the partner is no hub."""
    try:
        party = PartyId(country_code=call.segment("country_code"), party_id=call.segment("party_id"))
    except ValidationError:
        raise ForeignParty("country_code/party_id: not a party") from None
    if call.connection.hub is None:
        _SECURITY.warning("connection %s is no hub and told of %s", call.connection.id, party)
        raise ForeignParty(f"country_code/party_id: {party} is not behind this connection, which is no hub")
    return party


def _is_back(before: HubClient | None, client: HubClient) -> bool:
    """Whether a client can be reached that could not be before: nobody has queued for it (2.2.1 offline behaviour)."""
    return client.status is ClientStatus.CONNECTED and (before is None or before.status is not ClientStatus.CONNECTED)
