"""Our drivers' tokens, as the provider that issued them."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from adapters.contract import Module
from api.contract.documents import Document, completed, schema_of
from api.contract.exact_json import ExactRoute
from api.contract.listing import From, Limit, Listed, Offset
from api.contract.telling import tell_all
from api.contract.writing import Afterwards, IdempotencyKey, Write
from api.errors import UnknownToken
from api.services import Services
from canonical.identity import ObjectId
from canonical.model import fold
from canonical.partner import Side
from canonical.store import UnitOfWork
from canonical.token import Token, TokenType

Type = Annotated[TokenType, Query(alias="type", description="Part of the token's name, beside its uid.")]


def routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/tokens", tags=["tokens"], route_class=ExactRoute)

    @router.put("/{uid}", response_model=Token, openapi_extra=schema_of(Token))
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
            await tell_all(services, unit, afterwards, Side.EMSP, Module.TOKENS, token.object_id.key)
            return token

        return await Write(services, request, key).do(work)

    @router.get("/{uid}")
    async def get_token(uid: str, token_type: Type = TokenType.RFID) -> Token:
        """One of our tokens as it is stored."""
        async with services.store.transaction() as unit:
            return await _token(unit, ObjectId(owner=services.our_party, id=f"{token_type}/{fold(uid)}"))

    @router.get("")
    async def list_tokens(connection: From = "", offset: Offset = 0, limit: Limit = 100) -> Listed[Token]:
        """Our tokens, or those that a partner has shared with us."""
        async with services.store.transaction() as unit:
            page = await unit.tokens.page(source=connection, since=None, until=None, offset=offset, limit=limit)
        return Listed(items=page.items, total=page.total)

    return router


async def _token(unit: UnitOfWork, name: ObjectId) -> Token:
    token = await unit.tokens.get(name)
    if token is None:
        raise UnknownToken("this token is not known")
    return token
