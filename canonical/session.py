"""A charging session while it lives (OCPI 2.2.1 sessions), and the readings it is made of."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from canonical.identity import ObjectId, PartyId
from canonical.location import Location
from canonical.model import CanonicalModel, Extension, Identifier, Instant, Number
from canonical.money import Currency, Price
from canonical.token import TokenRef


class SessionStatus(StrEnum):
    """RESERVATION → PENDING → ACTIVE → COMPLETED; INVALID ends what must not be billed."""

    RESERVATION = "RESERVATION"
    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    COMPLETED = "COMPLETED"
    INVALID = "INVALID"

    @property
    def is_final(self) -> bool:
        return self in (SessionStatus.COMPLETED, SessionStatus.INVALID)


class AuthMethod(StrEnum):
    AUTH_REQUEST = "AUTH_REQUEST"
    COMMAND = "COMMAND"
    WHITELIST = "WHITELIST"


class VolumeDimension(StrEnum):
    """What a charging period measured: kWh, hours, kW, A (sum over phases), percent (OCPI 2.2.1 cdrs)."""

    CURRENT = "CURRENT"
    ENERGY = "ENERGY"
    ENERGY_EXPORT = "ENERGY_EXPORT"
    ENERGY_IMPORT = "ENERGY_IMPORT"
    MAX_CURRENT = "MAX_CURRENT"
    MIN_CURRENT = "MIN_CURRENT"
    MAX_POWER = "MAX_POWER"
    MIN_POWER = "MIN_POWER"
    PARKING_TIME = "PARKING_TIME"
    POWER = "POWER"
    RESERVATION_TIME = "RESERVATION_TIME"
    STATE_OF_CHARGE = "STATE_OF_CHARGE"
    TIME = "TIME"


class Volume(CanonicalModel):
    """One measured quantity of one period, in the unit of its dimension."""

    dimension: VolumeDimension
    volume: Number


class ChargingPeriod(CanonicalModel):
    """A stretch of a session in which nothing that matters to the price changed. It ends where the next begins."""

    start: Instant
    volumes: tuple[Volume, ...]
    tariff_id: Identifier | None = None

    def volume(self, dimension: VolumeDimension) -> Number | None:
        return next((v.volume for v in self.volumes if v.dimension is dimension), None)


def is_mere_reservation(periods: Sequence[ChargingPeriod]) -> bool:
    """Whether it was a reservation that nobody used."""
    return all(period.volume(VolumeDimension.RESERVATION_TIME) is not None for period in periods)


class VehicleState(StrEnum):
    """What the vehicle does between this reading and the next.

    CHARGING it asks for power (also while the charger holds back); PARKED it does not; RESERVED it is not there yet.
    """

    CHARGING = "CHARGING"
    PARKED = "PARKED"
    RESERVED = "RESERVED"


class MeterReading(CanonicalModel):
    """The charging backend's word on a session at one moment: kWh delivered so far, and what happens from then on."""

    at: Instant
    energy_kwh: Annotated[Number, Field(ge=0)]
    state: VehicleState
    power_kw: Number | None = None


class Session(CanonicalModel):
    """One use of one EVSE by one token. `location_id`, `evse_uid` and `connector_id` may be `#NA` while reserved."""

    owner: PartyId
    id: Identifier
    start: Instant
    end: Instant | None = None
    energy_kwh: Number
    token: TokenRef
    auth_method: AuthMethod
    authorization_reference: Identifier | None = None
    location_id: Identifier
    evse_uid: Identifier
    connector_id: Identifier
    place: Location | None = None
    """The location at session start, cut to the EVSE and connector in use: some versions send it along (2.1.1)."""
    meter_id: str | None = None
    currency: Currency
    charging_periods: tuple[ChargingPeriod, ...] = ()
    total_cost: Price | None = None
    """What it has cost so far. None is unknown, 0 is free."""
    status: SessionStatus
    last_updated: Instant
    extensions: tuple[Extension, ...] = ()

    @property
    def object_id(self) -> ObjectId:
        return ObjectId(owner=self.owner, id=self.id)

    @property
    def came_to_nothing(self) -> bool:
        """Completed without energy, without a cost, and without a period but of its reservation."""
        free = self.total_cost is None or not self.total_cost.before_tax
        ended = self.status is SessionStatus.COMPLETED
        return ended and free and not self.energy_kwh and is_mere_reservation(self.charging_periods)
