"""Limits on a session's power over time (OCPI 2.2.1 chargingprofiles). Amperes are per phase."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from canonical.model import CanonicalModel, Instant, Number


class ChargingRateUnit(StrEnum):
    WATT = "W"
    AMPERE_PER_PHASE = "A"


class ChargingProfilePeriod(CanonicalModel):
    """From `start_s` seconds after the profile's start on, at most `limit`."""

    start_s: Annotated[int, Field(ge=0)]
    limit: Number


class ChargingProfile(CanonicalModel):
    """Relative to the start of charging when `start` is None; open-ended when `duration_s` is None."""

    start: Instant | None = None
    duration_s: int | None = None
    rate_unit: ChargingRateUnit
    min_rate: Number | None = None
    periods: tuple[ChargingProfilePeriod, ...] = ()


class ActiveChargingProfile(CanonicalModel):
    """What a session really gets, from all limits together, from `start` on."""

    start: Instant
    profile: ChargingProfile


class ProfileType(StrEnum):
    """What a driver wants of smart charging."""

    CHEAP = "CHEAP"
    FAST = "FAST"
    GREEN = "GREEN"
    REGULAR = "REGULAR"


class ChargingPreferences(CanonicalModel):
    """The driver's wishes for one session (OCPI 2.2.1 sessions, ChargingPreferences)."""

    profile_type: ProfileType
    departure: Instant | None = None
    energy_need_kwh: Number | None = None
    discharge_allowed: bool | None = None


class PreferencesAnswer(StrEnum):
    ACCEPTED = "ACCEPTED"
    DEPARTURE_REQUIRED = "DEPARTURE_REQUIRED"
    ENERGY_NEED_REQUIRED = "ENERGY_NEED_REQUIRED"
    NOT_POSSIBLE = "NOT_POSSIBLE"
    PROFILE_TYPE_NOT_SUPPORTED = "PROFILE_TYPE_NOT_SUPPORTED"
