"""Tokens: the provider's, the operator's copies, and the question whether one may charge."""

import pytest

from adapters.contract import Interface, Operation, PartnerNotFound, PartnerRejected
from canonical.identity import PartyId
from canonical.token import Allowed, LocationReference, Token, TokenType
from tests.conformance import objects
from tests.conformance.rows import over
from tests.conformance.site import World


async def owned(world: World, *, valid: bool = True) -> Token:
    token = objects.token(valid=valid)
    async with world.provider.store.transaction() as unit:
        await unit.tokens.put(token)
    return token


async def copied(world: World) -> Token:
    token = objects.token()
    async with world.operator.store.transaction() as unit:
        await unit.tokens.put(token, source=World.AT_OPERATOR)
    return token


async def held(world: World, token: Token) -> Token | None:
    async with world.operator.store.transaction() as unit:
        return await unit.tokens.get(token.object_id, source=World.AT_OPERATOR)


@over(Operation.LIST_TOKENS)
async def test_tokens_are_listed(world: World) -> None:
    token = await owned(world)
    page = await world.by_operator.get_page(Token)
    listed = {item.value.object_id.key: item.value for item in page.items}
    assert listed[token.object_id.key].contract_id == token.contract_id
    assert page.total == len(page.items)


@over(Operation.AUTHORIZE)
async def test_a_token_is_authorised(world: World) -> None:
    """Valid: allowed, with a reference. Blocked: not. Unknown: an error."""
    good, blocked = await owned(world), await owned(world, valid=False)
    place = LocationReference(location_id=objects.PLACE, evse_uids=("E1",))
    yes = (await world.by_operator.authorize(good.uid, TokenType.RFID, place)).value
    no = (await world.by_operator.authorize(blocked.uid, TokenType.RFID, None)).value
    assert (yes.allowed, no.allowed) == (Allowed.ALLOWED, Allowed.BLOCKED)
    async with world.provider.store.transaction() as unit:
        known = await unit.authorizations.latest(good.uid, TokenType.RFID, connection_id=World.AT_PROVIDER)
    assert known is not None
    assert known.location is not None
    assert known.location.location_id == objects.PLACE
    with pytest.raises(PartnerNotFound):
        await world.by_operator.authorize("NOBODYS", TokenType.RFID, None)


@over(Operation.GET_TOKEN, Interface.RECEIVER)
async def test_the_copy_of_a_token_is_read_back(world: World) -> None:
    token = await copied(world)
    read = (await world.by_provider.get(Token, token.object_id, TokenType.RFID)).value
    assert (read.object_id.key, read.valid) == (token.object_id.key, True)
    with pytest.raises(PartnerNotFound):
        await world.by_provider.get(Token, objects.token("NOBODYS").object_id, TokenType.RFID)


@over(Operation.PUT_TOKEN)
async def test_a_token_arrives(world: World) -> None:
    token = objects.token()
    await world.by_provider.put(token)
    stored = await held(world, token)
    assert stored is not None
    assert (stored.contract_id, stored.valid, stored.whitelist) == (token.contract_id, True, token.whitelist)
    foreign = token.model_copy(update={"owner": PartyId(country_code="FR", party_id="XXX")})
    with pytest.raises(PartnerRejected):
        await world.by_provider.put(foreign)


@over(Operation.PATCH_TOKEN)
async def test_a_blocked_token_arrives(world: World) -> None:
    before = await copied(world)
    await world.by_provider.patch(before, before.model_copy(update={"valid": False, "last_updated": objects.later(5)}))
    stored = await held(world, before)
    assert stored is not None
    assert stored.valid is False
    missing = objects.token()
    with pytest.raises(PartnerNotFound):
        await world.by_provider.patch(
            missing, missing.model_copy(update={"valid": False, "last_updated": objects.later(5)})
        )
