"""The charge detail record: a financial primary record, and everything an auditor asks about it.

`Cdr` is what two parties exchange (OCPI 2.2.1 cdrs). `CdrDossier` is what its issuer, or its receiver,
knows about it beyond that: prices by component, tariff versions, meter evidence, provenance, handles.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from canonical.identity import ObjectId, PartyId
from canonical.location import GeoPoint, Location
from canonical.model import (
    CanonicalModel,
    Extension,
    Finding,
    Identifier,
    Instant,
    Number,
    Percentage,
)
from canonical.money import Currency, Price, TaxLine
from canonical.session import AuthMethod, ChargingPeriod
from canonical.tariff import Tariff, TariffVersionRef
from canonical.token import TokenRef

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class ChargePoint(CanonicalModel):
    """Where it was charged, as it was at session start (OCPI 2.2.1 cdrs, CdrLocation)."""

    location_id: Identifier
    name: str | None = None
    address: str
    city: str
    postal_code: str | None = None
    state: str | None = None
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    coordinates: GeoPoint
    evse_uid: Identifier
    evse_id: Identifier
    connector_id: Identifier
    connector_standard: str
    connector_format: str
    connector_power_type: str


class SignedReading(CanonicalModel):
    """One signed meter record, byte for byte as the meter gave it: never re-serialised (PTB, REA 6-A)."""

    nature: str
    plain_data: str
    signed_data: str


class SignedMeterData(CanonicalModel):
    """Calibration-law evidence of the energy (OCPI 2.2.1 cdrs, SignedData; OCMF 1.4)."""

    encoding_method: str
    encoding_method_version: int | None = None
    public_key: str | None = None
    readings: Annotated[tuple[SignedReading, ...], Field(min_length=1)]
    url: str | None = None


class Cdr(CanonicalModel):
    """One billed session. Immutable: a correction is a credit CDR, and then a new one.

    Volumes are in kWh and hours, amounts in `currency`; `total_cost` is the sum that is owed.
    """

    owner: PartyId
    id: Identifier
    start: Instant
    end: Instant
    session_id: Identifier | None = None
    token: TokenRef
    auth_method: AuthMethod
    authorization_reference: Identifier | None = None
    charge_point: ChargePoint
    place: Location | None = None
    """The location at session start, cut to the EVSE and connector used: some versions send it along (2.1.1)."""
    meter_id: str | None = None
    currency: Currency
    tariffs: tuple[Tariff, ...] = ()
    charging_periods: Annotated[tuple[ChargingPeriod, ...], Field(min_length=1)]
    signed_data: SignedMeterData | None = None
    total_cost: Price
    total_fixed_cost: Price | None = None
    total_energy_kwh: Number
    total_energy_cost: Price | None = None
    total_time_h: Number
    total_time_cost: Price | None = None
    total_parking_time_h: Number | None = None
    total_parking_cost: Price | None = None
    total_reservation_cost: Price | None = None
    remark: str | None = None
    invoice_reference_id: Identifier | None = None
    credit: bool | None = None
    credit_reference_id: Identifier | None = None
    home_charging_compensation: bool | None = None
    last_updated: Instant
    extensions: tuple[Extension, ...] = ()

    @property
    def object_id(self) -> ObjectId:
        return ObjectId(owner=self.owner, id=self.id)


class CostComponent(StrEnum):
    """What one line of a bill is for.

    PARKING is a pause of a vehicle that charges again; IDLE is the time that it stays after it has charged for the last
    time. OCPI has one dimension for both, and one price: together they are its parking time.
    """

    ENERGY = "ENERGY"
    TIME = "TIME"
    PARKING = "PARKING"
    IDLE = "IDLE"
    RESERVATION = "RESERVATION"
    FLAT = "FLAT"
    DISCOUNT = "DISCOUNT"
    """What a subscription takes off."""
    LIMIT = "LIMIT"
    """What a lowest or highest price adds or takes away."""


class Discount(CanonicalModel):
    """What a subscription takes off the price of a session: a share of the components named, or of all of them.

    Sealed when a session starts. OCPI has no word for it: the total of a CDR is the discounted one.
    """

    name: Identifier
    percent: Percentage
    components: tuple[CostComponent, ...] = ()
    reference: Identifier | None = None
    """The operator's key of the subscription or the contract that grants it."""


