"""Tokens and real-time authorisation (OCPI 2.2.1 tokens). A token is named by its party, its uid and its type.

Where the version names it by party and uid alone (OCPI 2.1.1), a type in the query is a hint, and in a body the truth.
"""

from uuid import uuid4

from pydantic import ValidationError

from api.errors import InvalidInput, UnknownToken
from api.ocpi import written
from api.ocpi.call import Answer, Call
from api.ocpi.evidence import sealed
from api.ocpi.freshness import is_stale
from api.ocpi.ownership import check_body, owner_in_path
from api.ocpi.paging import PageRequest
from canonical.event import EventKind
from canonical.identity import ObjectId, PartyId
from canonical.model import fold
from canonical.store import TOKENS, Driver, Duty, UnitOfWork
from canonical.token import Allowed, Authorization, LocationReference, Token, TokenType


async def list_tokens(call: Call) -> Answer:
    return await written.page(call, TOKENS, "", PageRequest.of_call(call))


async def get_token(call: Call) -> Answer:
    name = _name(call, owner_in_path(call))
    if call.adapter.tokens_by_uid:
        async with call.services.store.transaction() as unit:
            name = (await _pushed(call, unit)).object_id
    data = await written.one(call, TOKENS, call.connection.id, name)
    if data is None:
        raise UnknownToken("token_uid: this token is not known")
    return Answer(data=data)


async def put_token(call: Call) -> Answer:
    owner = owner_in_path(call)
    token = call.adapter.read(Token, call.body, call.parties).value
    in_path = _of_type(call, owner, token.type) if call.adapter.tokens_by_uid else _name(call, owner)
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
        unit.keyring.expect(Driver.by_card(name.owner, call.segment("token_uid")))
        token = await _find(call, unit, name)
        if token is None:
            raise UnknownToken("token_uid: this token is not known")
        authorization = Authorization(
            allowed=Allowed.ALLOWED if token.valid else Allowed.BLOCKED,
            token=token,
            location=location,
            authorization_reference=str(uuid4()) if token.valid else None,
        )
        await unit.keyring.key(Driver.of(token), Duty.FEED, Duty.LETTER)
        await unit.authorizations.add(authorization, connection_id=call.connection.id, at=call.services.clock())
        await unit.events.add(EventKind.AUTHORIZATION_ASKED, token.object_id.key, call.connection.id, authorization)
        answer = Answer(data=call.adapter.write(authorization), object_key=token.object_id.key, driver=Driver.of(token))
        answer, record = sealed(call, answer)
        await unit.evidence.note(record)
    return answer


async def _pushed(call: Call, unit: UnitOfWork) -> Token:
    """The token in the URL as this partner pushed it."""
    token = await _find(call, unit, _name(call, owner_in_path(call)), source=call.connection.id)
    if token is None:
        raise UnknownToken("token_uid: this token is not known")
    return token


async def _find(call: Call, unit: UnitOfWork, name: ObjectId, source: str = "") -> Token | None:
    """The token of a name; where its uid alone is its name, also one of another type, if there is just one.

    What a version has no type for it has been told as OTHER.
    """
    token = await unit.tokens.get(name, source=source)
    if token is not None:
        return token
    types: tuple[TokenType, ...] = ()
    if call.adapter.tokens_by_uid:
        types = tuple(TokenType)
    elif not call.adapter.open_token_types and name == _of_type(call, name.owner, TokenType.OTHER):
        types = (TokenType.EMAID,)
    named = [await unit.tokens.get(_of_type(call, name.owner, each), source=source) for each in types]
    found = [each for each in named if each is not None]
    return found[0] if len(found) == 1 else None


def _name(call: Call, owner: PartyId) -> ObjectId:
    """The token's full name; without a type in the query it is an RFID token."""
    asked = (call.query.get("type") or call.query.get("token_type") or "").strip() or TokenType.RFID.value
    if call.adapter.open_token_types and asked.upper() not in set(TokenType):
        asked = TokenType.OTHER.value
    try:
        token_type = TokenType(asked.upper())
    except ValueError:
        raise InvalidInput.of("type", f"must be one of {', '.join(TokenType)}") from None
    return _of_type(call, owner, token_type)


def _of_type(call: Call, owner: PartyId, token_type: TokenType) -> ObjectId:
    try:
        return ObjectId(owner=owner, id=f"{token_type}/{fold(call.segment('token_uid'))}")
    except ValidationError:
        raise InvalidInput.of("token_uid", "is too long") from None
