"""A location that is no more: OCPI has no deletion of one, so that every provider hears that its EVSEs are removed."""

from canonical.store import OutboxAction
from tests.api.partner import Deployment, Partner
from tests.api.test_modules import _our_location


async def test_every_evse_is_removed_and_every_provider_is_told(provider: Partner, roam: Deployment) -> None:
    await _our_location(roam, "L1")
    answer = await roam.contract("DELETE", "/locations/L1")
    assert answer.status_code == 200, answer.text
    listed = await provider.request("GET", "/sender/locations/L1")
    assert {evse["status"] for evse in listed.json()["data"]["evses"]} == {"REMOVED"}
    async with roam.store.transaction() as unit:
        waiting = await unit.outbox.pending("provider", 10)
    assert {(entry.object_key, entry.action) for entry in waiting} == {("DE*RCO/L1", OutboxAction.PUT)}


async def test_it_can_be_removed_twice_and_put_again(roam: Deployment) -> None:
    await _our_location(roam, "L1")
    first = await roam.contract("DELETE", "/locations/L1")
    assert (await roam.contract("DELETE", "/locations/L1")).json()["evses"] == first.json()["evses"]
    assert (await roam.contract("DELETE", "/locations/L9")).status_code == 404
