"""The exchange of credentials, with a partner that comes new."""

from dataclasses import replace
from itertools import count

import pytest
from pydantic import SecretStr

from adapters.contract import Credentials, Link, PartnerCalls, PartnerRejected, PartnerUnauthorized
from canonical.identity import BusinessRole, PartyId, Role
from canonical.partner import LinkState, Side
from canonical.store import AccessPurpose
from canonical.token import Token
from tests.conformance.rows import everywhere
from tests.conformance.site import World, connection

_parties = count(1)


class Newcomer:
    """An operator that the provider has invited: it holds a registration token, and nothing else."""

    def __init__(self, world: World) -> None:
        self.party = PartyId(country_code="FR", party_id=f"N{next(_parties):02}")
        self.id = f"newcomer-{world.version}-{self.party.party_id}"
        self.world = world
        self.link: Link

    async def invited(self) -> "Newcomer":
        host = self.world.provider
        planned = connection(self.id, host.party, Side.EMSP, self.party, None, LinkState.PLANNED)
        self._use(await host.knows(planned, AccessPurpose.REGISTRATION))
        return self

    async def registered(self) -> "Newcomer":
        self._use((await self.calls.register(await self.credentials())).token)
        return self

    async def credentials(self) -> Credentials:
        """Ours, with a token that opens our versions to the host when it calls back."""
        world, us = self.world, self.world.operator
        there = connection(
            f"{self.id}-{next(_parties)}",
            us.party,
            Side.CPO,
            world.provider.party,
            world.adapter,
            LinkState.REGISTERING,
        )
        token = await us.knows(there, AccessPurpose.ACCESS)
        role = BusinessRole(party=self.party, role=Role.CPO, business_name="Newcomer")
        return Credentials(token, us.services.versions_url, (role,))

    @property
    def calls(self) -> PartnerCalls:
        return self.world.calls(self.world.operator, self.link)

    def _use(self, token: str) -> None:
        known = self.world.link(self.world.operator)
        self.link = replace(known, connection_id=self.id, token=token, our_party=self.party)

    async def state(self) -> LinkState:
        async with self.world.provider.store.transaction() as unit:
            return (await unit.connections.get(self.id)).state

    async def outbound(self) -> SecretStr:
        async with self.world.provider.store.transaction() as unit:
            return await unit.access.outbound(self.id)


@everywhere
async def test_credentials_are_read(world: World) -> None:
    """They say who we are, where to begin, and by which token we are called."""
    theirs = await world.by_operator.get_credentials()
    assert theirs.versions_url == world.provider.services.versions_url
    assert theirs.roles[0].party.key == world.provider.party.key
    assert theirs.token == world.link(world.operator).token


@everywhere
async def test_a_partner_registers(world: World) -> None:
    """It gets a token that works, is called back with its own, and cannot register twice."""
    newcomer = await Newcomer(world).invited()
    ours = await newcomer.credentials()
    invitation = newcomer.calls
    with pytest.raises(PartnerUnauthorized):
        await invitation.get_page(Token)
    theirs = await invitation.register(ours)
    assert theirs.roles[0].party.key == world.provider.party.key
    assert theirs.token != newcomer.link.token
    assert (await newcomer.outbound()).get_secret_value() == ours.token
    newcomer._use(theirs.token)
    assert (await newcomer.calls.get_credentials()).token == theirs.token
    with pytest.raises(PartnerRejected) as refused:
        await newcomer.calls.register(ours)
    assert refused.value.http_status == 405


@everywhere
async def test_a_partner_that_cannot_be_called_back_is_not_registered(world: World) -> None:
    newcomer = await Newcomer(world).invited()
    ours = replace(await newcomer.credentials(), token="a-token-that-opens-nothing")
    with pytest.raises(PartnerRejected) as refused:
        await newcomer.calls.register(ours)
    assert refused.value.ocpi_status == 3001
    assert await newcomer.state() is not LinkState.CONNECTED


@everywhere
async def test_a_partner_renews_its_credentials(world: World) -> None:
    """New tokens in both directions; the one before ends with the first use of the new one."""
    newcomer = await (await Newcomer(world).invited()).registered()
    before, ours = newcomer.link.token, await newcomer.credentials()
    theirs = await newcomer.calls.update(ours)
    assert theirs.token != before
    assert (await newcomer.outbound()).get_secret_value() == ours.token
    newcomer._use(theirs.token)
    await newcomer.calls.get_credentials()
    newcomer._use(before)
    with pytest.raises(PartnerUnauthorized):
        await newcomer.calls.get_credentials()


@everywhere
async def test_a_partner_leaves(world: World) -> None:
    """From then on nothing opens; who never came cannot leave."""
    stranger = await Newcomer(world).invited()
    with pytest.raises(PartnerRejected) as refused:
        await stranger.calls.unregister()
    assert refused.value.http_status == 405
    newcomer = await (await Newcomer(world).invited()).registered()
    await newcomer.calls.unregister()
    assert await newcomer.state() is LinkState.UNREGISTERED
    with pytest.raises(PartnerUnauthorized):
        await newcomer.calls.get_credentials()
