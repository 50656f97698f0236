"""Our drivers' tokens, as the provider that issued them."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from adapters.contract import Module
from api.contract.documents import Document, completed, schema_of
from api.contract.exact_json import ExactRoute
from api.contract.listing import After, From, Limit, Listed, page_of
from api.contract.shared_objects import Owner, find
from api.contract.telling import tell_all
from api.contract.writing import Afterwards, IdempotencyKey, Write
from api.errors import UnknownToken
from api.services import Services
from canonical.identity import ObjectId
from canonical.model import fold
from canonical.partner import Side
from canonical.store import Driver, Duty, UnitOfWork
from canonical.token import Token, TokenType

Type = Annotated[TokenType, Query(alias="type", description="Part of the token's name, beside its uid.")]


_EXAMPLE = {
    "uid": "04A1B2C3D4E5F6",
    "type": "RFID",
    "contract_id": "DE-EMP-C12345678-X",
    "issuer": "Mobility Ltd",
    "valid": True,
    "whitelist": "ALLOWED",
}


class TokenChange(BaseModel):
    """Whether the token may charge: `false` blocks it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"valid": False}]})

    valid: bool


def routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/tokens", tags=["tokens"], route_class=ExactRoute)

    @router.put("/{uid}", response_model=Token, openapi_extra=schema_of(Token, _EXAMPLE))
    async def put_token(
        uid: str,
        document: Document,
        request: Request,
        token_type: Type = TokenType.RFID,
        key: IdempotencyKey = None,
    ) -> Response:
        """Store a token, and tell every connected operator. A token is ended with `valid: false`."""
        known = {"uid": uid, "type": token_type.value}
        token = completed(Token, document, known, services.our_party, services.clock())

        async def work(unit: UnitOfWork, afterwards: Afterwards) -> Token:
            outcome = await unit.tokens.put(token)
            if not outcome.applied:
                return await _token(unit, token.object_id)
            # His key is there before anybody asks for him: to make one takes longer than to authorise.
            await unit.keyring.key(Driver.of(token), Duty.LETTER)
            await tell_all(services, unit, afterwards, Side.EMSP, Module.TOKENS, token.object_id.key)
            return token

        return await Write(services, request, key).do(work)

    @router.get("/{uid}")
    async def get_token(
        uid: str, token_type: Type = TokenType.RFID, connection: From = "", owner: Owner = None
    ) -> Token:
        """A token as it is stored: one of ours, or one that a partner has shared with us."""
        name = f"{token_type}/{fold(uid)}"
        async with services.store.transaction() as unit:
            token = await find(
                services, unit, connection, owner, name, lambda name, source: unit.tokens.get(name, source=source)
            )
        if token is None:
            raise UnknownToken("this token is not known")
        return token

    @router.patch("/{uid}", response_model=Token)
    async def change_token(
        uid: str,
        change: TokenChange,
        request: Request,
        token_type: Type = TokenType.RFID,
        key: IdempotencyKey = None,
    ) -> Response:
        """Block a token, or let it charge again, and tell every connected operator."""

        async def work(unit: UnitOfWork, afterwards: Afterwards) -> Token:
            name = ObjectId(owner=services.our_party, id=f"{token_type}/{fold(uid)}")
            await unit.tokens.lock(name)
            before = await _token(unit, name)
            if before.valid is change.valid:
                return before
            newest = max(services.clock(), before.last_updated)
            token = before.model_copy(update={"valid": change.valid, "last_updated": newest})
            await unit.tokens.put(token)
            await tell_all(services, unit, afterwards, Side.EMSP, Module.TOKENS, name.key)
            return token

        return await Write(services, request, key).do(work)

    @router.get("")
    async def list_tokens(connection: From = "", after: After = None, limit: Limit = 100) -> Listed[Token]:
        """Our tokens, or those that a partner has shared with us."""
        async with services.store.transaction() as unit:
            return await page_of(unit.tokens, "tokens", connection, after, limit)

    return router


async def _token(unit: UnitOfWork, name: ObjectId) -> Token:
    token = await unit.tokens.get(name)
    if token is None:
        raise UnknownToken("this token is not known")
    return token
