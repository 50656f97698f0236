"""Charging profiles and preferences (OCPI 2.2.1 chargingprofiles, sessions): how providers steer our sessions.

Setting, clearing and asking for a profile are orders like any other: answered at once, carried out by our charging
backend, concluded on the address that came along. Preferences are answered at once and for good.
"""

import json
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from api.errors import InvalidInput, UnknownObject
from api.ocpi.call import Answer, Call
from api.ocpi.commands import Judgement, is_for_requester, take
from canonical.charging_profile import (
    ActiveChargingProfile,
    ChargingPreferences,
    PreferencesAnswer,
    ProfileType,
)
from canonical.command import Command, CommandAnswer, CommandKind
from canonical.event import EventKind
from canonical.identity import ObjectId
from canonical.location import Connector, Evse
from canonical.session import Session
from canonical.store import UnitOfWork, Wishes

_PROFILES: Final = "CHARGING_PROFILE_CAPABLE"
_PREFERENCES: Final = "CHARGING_PREFERENCES_CAPABLE"
_DURATION: Final = "duration"
_REPLY: Final = "response_url"
_PLANNED: Final = frozenset({ProfileType.CHEAP, ProfileType.GREEN})
"""Charging is moved in time for these: nobody can plan that without knowing until when."""


async def set_charging_profile(call: Call) -> Answer:
    command = call.adapter.read_command(CommandKind.SET_CHARGING_PROFILE, call.body, call.parties).value
    if command.profile is None or not command.profile.periods:
        raise InvalidInput.of("charging_profile.charging_profile_period", "must have at least one period")
    return await _take(call, command)


async def clear_charging_profile(call: Call) -> Answer:
    return await _take(call, _asked(call, CommandKind.CLEAR_CHARGING_PROFILE))


async def get_active_charging_profile(call: Call) -> Answer:
    command = _asked(call, CommandKind.GET_ACTIVE_CHARGING_PROFILE)
    if command.duration_s is None or command.duration_s <= 0:
        raise InvalidInput.of(_DURATION, "must be at least one second")
    return await _take(call, command)


async def put_active_charging_profile(call: Call) -> Answer:
    """What a session of one of our drivers really gets from now on, as its operator tells."""
    profile = call.adapter.read(ActiveChargingProfile, call.body, call.parties).value
    async with call.services.store.transaction() as unit:
        session = await _partners_session(call, unit)
        await unit.smart_charging.put_active(
            session.object_id, profile, call.services.clock(), source=call.connection.id
        )
        await unit.events.add(EventKind.CHARGING_PROFILE_ACTIVE, session.object_id.key, call.connection.id, profile)
    return Answer()


async def set_charging_preferences(call: Call) -> Answer:
    """What the driver of one of our sessions wishes for. Where nobody can steer, there is nothing to set (404)."""
    preferences = call.adapter.read(ChargingPreferences, call.body, call.parties).value
    name, now = _session_name(call), call.services.clock()
    async with call.services.store.transaction() as unit:
        session = await _our_session(call, unit, name)
        if session is None:
            raise UnknownObject("session_id: this session is not known")
        place = await _place(call, unit, session)
        if place is None or _PREFERENCES not in place[0].capabilities:
            raise UnknownObject(f"session_id: {_PREFERENCES} is no capability of its EVSE")
        answer = await _judged(call, unit, session, place[1], preferences, now)
        if answer is PreferencesAnswer.ACCEPTED:
            await unit.smart_charging.put_wishes(name, Wishes(preferences, answer, now))
            await unit.events.add(EventKind.SESSION_PREFERENCES_SET, name.key, call.connection.id, preferences)
    return Answer(data=json.dumps(answer.value).encode())


async def _judged(
    call: Call,
    unit: UnitOfWork,
    session: Session,
    connector: Connector | None,
    preferences: ChargingPreferences,
    now: datetime,
) -> PreferencesAnswer:
    """What has ended, or should end in the past, cannot be steered; and no wish can without what its plan needs."""
    if session.status.is_final or (preferences.departure is not None and preferences.departure <= now):
        return PreferencesAnswer.NOT_POSSIBLE
    if not await _is_offered(call, unit, connector, preferences.profile_type):
        return PreferencesAnswer.PROFILE_TYPE_NOT_SUPPORTED
    if preferences.profile_type in _PLANNED and preferences.departure is None:
        return PreferencesAnswer.DEPARTURE_REQUIRED
    if preferences.discharge_allowed and preferences.energy_need_kwh is None:
        return PreferencesAnswer.ENERGY_NEED_REQUIRED  # else the vehicle might leave emptier than its driver can bear
    return PreferencesAnswer.ACCEPTED


