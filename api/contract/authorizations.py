"""A driver holds a card to a charger: may it charge?"""

from dataclasses import replace

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from adapters.contract import PartnerError
from api.contract.admission import Holder, TokenName, ask, decided_locally, find, issuers, ordered
from api.contract.exact_json import ExactRoute
from api.contract.writing import Afterwards, IdempotencyKey, Write
from api.errors import InvalidInput, PartnerSilent
from api.services import Services
from canonical.identity import PartyId
from canonical.model import DisplayText, Identifier
from canonical.partner import Connection, Side
from canonical.store import UnitOfWork
from canonical.token import Allowed, Authorization, LocationReference, Token, TokenRef, TokenType, Whitelist


class TokenSelector(BaseModel):
    """A token as the charger read it. `issuer` (`DE*ABC`) only when it is known."""

    model_config = ConfigDict(extra="forbid")

    uid: Identifier
    type: TokenType = TokenType.RFID
    issuer: str | None = Field(default=None, max_length=8, examples=["DE*MOB"])

    def name(self) -> TokenName:
        """Raises InvalidInput when the issuer is no party id."""
        return TokenName(self.uid, self.type, party_named(self.issuer, "token.issuer"))


class AuthorizationRequest(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"token": {"uid": "04A1B2C3D4E5F6", "type": "RFID"}, "location_id": "L1", "evse_uid": "E1"}]
        },
    )

    token: TokenSelector
    location_id: Identifier | None = None
    evse_uid: Identifier | None = None

    def location(self) -> LocationReference | None:
        if self.location_id is None:
            return None
        return LocationReference(location_id=self.location_id, evse_uids=(self.evse_uid,) if self.evse_uid else ())


class AuthorizationAnswer(BaseModel):
    """The decision. `asked_issuer`: the issuer was asked just now; else it was decided here."""

    allowed: Allowed
    token: TokenRef | None
    connection: str | None
    authorization_reference: str | None = None
    asked_issuer: bool
    info: DisplayText | None = None


class _Decision(BaseModel):
    answer: AuthorizationAnswer
    said: Authorization | None = None


def routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/authorizations", tags=["authorizations"], route_class=ExactRoute)

    @router.post("", response_model=AuthorizationAnswer)
    async def authorize(order: AuthorizationRequest, request: Request, key: IdempotencyKey = None) -> Response:
        """Decide from what we hold, or ask the token's issuer in real time. The decision is recorded.

        A token that nobody knows is answered with NOT_ALLOWED, not with an error.
        """
        decision = await _decide(services, order)

        async def work(unit: UnitOfWork, _afterwards: Afterwards) -> AuthorizationAnswer:
            await _record(services, unit, decision)
            return decision.answer

        return await Write(services, request, key).do(work)

    return router


async def _decide(services: Services, order: AuthorizationRequest) -> _Decision:
    """Raises PartnerSilent when the decision is the issuer's alone, and it does not answer."""
    name = order.token.name()
    async with services.store.transaction() as unit:
        by_order = await ordered(unit, name, order.location_id, order.evse_uid, services.clock())
        if by_order is not None:
            return _ordered_decision(by_order, order)
        holder = await find(unit, name)
        candidates = await issuers(unit, name)
    if holder is not None:
        candidates = (holder.connection,)
        local = decided_locally(holder.token)
        if local is not None:
            return _own_decision(holder, local, order)
    silent = False
    for connection in candidates:
        try:
            issuer = holder.token.owner if holder else name.issuer
            said = await ask(services, connection, replace(name, issuer=issuer), order.location())
        except PartnerError:
            silent = True
            continue
        # An issuer may not repeat the token. Then a yes to one that we do not hold names no contract to bill.
        said = said and said.about(holder.token if holder else None)
        if said is not None and said.token is not None and await _issued(services, connection, said.token):
            return _issuers_decision(connection.id, said, said.token)
    if holder is not None and silent and holder.token.whitelist is Whitelist.ALLOWED_OFFLINE:
        return _own_decision(holder, Allowed.ALLOWED if holder.token.valid else Allowed.BLOCKED, order)
    if silent:
        raise PartnerSilent("the issuer has to be asked and does not answer")
    return _Decision(
        answer=AuthorizationAnswer(
            allowed=Allowed.NOT_ALLOWED, token=None, connection=None, asked_issuer=bool(candidates)
        )
    )


async def _issued(services: Services, connection: Connection, token: Token) -> bool:
    """Whether a token is one of the provider's that was asked, or of a party behind the hub."""
    async with services.store.transaction() as unit:
        return bool(await unit.hub_clients.speakers(connection, (token.owner,), Side.CPO))


def _own_decision(holder: Holder, allowed: Allowed, order: AuthorizationRequest) -> _Decision:
    return _Decision(
        answer=AuthorizationAnswer(
            allowed=allowed,
            token=holder.token.ref(),
            connection=holder.connection.id,
            asked_issuer=False,
        ),
        said=Authorization(allowed=allowed, token=holder.token, location=order.location()),
    )


def _ordered_decision(holder: Holder, order: AuthorizationRequest) -> _Decision:
    """The issuer has ordered a session here for this token: it has said yes, and is not asked again."""
    reference = holder.order.command.authorization_reference if holder.order else None
    decision = _own_decision(holder, Allowed.ALLOWED, order)
    return _Decision(
        answer=decision.answer.model_copy(update={"authorization_reference": reference}),
        said=decision.said and decision.said.model_copy(update={"authorization_reference": reference}),
    )


def _issuers_decision(connection_id: str, said: Authorization, token: Token) -> _Decision:
    return _Decision(
        answer=AuthorizationAnswer(
            allowed=said.allowed,
            token=token.ref(),
            connection=connection_id,
            authorization_reference=said.authorization_reference,
            asked_issuer=True,
            info=said.info,
        ),
        said=said,
    )


async def _record(services: Services, unit: UnitOfWork, decision: _Decision) -> None:
    """The decision, and the issuer's token with it: the session and its CDR name the token as it was."""
    said, connection_id = decision.said, decision.answer.connection
    if said is None or connection_id is None:
        return
    if decision.answer.asked_issuer and said.token is not None:
        await unit.tokens.put(said.token, source=connection_id)
    await unit.authorizations.add(said, connection_id=connection_id, at=services.clock())


def party_named(text: str | None, field: str) -> PartyId | None:
    """Raises InvalidInput."""
    if text is None:
        return None
    try:
        return PartyId.parse(text)
    except ValueError:
        raise InvalidInput.of(field, "must be a party id such as DE*ABC") from None
