"""Tokens and real-time authorisation (OCPI 2.2.1 tokens). A token is named by its party, its uid and its type."""

from uuid import uuid4

from pydantic import ValidationError

from api.errors import InvalidInput, UnknownToken
from api.ocpi.call import Answer, Call
from api.ocpi.freshness import is_stale
from api.ocpi.ownership import check_body, owner_in_path
from api.ocpi.paging import PageRequest, page_answer
from canonical.identity import ObjectId, PartyId
from canonical.model import fold
from canonical.store import UnitOfWork
from canonical.token import Allowed, Authorization, LocationReference, Token, TokenType


async def list_tokens(call: Call) -> Answer:
    asked = PageRequest.of(call.query)
    async with call.services.store.transaction() as unit:
        page = await unit.tokens.page(since=asked.since, until=asked.until, offset=asked.offset, limit=asked.limit)
    return page_answer(call, asked, page)


async def get_token(call: Call) -> Answer:
    async with call.services.store.transaction() as unit:
        return Answer(data=call.adapter.write(await _pushed(call, unit)))


async def put_token(call: Call) -> Answer:
    in_path = _name(call, owner_in_path(call))
    token = call.adapter.read(Token, call.body, call.parties).value
    check_body(call, in_path, token.object_id)
    async with call.services.store.transaction() as unit:
        outcome = await unit.tokens.put(token, source=call.connection.id)
    return Answer(http_status=201 if outcome.created else 200)


async def patch_token(call: Call) -> Answer:
    async with call.services.store.transaction() as unit:
        await unit.tokens.lock(_name(call, owner_in_path(call)))
        before = await _pushed(call, unit)
        after = call.adapter.patch(before, call.body, call.parties).value
        check_body(call, before.object_id, after.object_id)
        if not is_stale(before, after):
            await unit.tokens.put(after, source=call.connection.id)
    return Answer()


async def authorize(call: Call) -> Answer:
    """Whether one of our tokens may charge now. Neither the place's status nor its opening hours play a part."""
    name = _name(call, call.connection.our_party)
    location = call.adapter.read(LocationReference, call.body, call.parties).value if call.body.strip() else None
    async with call.services.store.transaction() as unit:
        token = await unit.tokens.get(name)
        if token is None:
            raise UnknownToken("token_uid: this token is not known")
        authorization = Authorization(
            allowed=Allowed.ALLOWED if token.valid else Allowed.BLOCKED,
            token=token,
            location=location,
            authorization_reference=str(uuid4()) if token.valid else None,
        )
        await unit.authorizations.add(authorization, connection_id=call.connection.id, at=call.services.clock())
    return Answer(data=call.adapter.write(authorization), object_key=token.object_id.key)


async def _pushed(call: Call, unit: UnitOfWork) -> Token:
    """The token in the URL as this partner pushed it."""
    token = await unit.tokens.get(_name(call, owner_in_path(call)), source=call.connection.id)
    if token is None:
        raise UnknownToken("token_uid: this token is not known")
    return token


def _name(call: Call, owner: PartyId) -> ObjectId:
    """The token's full name; without a type in the query it is an RFID token."""
    asked = call.query.get("type", "").strip() or TokenType.RFID.value
    try:
        token_type = TokenType(asked.upper())
    except ValueError:
        raise InvalidInput.of("type", f"must be one of {', '.join(TokenType)}") from None
    try:
        return ObjectId(owner=owner, id=f"{token_type}/{fold(call.segment('token_uid'))}")
    except ValidationError:
        raise InvalidInput.of("token_uid", "is too long") from None
