"""How sessions are steered: charging profiles, and the wishes of drivers.

As a provider you set, clear and ask for the profile of a partner's session: these are orders, whose results you read
under `/commands`. As an operator your charging backend finds such orders there, and tells here what a session
really gets.
"""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Body, Depends, Query, Request, Response
from pydantic import BaseModel

from activities.partner_link import calls_to
from adapters.contract import Module, PartnerNotFound
from api.contract.commands import give, operator_named, operator_on, partners_session
from api.contract.exact_json import ExactRoute
from api.contract.listing import From
from api.contract.telling import tell
from api.contract.writing import Afterwards, IdempotencyKey, Write
from api.errors import Conflict, InvalidInput, PartnerSilent, UnknownObject
from api.services import Services
from canonical.charging_profile import (
    ActiveChargingProfile,
    ChargingPreferences,
    ChargingProfile,
    PreferencesAnswer,
)
from canonical.command import Command, CommandKind, CommandRecord
from canonical.identity import ObjectId, PartyId
from canonical.model import Instant
from canonical.partner import Connection, Side
from canonical.session import Session
from canonical.store import UnitOfWork, Wishes

_PATIENCE_S: Final = 8.0
_DAY_S: Final = 86_400

Partner = Annotated[str, Query(alias="connection", max_length=64, description="Whose session it is.")]
Operator = Annotated[
    str | None,
    Query(max_length=8, description="The operator, where several are behind the connection.", examples=["DE*ABC"]),
]
Duration = Annotated[int, Query(ge=1, le=_DAY_S, description="How far the profile has to look ahead, in seconds.")]


@dataclass(frozen=True)
class Asked:
    """The partner's session that a call is about, as path and query name it."""

    session_id: str
    connection: Partner
    operator: Operator = None


OfPartner = Annotated[Asked, Depends()]
Limits = Annotated[
    ChargingProfile,
    Body(
        openapi_examples={
            "an hour at 16 A, then 32 A": {
                "value": {
                    "rate_unit": "A",
                    "periods": [{"start_s": 0, "limit": "16"}, {"start_s": 3600, "limit": "32"}],
                }
            }
        }
    ),
]


class WishesAnswer(BaseModel):
    """What a driver wished for last, and what its operator said to it."""

    answer: PreferencesAnswer
    preferences: ChargingPreferences
    at: Instant

    @classmethod
    def of(cls, wishes: Wishes) -> "WishesAnswer":
        return cls(answer=wishes.answer, preferences=wishes.preferences, at=wishes.at)


def routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/sessions", tags=["charging-profiles"], route_class=ExactRoute)

    @router.put("/{session_id}/charging-profile", status_code=202, response_model=CommandRecord)
    async def set_charging_profile(
        asked: OfPartner, profile: Limits, request: Request, key: IdempotencyKey = None
    ) -> Response:
        """Limit the power of a partner's session over time. It takes the place of the profile set before."""
        if not profile.periods:
            raise InvalidInput.of("periods", "must have at least one period")
        command = Command(kind=CommandKind.SET_CHARGING_PROFILE, profile=profile)
        return await _order(services, request, key, asked, command)

    @router.delete("/{session_id}/charging-profile", status_code=202, response_model=CommandRecord)
    async def clear_charging_profile(asked: OfPartner, request: Request, key: IdempotencyKey = None) -> Response:
        """Take back the profile that was set for a partner's session."""
        command = Command(kind=CommandKind.CLEAR_CHARGING_PROFILE)
        return await _order(services, request, key, asked, command)

    @router.post("/{session_id}/active-charging-profile/requests", status_code=202, response_model=CommandRecord)
    async def request_active_charging_profile(
        asked: OfPartner, request: Request, duration_s: Duration = _DAY_S, key: IdempotencyKey = None
    ) -> Response:
        """Ask what a partner's session really gets. The answer is the order's result, and readable below."""
        command = Command(kind=CommandKind.GET_ACTIVE_CHARGING_PROFILE, duration_s=duration_s)
        return await _order(services, request, key, asked, command)

    @router.get("/{session_id}/active-charging-profile")
    async def get_active_charging_profile(
        session_id: str, connection: From = "", operator: Operator = None
    ) -> ActiveChargingProfile:
        """What a session really gets, as far as it was told: by your charging backend, or by the partner."""
        async with services.store.transaction() as unit:
            name = await _name(services, unit, session_id, connection, operator)
            profile = await unit.smart_charging.active(name, source=connection)
        if profile is None:
            raise UnknownObject(f"no active charging profile of session {session_id} is known")
        return profile

    @router.put("/{session_id}/active-charging-profile", response_model=ActiveChargingProfile)
    async def tell_active_charging_profile(
        session_id: str, profile: ActiveChargingProfile, request: Request, key: IdempotencyKey = None
    ) -> Response:
        """Tell what one of our sessions gets from now on. A provider that has set a profile for it is told."""

        async def work(unit: UnitOfWork, afterwards: Afterwards) -> ActiveChargingProfile:
            await _tell_active(services, unit, afterwards, session_id, profile)
            return profile

        return await Write(services, request, key).do(work)

    @router.put("/{session_id}/charging-preferences", response_model=WishesAnswer)
    async def set_charging_preferences(
        asked: OfPartner, preferences: ChargingPreferences, request: Request, key: IdempotencyKey = None
    ) -> Response:
        """Tell the operator of a session what its driver wishes for. The operator answers at once."""
        async with services.store.transaction() as unit:
            partner, session = await _session(unit, asked)
        answer = await _ask(services, partner, session, preferences)
        wishes = Wishes(preferences, answer, services.clock())

        async def work(unit: UnitOfWork, _afterwards: Afterwards) -> WishesAnswer:
            await unit.smart_charging.put_wishes(session.object_id, wishes, source=partner.id)
            return WishesAnswer.of(wishes)

        return await Write(services, request, key).do(work)

    @router.get("/{session_id}/charging-preferences")
    async def get_charging_preferences(
        session_id: str, connection: From = "", operator: Operator = None
    ) -> WishesAnswer:
        """What the driver of a session wished for last: of ours, as a provider told us; of a partner's, as we did."""
        async with services.store.transaction() as unit:
            name = await _name(services, unit, session_id, connection, operator)
            wishes = await unit.smart_charging.wishes(name, source=connection)
        if wishes is None:
            raise UnknownObject(f"no charging preferences for session {session_id} are known")
        return WishesAnswer.of(wishes)

    return router


