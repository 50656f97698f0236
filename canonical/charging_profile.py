"""Limits on a session's power over time (OCPI 2.2.1 chargingprofiles). Amperes are per phase."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from canonical.model import CanonicalModel, Identifier, Instant, Number


class ChargingRateUnit(StrEnum):
    WATT = "W"
    AMPERE_PER_PHASE = "A"


class ChargingProfilePeriod(CanonicalModel):
    """From `start_s` seconds after the profile's start on, at most `limit`."""

    start_s: Annotated[int, Field(ge=0)]
    limit: Number


class ChargingProfile(CanonicalModel):
    """Relative to the start of charging when `start` is None; open-ended when `duration_s` is None."""

    session_id: Identifier
    start: Instant | None = None
    duration_s: int | None = None
    rate_unit: ChargingRateUnit
    min_rate: Number | None = None
    periods: Annotated[tuple[ChargingProfilePeriod, ...], Field(min_length=1)]