async def _is_offered(call: Call, unit: UnitOfWork, connector: Connector | None, wanted: ProfileType) -> bool:
    """Whether the connector has a price for a type of profile: a tariff of that type, or one for every session."""
    if wanted is ProfileType.REGULAR or connector is None or not connector.tariff_ids:
        return True
    ours = call.connection.our_party
    known = [await unit.tariffs.get(ObjectId(owner=ours, id=each)) for each in connector.tariff_ids]
    types = {tariff.type for tariff in known if tariff is not None}
    return not types or None in types or f"PROFILE_{wanted}" in types


async def _take(call: Call, command: Command) -> Answer:
    return await take(call, command.model_copy(update={"session_id": call.segment("session_id")}), _judge)


async def _judge(call: Call, unit: UnitOfWork, _command: Command) -> Judgement:
    """A session with another provider's token is unknown to this one, whether or not there is one."""
    name = _session_name(call)
    session = await _our_session(call, unit, name)
    if session is None:
        return Judgement(CommandAnswer.UNKNOWN_SESSION, "this session is not known")
    if session.status.is_final:
        return Judgement(CommandAnswer.REJECTED, "this session has ended", session=name)
    place = await _place(call, unit, session)
    if place is None or _PROFILES not in place[0].capabilities:
        return Judgement(CommandAnswer.NOT_SUPPORTED, f"{_PROFILES} is no capability of its EVSE", session=name)
    return Judgement(session=name)


def _asked(call: Call, kind: CommandKind) -> Command:
    """An order that has no body: its query is read by the rules of one."""
    asked: dict[str, str | int] = {_REPLY: _reply_address(call)} if _REPLY in call.query else {}
    duration = call.query.get(_DURATION)
    if duration is not None:
        asked[_DURATION] = int(duration) if duration.isascii() and duration.isdigit() else duration
    return call.adapter.read_command(kind, json.dumps(asked).encode(), call.parties).value


def _reply_address(call: Call) -> str:
    """The address in the query. Some do not encode it: then what follows its own question mark belongs to it."""
    url, names = call.query[_REPLY], list(call.query)
    rest = [(n, call.query[n]) for n in names[names.index(_REPLY) + 1 :] if n != _DURATION]
    return f"{url}&{urlencode(rest)}" if "?" in url and rest else url


def _session_name(call: Call) -> ObjectId:
    try:
        return ObjectId(owner=call.connection.our_party, id=call.segment("session_id"))
    except ValueError:
        raise InvalidInput.of("session_id", "is empty or too long") from None


async def _our_session(call: Call, unit: UnitOfWork, name: ObjectId) -> Session | None:
    """A session of ours with a token of the provider that asks."""
    session = await unit.sessions.get(name)
    return session if session is not None and await is_for_requester(call, unit, session) else None


async def _partners_session(call: Call, unit: UnitOfWork) -> Session:
    """The operator's session in the path. Several operators behind a hub may use one id: who asks is whose it is."""
    owner = call.requester or call.connection.partner_party(call.our_side)
    try:
        name = None if owner is None else ObjectId(owner=owner, id=call.segment("session_id"))
    except ValueError:
        raise InvalidInput.of("session_id", "is empty or too long") from None
    session = None if name is None else await unit.sessions.get(name, source=call.connection.id)
    if session is None:
        raise UnknownObject("session_id: this session is not known")
    return session


async def _place(call: Call, unit: UnitOfWork, session: Session) -> tuple[Evse, Connector | None] | None:
    """EVSE and connector of a session of ours, as they are now."""
    location = await unit.locations.get(ObjectId(owner=call.connection.our_party, id=session.location_id))
    evse = location.evse(session.evse_uid) if location is not None and session.evse_uid else None
    if evse is None:
        return None
    return evse, evse.connector(session.connector_id) if session.connector_id else None
