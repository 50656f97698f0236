"""Charging profiles and preferences. What this version has no word for is said by the nearest one."""

from adapters.document import Document
from adapters.ocpi.fields import fields, instant
from canonical.charging_profile import ActiveChargingProfile, ChargingPreferences, ChargingProfile
from canonical.command import Command, CommandAnswer, CommandOutcome, CommandResponse, CommandResult

_KNOWN_OUTCOMES = frozenset({CommandOutcome.ACCEPTED, CommandOutcome.REJECTED, CommandOutcome.UNKNOWN})


def set_profile(source: Command) -> Document:
    return fields(
        source.extensions,
        charging_profile=charging_profile(source.profile) if source.profile else None,
        response_url=source.reply_to,
    )


def clear_profile(source: Command) -> Document:
    return fields(response_url=source.reply_to)


def get_active_profile(source: Command) -> Document:
    return fields(duration=source.duration_s, response_url=source.reply_to)


def response(source: CommandResponse) -> Document:
    """Nothing is to be waited for after a refusal: its timeout, which the version demands, is 0."""
    answer = CommandAnswer.REJECTED if source.answer is CommandAnswer.TIMEOUT else source.answer
    return fields(result=answer.value, timeout=source.timeout_s or 0)


def result(source: CommandResult) -> Document:
    """UNKNOWN means that the EVSE has no such profile; every other failure is a REJECTED."""
    outcome = source.outcome if source.outcome in _KNOWN_OUTCOMES else CommandOutcome.REJECTED
    return fields(result=outcome.value)


def active_result(source: CommandResult) -> Document:
    return {**result(source), **fields(profile=active_profile(source.profile) if source.profile else None)}


def active_profile(source: ActiveChargingProfile) -> Document:
    return fields(start_date_time=instant(source.start), charging_profile=charging_profile(source.profile))


def charging_profile(source: ChargingProfile) -> Document:
    return fields(
        start_date_time=instant(source.start),
        duration=source.duration_s,
        charging_rate_unit=source.rate_unit.value,
        min_charging_rate=source.min_rate,
        charging_profile_period=[fields(start_period=period.start_s, limit=period.limit) for period in source.periods],
    )


def preferences(source: ChargingPreferences) -> Document:
    return fields(
        profile_type=source.profile_type.value,
        departure_time=instant(source.departure),
        energy_need=source.energy_need_kwh,
        discharge_allowed=source.discharge_allowed,
    )
