"""Charging profiles and preferences. A session's id stands in the path, so that no object names it."""

from adapters.ocpi.leftovers import extensions
from adapters.ocpi_2_2_1.wire import charging_profiles as wire
from adapters.ocpi_2_2_1.wire.session import ChargingPreferences as WirePreferences
from canonical.charging_profile import (
    ActiveChargingProfile,
    ChargingPreferences,
    ChargingProfile,
    ChargingProfilePeriod,
    ChargingRateUnit,
    ProfileType,
)
from canonical.command import Command, CommandAnswer, CommandKind, CommandOutcome, CommandResponse, CommandResult


def set_profile(source: wire.SetChargingProfile) -> Command:
    return Command(
        kind=CommandKind.SET_CHARGING_PROFILE,
        reply_to=source.response_url,
        profile=charging_profile(source.charging_profile),
        extensions=extensions(source),
    )


def clear_profile(source: wire.ClearProfileQuery) -> Command:
    return Command(kind=CommandKind.CLEAR_CHARGING_PROFILE, reply_to=source.response_url)


def get_active_profile(source: wire.ActiveChargingProfileQuery) -> Command:
    return Command(
        kind=CommandKind.GET_ACTIVE_CHARGING_PROFILE, reply_to=source.response_url, duration_s=source.duration
    )


def response(source: wire.ChargingProfileResponse) -> CommandResponse:
    return CommandResponse(answer=CommandAnswer(source.result), timeout_s=source.timeout)


def result(source: wire.ChargingProfileResult) -> CommandResult:
    return CommandResult(outcome=CommandOutcome(source.result))


def clear_result(source: wire.ClearProfileResult) -> CommandResult:
    return CommandResult(outcome=CommandOutcome(source.result))


def active_result(source: wire.ActiveChargingProfileResult) -> CommandResult:
    return CommandResult(
        outcome=CommandOutcome(source.result), profile=active_profile(source.profile) if source.profile else None
    )


def active_profile(source: wire.ActiveChargingProfile) -> ActiveChargingProfile:
    return ActiveChargingProfile(start=source.start_date_time, profile=charging_profile(source.charging_profile))


def charging_profile(source: wire.ChargingProfile) -> ChargingProfile:
    return ChargingProfile(
        start=source.start_date_time,
        duration_s=source.duration,
        rate_unit=ChargingRateUnit(source.charging_rate_unit),
        min_rate=source.min_charging_rate,
        periods=tuple(
            ChargingProfilePeriod(start_s=period.start_period, limit=period.limit)
            for period in source.charging_profile_period
        ),
    )


def preferences(source: WirePreferences) -> ChargingPreferences:
    return ChargingPreferences(
        profile_type=ProfileType(source.profile_type),
        departure=source.departure_time,
        energy_need_kwh=source.energy_need,
        discharge_allowed=source.discharge_allowed,
    )
