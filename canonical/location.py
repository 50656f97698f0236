"""Where one can charge: location, EVSE, connector (OCPI 2.2.1 locations)."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from canonical.identity import ObjectId, PartyId
from canonical.model import (
    CanonicalModel,
    DisplayText,
    Extension,
    Identifier,
    Instant,
    Number,
    Text,
)


class EvseStatus(StrEnum):
    AVAILABLE = "AVAILABLE"
    BLOCKED = "BLOCKED"
    CHARGING = "CHARGING"
    INOPERATIVE = "INOPERATIVE"
    OUTOFORDER = "OUTOFORDER"
    PLANNED = "PLANNED"
    REMOVED = "REMOVED"
    RESERVED = "RESERVED"
    UNKNOWN = "UNKNOWN"


class GeoPoint(CanonicalModel):
    """WGS 84, decimal degrees, as text: the digits are the owner's."""

    latitude: Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,2}(\.[0-9]{1,10})?$")]
    longitude: Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,3}(\.[0-9]{1,10})?$")]


class RelatedPoint(CanonicalModel):
    """A point of interest for the driver near the location, such as an entrance."""

    point: GeoPoint
    name: DisplayText | None = None


class Image(CanonicalModel):
    url: str
    thumbnail: str | None = None
    category: str
    type: str
    width_px: int | None = None
    height_px: int | None = None


class Business(CanonicalModel):
    """An operator, sub-operator or owner as the driver may see it."""

    name: str
    website: str | None = None
    logo: Image | None = None


class RegularHours(CanonicalModel):
    """Opening on one weekday (1 Monday … 7 Sunday), local time `HH:MM`."""

    weekday: Annotated[int, Field(ge=1, le=7)]
    period_begin: str
    period_end: str


class ExceptionalPeriod(CanonicalModel):
    period_begin: Instant
    period_end: Instant


class OpeningTimes(CanonicalModel):
    """When the location can be entered. Closings beat openings, openings beat regular hours."""

    twentyfourseven: bool
    regular_hours: tuple[RegularHours, ...] = ()
    exceptional_openings: tuple[ExceptionalPeriod, ...] = ()
    exceptional_closings: tuple[ExceptionalPeriod, ...] = ()


class EnergySource(CanonicalModel):
    source: str
    percentage: Number


class EnvironmentalImpact(CanonicalModel):
    category: str
    amount_g_per_kwh: Number


class EnergyMix(CanonicalModel):
    is_green_energy: bool
    energy_sources: tuple[EnergySource, ...] = ()
    environ_impact: tuple[EnvironmentalImpact, ...] = ()
    supplier_name: str | None = None
    energy_product_name: str | None = None


class PublishTo(CanonicalModel):
    """Tokens whose holders may see an unpublished location: every field that is set has to match."""

    uid: Identifier | None = None
    type: str | None = None
    visual_number: str | None = None
    issuer: str | None = None
    group_id: Identifier | None = None


class StatusSchedule(CanonicalModel):
    period_begin: Instant
    period_end: Instant | None = None
    status: EvseStatus


class ParkingPlace(CanonicalModel):
    """A place to park while charging, and the vehicles that fit (OCPI 2.3.0 locations, Parking).

    Weights in kg, lengths in cm, the time limit in minutes.
    """

    id: Identifier
    physical_reference: str | None = None
    vehicle_types: tuple[str, ...]
    max_vehicle_weight_kg: Number | None = None
    max_vehicle_height_cm: Number | None = None
    max_vehicle_length_cm: Number | None = None
    max_vehicle_width_cm: Number | None = None
    parking_space_length_cm: Number | None = None
    parking_space_width_cm: Number | None = None
    dangerous_goods_allowed: bool | None = None
    direction: str | None = None
    drive_through: bool | None = None
    restricted_to_type: bool
    reservation_required: bool
    time_limit_min: Number | None = None
    roofed: bool | None = None
    images: tuple[Image, ...] = ()
    lighting: bool | None = None
    refrigeration_outlet: bool | None = None
    standards: tuple[str, ...] = ()
    apds_reference: str | None = None


class ParkingPosition(CanonicalModel):
    """The parking place of an EVSE, and where it stands as seen from the vehicle (LEFT, RIGHT, CENTER)."""

    parking_id: Identifier
    evse_position: str | None = None


class Connector(CanonicalModel):
    """A socket or cable. Voltage is line to neutral, current per phase, power in watts."""

    id: Identifier
    standard: str
    format: str
    power_type: str
    max_voltage_v: int
    max_amperage_a: int
    max_electric_power_w: int | None = None
    capabilities: tuple[str, ...] = ()
    tariff_ids: tuple[Identifier, ...] = ()
    """Empty means that no price is known. It never means free (OCPI issue 504)."""
    terms_and_conditions: str | None = None
    last_updated: Instant
    extensions: tuple[Extension, ...] = ()


class Evse(CanonicalModel):
    """One charging position: at most one session at a time.

    `uid` is technical and never reused; `evse_id` is what people and contracts know (ISO 15118, IDACS).
    """

    uid: Identifier
    evse_id: Identifier | None = None
    status: EvseStatus
    status_schedule: tuple[StatusSchedule, ...] = ()
    capabilities: tuple[str, ...] = ()
    connectors: tuple[Connector, ...] = ()
    floor_level: str | None = None
    coordinates: GeoPoint | None = None
    physical_reference: str | None = None
    directions: tuple[DisplayText, ...] = ()
    parking_restrictions: tuple[str, ...] = ()
    parking: tuple[ParkingPosition, ...] = ()
    accepted_service_providers: tuple[str, ...] = ()
    """Names of providers, as reported to a national access point (AFIR)."""
    images: tuple[Image, ...] = ()
    last_updated: Instant
    extensions: tuple[Extension, ...] = ()

    def connector(self, connector_id: str) -> Connector | None:
        return next((c for c in self.connectors if c.id.upper() == connector_id.upper()), None)


class Location(CanonicalModel):
    """A site with charging positions. `time_zone` is the IANA name in which tariffs and opening hours are read;
    None where a partner does not say it (OCPI 2.1.1).
    """

    owner: PartyId
    id: Identifier
    publish: bool
    publish_allowed_to: tuple[PublishTo, ...] = ()
    name: str | None = None
    address: str
    city: str
    postal_code: str | None = None
    state: str | None = None
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    coordinates: GeoPoint
    related_locations: tuple[RelatedPoint, ...] = ()
    parking_type: str | None = None
    parking_places: tuple[ParkingPlace, ...] = ()
    help_phone: str | None = None
    evses: tuple[Evse, ...] = ()
    directions: tuple[DisplayText, ...] = ()
    operator: Business | None = None
    suboperator: Business | None = None
    site_owner: Business | None = None
    facilities: tuple[str, ...] = ()
    time_zone: Text | None
    opening_times: OpeningTimes | None = None
    charging_when_closed: bool | None = None
    images: tuple[Image, ...] = ()
    energy_mix: EnergyMix | None = None
    last_updated: Instant
    extensions: tuple[Extension, ...] = ()

    @property
    def object_id(self) -> ObjectId:
        return ObjectId(owner=self.owner, id=self.id)

    def cut_to(self, evse: Evse, connector: Connector) -> "Location":
        """The location with this EVSE and this connector alone: where one session takes place."""
        used = evse.model_copy(update={"connectors": (connector,)})
        return self.model_copy(update={"evses": (used,)})

    def evse(self, uid: str) -> Evse | None:
        return next((e for e in self.evses if e.uid.upper() == uid.upper()), None)
