"""What charging costs (OCPI 2.2.1 tariffs). A tariff that something was priced with is kept for ever."""

import hashlib
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from canonical.identity import ObjectId, PartyId
from canonical.location import EnergyMix
from canonical.model import (
    CanonicalModel,
    DisplayText,
    Extension,
    Identifier,
    Instant,
    Number,
    Percentage,
)
from canonical.money import Currency, Price

LocalTime = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
LocalDate = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]


class TariffDimension(StrEnum):
    """What a price component counts: kWh, hours charging, hours parked without charging, or once."""

    ENERGY = "ENERGY"
    TIME = "TIME"
    PARKING_TIME = "PARKING_TIME"
    FLAT = "FLAT"


class TaxIncluded(StrEnum):
    """Whether component prices are before tax (NO), after tax (YES), or tax does not apply."""

    NO = "NO"
    YES = "YES"
    NOT_APPLICABLE = "N/A"


class ReservationRestriction(StrEnum):
    RESERVATION = "RESERVATION"
    RESERVATION_EXPIRES = "RESERVATION_EXPIRES"


class Weekday(StrEnum):
    MONDAY = "MONDAY"
    TUESDAY = "TUESDAY"
    WEDNESDAY = "WEDNESDAY"
    THURSDAY = "THURSDAY"
    FRIDAY = "FRIDAY"
    SATURDAY = "SATURDAY"
    SUNDAY = "SUNDAY"


class TaxRate(CanonicalModel):
    """One of several taxes on a price, by rate (OCPI 2.3.0 types, TaxAmount: what becomes of it in a CDR)."""

    name: Identifier
    percent: Percentage
    account_number: str | None = None


class PriceComponent(CanonicalModel):
    """A price per kWh, per hour, or once, in the tariff's currency.

    `vat_percent` None means that no VAT is stated, which differs from 0 (OCPI 2.2.1 tariffs, PriceComponent); it is the
    sum of all rates where `taxes` names several. `step_size` is in Wh or in seconds.
    """

    dimension: TariffDimension
    price: Number
    vat_percent: Percentage | None = None
    taxes: tuple[TaxRate, ...] = ()
    step_size: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _rates_make_the_whole(self) -> Self:
        if self.taxes and sum((tax.percent for tax in self.taxes), Decimal(0)) != self.vat_percent:
            raise ValueError("the rates of `taxes` do not sum to `vat_percent`")
        return self


class TariffRestrictions(CanonicalModel):
    """When an element applies; all that are set have to hold.

    Times, dates and weekdays are local to the location; lower bounds are inclusive, upper ones exclusive;
    durations count from the start of the session.
    """

    start_time: LocalTime | None = None
    end_time: LocalTime | None = None
    start_date: LocalDate | None = None
    end_date: LocalDate | None = None
    min_kwh: Number | None = None
    max_kwh: Number | None = None
    min_current_a: Number | None = None
    max_current_a: Number | None = None
    min_power_kw: Number | None = None
    max_power_kw: Number | None = None
    min_duration_s: int | None = None
    max_duration_s: int | None = None
    days_of_week: tuple[Weekday, ...] = ()
    reservation: ReservationRestriction | None = None


class TariffElement(CanonicalModel):
    price_components: Annotated[tuple[PriceComponent, ...], Field(min_length=1)]
    restrictions: TariffRestrictions | None = None


class Tariff(CanonicalModel):
    """Elements in order of precedence: for each dimension the first one that applies gives the price."""

    owner: PartyId
    id: Identifier
    currency: Currency
    type: str | None = None
    alt_texts: tuple[DisplayText, ...] = ()
    alt_url: str | None = None
    min_price: Price | None = None
    max_price: Price | None = None
    tax_included: TaxIncluded = TaxIncluded.NO
    elements: Annotated[tuple[TariffElement, ...], Field(min_length=1)]
    valid_from: Instant | None = None
    valid_until: Instant | None = None
    energy_mix: EnergyMix | None = None
    last_updated: Instant
    extensions: tuple[Extension, ...] = ()

    @property
    def object_id(self) -> ObjectId:
        return ObjectId(owner=self.owner, id=self.id)

    def version(self) -> "TariffVersionRef":
        """The immutable name of exactly this content. A field that a later release adds leaves it as it is."""
        digest = hashlib.sha256(self.model_dump_json(exclude_defaults=True).encode()).hexdigest()
        return TariffVersionRef(owner=self.owner, tariff_id=self.id, sha256=digest)


class TariffVersionRef(CanonicalModel):
    """Points at one content of one tariff: `sha256` is the digest of its canonical JSON."""

    owner: PartyId
    tariff_id: Identifier
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