async def _order(services: Services, request: Request, key: str | None, asked: Asked, command: Command) -> Response:
    async def work(unit: UnitOfWork, afterwards: Afterwards) -> CommandRecord:
        connection, session = await _session(unit, asked)
        named = command.model_copy(update={"session_id": session.id})
        return await give(services, unit, afterwards, connection, named, session.owner, session.object_id)

    return await Write(services, request, key).do(work, status=202)


async def _session(unit: UnitOfWork, asked: Asked) -> tuple[Connection, Session]:
    """The connection, and the session of the operator behind it."""
    connection = await operator_on(unit, asked.connection)
    party = operator_named(connection, asked.operator)
    return connection, await partners_session(unit, connection, party, asked.session_id)


async def _name(
    services: Services, unit: UnitOfWork, session_id: str, connection_id: str, operator: str | None
) -> ObjectId:
    """The full name of a session: ours, or that of the operator behind a connection."""
    owner: PartyId = services.our_party
    if connection_id:
        owner = operator_named(await unit.connections.get(connection_id), operator)
    return ObjectId(owner=owner, id=session_id)


async def _tell_active(
    services: Services, unit: UnitOfWork, afterwards: Afterwards, session_id: str, profile: ActiveChargingProfile
) -> None:
    """Store it, and tell the provider if it steers this session (OCPI 2.2.1 chargingprofiles, active profile)."""
    name = ObjectId(owner=services.our_party, id=session_id)
    await unit.sessions.lock(name)
    session, context = await unit.sessions.get(name), await unit.sessions.context(name)
    if session is None or context is None:
        raise UnknownObject(f"session {session_id} is not known")
    if session.status.is_final:
        raise Conflict(f"session {session_id} has ended")
    await unit.smart_charging.put_active(name, profile, services.clock())
    if await unit.commands.has_set_profile(context.connection_id, name):
        connection = await unit.connections.get(context.connection_id)
        await tell(services, unit, afterwards, connection, Module.CHARGING_PROFILES, name.key)


async def _ask(
    services: Services, connection: Connection, session: Session, preferences: ChargingPreferences
) -> PreferencesAnswer:
    """The operator's word. Raises PartnerSilent; Conflict where the session cannot be steered; PartnerError."""
    calls = await calls_to(services.store, services.registry, connection, our_side=Side.EMSP, addressee=session.owner)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await calls.set_charging_preferences(session.object_id, preferences)
    except TimeoutError:
        raise PartnerSilent("the operator did not answer in time") from None
    except PartnerNotFound as error:
        raise Conflict("the operator takes no preferences for this session") from error
