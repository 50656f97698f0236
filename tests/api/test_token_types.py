"""Token types that only some versions have, over HTTP: told as OTHER, and found by it."""

import pytest

from adapters.contract import Interface, Link, Module
from adapters.ocpi.addresses import PartnerAddresses
from canonical.partner import Endpoint
from canonical.token import Token, TokenType, Whitelist
from tests.api.documents import token
from tests.api.partner import NOW, US, Partner

NEWEST = "ocpi-2.3.0/standard"
CONTRACT = Token(
    owner=US,
    uid="DERCOC12345678",
    type=TokenType.EMAID,
    contract_id="DERCOC12345678",
    issuer="Roam Co",
    valid=True,
    whitelist=Whitelist.NEVER,
    last_updated=NOW,
)


async def own(partner: Partner, value: Token) -> None:
    async with partner.deployment.store.transaction() as unit:
        await unit.tokens.put(value)


async def newest(partner: Partner) -> Partner:
    """The same partner, after a handshake in the newest version."""
    adapter = partner.deployment.services.registry.by_key(NEWEST)
    partner.connection = partner.connection.model_copy(update={"adapter": NEWEST, "version": adapter.version})
    async with partner.deployment.store.transaction() as unit:
        await unit.connections.save(partner.connection)
    return partner


async def test_a_vehicles_contract_is_told_as_other_and_authorised_as_such(operator: Partner) -> None:
    await own(operator, CONTRACT)
    listed = (await operator.request("GET", "/sender/tokens")).json()["data"]
    assert [(each["uid"], each["type"]) for each in listed] == [("DERCOC12345678", "OTHER")]
    asked = await operator.request("POST", "/sender/tokens/DERCOC12345678/authorize?type=OTHER")
    assert asked.json()["data"]["allowed"] == "ALLOWED"
    assert (await operator.request("POST", "/sender/tokens/DERCOC12345678/authorize")).status_code == 404


async def test_a_type_of_its_own_comes_and_goes_as_it_is_where_types_are_open(provider: Partner) -> None:
    await newest(provider)
    http, path = provider.deployment.http, "/ocpi/2.3.0/receiver/tokens/DE/MOB/04A1B2C3?type=license_plate"
    sent = token(type="LICENSE_PLATE")
    headers = {
        "Authorization": provider.deployment.services.registry.by_key(NEWEST).encode_token(provider.token),
        "OCPI-from-country-code": provider.party.country_code,
        "OCPI-from-party-id": provider.party.party_id,
        "OCPI-to-country-code": US.country_code,
        "OCPI-to-party-id": US.party_id,
        "X-Request-ID": "request-1",
        "X-Correlation-ID": "correlation-1",
    }
    put = await http.put(path, json=sent, headers=headers)
    assert (put.status_code, put.json()["status_code"]) == (201, 1000), put.text
    assert (await http.get(path, headers=headers)).json()["data"] == sent


@pytest.mark.parametrize(("open_types", "told"), [(True, "EMAID"), (False, "OTHER")])
def test_the_address_says_the_type_that_the_object_says(*, open_types: bool, told: str) -> None:
    endpoint = Endpoint(module=Module.TOKENS, interface=Interface.RECEIVER, url="https://partner.example/tokens")
    link = Link("partner", "secret", (endpoint,), US, None)
    addresses = PartnerAddresses(link, open_token_types=open_types)
    assert addresses.of(CONTRACT) == f"https://partner.example/tokens/DE/RCO/DERCOC12345678?type={told}"