class TariffElementRef(CanonicalModel):
    """The exact price that was applied: a tariff version, the element and the component in it (both from 0)."""

    tariff: TariffVersionRef
    element: int
    component: int


class CostLine(CanonicalModel):
    """One component at one unit price. `quantity` is what is billed, `unit` one of kWh, h, 1.

    Amounts are in `currency`, rounded once by the policy. `tax` is the sum of `taxes`, each with its own name and rate;
    None, as for `gross`, means that the tax is unknown. `tax_percent` is the sum of the rates.
    """

    component: CostComponent
    measured: Number
    quantity: Number
    unit: str
    unit_price: Number
    currency: Currency
    net: Number
    tax_name: str | None = None
    tax_percent: Percentage | None = None
    tax: Number | None = None
    taxes: tuple[TaxLine, ...] = ()
    gross: Number | None = None
    source: TariffElementRef | None = None
    note: str | None = None


class TariffMoment(StrEnum):
    """The three moments at which an auditor asks which tariff was in force."""

    SESSION_START = "SESSION_START"
    SESSION_END = "SESSION_END"
    CDR_GENERATION = "CDR_GENERATION"


class TariffAt(CanonicalModel):
    """The tariff version that was in force at a moment."""

    moment: TariffMoment
    at: Instant
    tariff: TariffVersionRef


class MeterLink(CanonicalModel):
    """Ties the energy lines, by their places in `lines`, to the signed readings they came from, by digest of bytes."""

    lines: tuple[int, ...] = ()
    begin_sha256: Sha256
    end_sha256: Sha256
    begin_kwh: Number
    end_kwh: Number
    verdict: str
    verdict_reason: str | None = None


class Handles(CanonicalModel):
    """The keys by which three systems find the same record again."""

    session_id: Identifier | None
    idempotency_key: str
    billing_record: str | None
    """Key of the operator's own billing record, as its charging backend gave it."""


class Provenance(CanonicalModel):
    """Who made or read the record, by which rules, and what the check found."""

    adapter: str
    protocol_version: str
    bare_amounts: bool = False
    """The version that it was read in has no word for tax: what an amount is, was agreed elsewhere (OCPI 2.1.1)."""
    findings: tuple[Finding, ...] = ()


class CdrDossier(CanonicalModel):
    """A CDR with its working: what the issuer keeps when it is made, what the receiver keeps when it is checked."""

    cdr: Cdr
    lines: tuple[CostLine, ...]
    tariff_moments: tuple[TariffAt, ...] = ()
    meter: MeterLink | None = None
    handles: Handles
    provenance: Provenance
    pricing_policy: str
    """Name and digest of the policy that priced it: `half-up-total@3f2a…`."""
    time_zone: str
    """IANA zone of the charge point, frozen at session start: restrictions were read in it."""
    discounts: tuple[Discount, ...] = ()
    """As they were sealed at session start."""
    agreement: str | None = None
    """Name and digest of the agreement with the partner under which it was made or checked; None: none was kept."""


class BillingContext(CanonicalModel):
    """What is sealed when a session starts, so that nothing that changes later can change its bill.

    The charge point as it was, the time zone in which its tariff is read, the tariff version that was in force
    (None: no price was published), the operator's billing key, and the connection whose token it is.
    """

    session: ObjectId
    connection_id: Identifier
    charge_point: ChargePoint
    time_zone: str
    tariff_at_start: TariffVersionRef | None = None
    billing_record: str | None = None
    discounts: tuple[Discount, ...] = ()
    sealed_at: Instant
