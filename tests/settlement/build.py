"""The smallest canonical objects that settlement works on; every test says only what it is about."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from canonical.cdr import BillingContext, CdrDossier, ChargePoint, SignedMeterData
from canonical.identity import PartyId
from canonical.location import GeoPoint
from canonical.session import (
    AuthMethod,
    ChargingPeriod,
    MeterReading,
    Session,
    SessionStatus,
    VehicleState,
    Volume,
    VolumeDimension,
)
from canonical.tariff import (
    PriceComponent,
    Tariff,
    TariffDimension,
    TariffElement,
    TariffRestrictions,
    TaxIncluded,
)
from canonical.token import TokenRef, TokenType
from settlement.agreement import STANDARD, Agreement
from settlement.cdr_generator import Issue, TariffsInForce, cdr_id_for, generate
from settlement.pricing import PricingPolicy

CPO = PartyId.parse("DE*RCO")
EMSP = PartyId.parse("NL*EMS")
BERLIN = "Europe/Berlin"
NOON = datetime(2026, 3, 5, 11, 0, tzinfo=UTC)
EXACT = PricingPolicy(name="exact", decimals=12)


def component(dimension: str, price: str, vat: str | None = "19", step: int = 1) -> PriceComponent:
    return PriceComponent(
        dimension=TariffDimension(dimension),
        price=Decimal(price),
        vat_percent=None if vat is None else Decimal(vat),
        step_size=step,
    )


def element(*components: PriceComponent, **restrictions: object) -> TariffElement:
    return TariffElement(
        price_components=components,
        restrictions=TariffRestrictions.model_validate(restrictions) if restrictions else None,
    )


def tariff(*elements: TariffElement, tax: TaxIncluded = TaxIncluded.NO, **more: object) -> Tariff:
    return Tariff.model_validate(
        {
            "owner": CPO,
            "id": "T1",
            "currency": "EUR",
            "elements": elements,
            "tax_included": tax,
            "last_updated": NOON,
            **more,
        }
    )


ENERGY_AND_IDLE = tariff(
    element(component("ENERGY", "0.40"), component("PARKING_TIME", "6.00", step=60)),
)


def reading(
    minutes: float, kwh: str, state: VehicleState = VehicleState.CHARGING, *, since: datetime = NOON
) -> MeterReading:
    return MeterReading(at=since + timedelta(minutes=minutes), energy_kwh=Decimal(kwh), state=state)


def period(at: datetime, **volumes: str) -> ChargingPeriod:
    return ChargingPeriod(
        start=at,
        volumes=tuple(
            Volume(dimension=VolumeDimension(name), volume=Decimal(volume)) for name, volume in volumes.items()
        ),
    )


def session(readings: Sequence[MeterReading], number: int = 1, **more: object) -> Session:
    return Session.model_validate(
        {
            "owner": CPO,
            "id": f"S{number}",
            "start": readings[0].at,
            "end": readings[-1].at,
            "energy_kwh": readings[-1].energy_kwh,
            "token": TokenRef(issuer_party=EMSP, uid="04AB", type=TokenType.RFID, contract_id="NL-EMS-1"),
            "auth_method": AuthMethod.WHITELIST,
            "location_id": "L1",
            "evse_uid": "E1",
            "connector_id": "1",
            "currency": "EUR",
            "status": SessionStatus.COMPLETED,
            "last_updated": readings[-1].at,
            **more,
        }
    )


def context(of: Session, time_zone: str = BERLIN) -> BillingContext:
    place = ChargePoint(
        location_id="L1",
        address="Am Hafen 1",
        city="Köln",
        country="DEU",
        coordinates=GeoPoint(latitude="50.9", longitude="6.9"),
        evse_uid="E1",
        evse_id="DE*RCO*E1",
        connector_id="1",
        connector_standard="IEC_62196_T2",
        connector_format="SOCKET",
        connector_power_type="AC_3_PHASE",
    )
    return BillingContext(
        session=of.object_id,
        connection_id="ems",
        charge_point=place,
        time_zone=time_zone,
        billing_record="BR-1",
        sealed_at=of.start,
    )


def charged(idle_minutes: float = 40, kwh: str = "20") -> list[MeterReading]:
    """An hour of charging, and then the car stays."""
    return [
        reading(0, "0"),
        reading(60, kwh, VehicleState.PARKED),
        reading(60 + idle_minutes, kwh, VehicleState.PARKED),
    ]


def dossier(
    number: int = 1,
    readings: Sequence[MeterReading] | None = None,
    priced_by: Tariff | None = ENERGY_AND_IDLE,
    signed: SignedMeterData | None = None,
    registered_key: str | None = None,
    agreement: Agreement = STANDARD,
    **more: object,
) -> CdrDossier:
    readings = readings or charged()
    of = session(readings, number, **more)
    return generate(
        session=of,
        context=context(of),
        readings=readings,
        signed=signed,
        tariffs=TariffsInForce(priced_by, priced_by, None),
        agreement=agreement,
        issue=Issue(cdr_id_for(of.object_id), readings[-1].at + timedelta(minutes=1), "ocpi/standard", "test"),
        registered_key=registered_key,
    )
