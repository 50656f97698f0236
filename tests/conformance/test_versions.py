"""Versions and their details: what a partner reads first."""

import pytest

from adapters import discovery
from adapters.contract import Interface, Module, PartnerUnauthorized
from adapters.registry import build_registry
from canonical.partner import Endpoint
from tests.conformance.rows import everywhere
from tests.conformance.site import World


@everywhere
async def test_versions_are_listed(world: World) -> None:
    """All that we speak, each with an address that leads on; to a stranger, nothing."""
    link, us = world.link(world.operator), world.provider.services
    authorizations = [world.adapter.encode_token(link.token)]
    offered = await discovery.offered_versions(world.operator.http, us.versions_url, authorizations, world.log.witness)
    assert [o.version for o in offered] == [a.version for a in build_registry(None).adapters()]
    assert all(o.url == f"{us.public_url}/ocpi/{o.version}" for o in offered)
    with pytest.raises(PartnerUnauthorized):
        await discovery.offered_versions(
            world.operator.http, us.versions_url, [world.adapter.encode_token("not-one-of-ours")]
        )


@everywhere
async def test_version_details_lead_to_every_module(world: World) -> None:
    """Operator and provider offer each other what the other half of the tables is for."""
    operators = await _details(world, world.provider, world.operator.services.public_url)
    providers = await _details(world, world.operator, world.provider.services.public_url)
    both = {(e.module, e.interface) for e in (*operators, *providers)}
    tables = {(e.module.value, e.interface.value) for e in world.adapter.endpoints}
    # Where results of commands go, stands in each command: not every version gives it an endpoint.
    assert both <= tables <= both | {(Module.COMMANDS.value, Interface.SENDER.value)}
    assert Module.CREDENTIALS in {e.module for e in operators} & {e.module for e in providers}


async def _details(world: World, caller, base: str) -> tuple[Endpoint, ...]:
    authorizations = [world.adapter.encode_token(world.link(caller).token)]
    details = await discovery.details(caller.http, f"{base}/ocpi/{world.version}", authorizations, world.log.witness)
    assert details.version == world.version
    assert all(e.url.startswith(base) for e in details.endpoints)
    return details.endpoints
