"""Small canonical objects to store; what a test is about, it says itself."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from canonical.cdr import (
    BillingContext,
    Cdr,
    CdrDossier,
    ChargePoint,
    CostComponent,
    CostLine,
    Handles,
    Provenance,
    SignedMeterData,
    SignedReading,
    TariffElementRef,
)
from canonical.identity import BusinessRole, ObjectId, PartyId, Role
from canonical.location import GeoPoint, Location
from canonical.money import Price
from canonical.partner import Connection, LinkState, Side
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
from canonical.settlement import Invoice, LedgerEntry, Posting, ReconciliationReport, Statement
from canonical.tariff import PriceComponent, Tariff, TariffDimension, TariffElement, TariffVersionRef
from canonical.token import Allowed, Authorization, Token, TokenRef, TokenType, Whitelist

CPO = PartyId(country_code="DE", party_id="RCO")
EMSP = PartyId(country_code="NL", party_id="REM")
T0 = datetime(2026, 3, 28, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    """A moment, in minutes after T0."""
    return T0 + timedelta(minutes=minutes)


def of(id_: str) -> ObjectId:
    return ObjectId(owner=CPO, id=id_)


def connection(id_: str = "emsp", *, state: LinkState = LinkState.CONNECTED, party: PartyId = EMSP) -> Connection:
    role = BusinessRole(party=party, role=Role.EMSP, business_name="Rem")
    return Connection(id=id_, name="Rem", our_sides=(Side.CPO,), our_party=CPO, state=state, partner_roles=(role,))


def location(id_: str = "LOC1", *, updated: float = 0, name: str = "Am Markt") -> Location:
    return Location(
        owner=CPO,
        id=id_,
        publish=True,
        name=name,
        address="Markt 1",
        city="Berlin",
        country="DEU",
        coordinates=GeoPoint(latitude="52.500000", longitude="13.40"),
        time_zone="Europe/Berlin",
        last_updated=at(updated),
    )


def tariff(id_: str = "T1", *, price: str = "0.50", updated: float = 0, valid_from: float | None = None) -> Tariff:
    component = PriceComponent(dimension=TariffDimension.ENERGY, price=Decimal(price), step_size=1)
    return Tariff(
        owner=CPO,
        id=id_,
        currency="EUR",
        elements=(TariffElement(price_components=(component,)),),
        valid_from=None if valid_from is None else at(valid_from),
        last_updated=at(updated),
    )


def token_ref() -> TokenRef:
    return TokenRef(issuer_party=EMSP, uid="04ab", type=TokenType.RFID, contract_id="NL-REM-C1")


def token(uid: str = "04ab", *, valid: bool = True, updated: float = 0) -> Token:
    return Token(
        owner=EMSP,
        uid=uid,
        type=TokenType.RFID,
        contract_id="NL-REM-C1",
        issuer="Rem",
        valid=valid,
        whitelist=Whitelist.ALLOWED,
        last_updated=at(updated),
    )


def authorization(allowed: Allowed = Allowed.ALLOWED) -> Authorization:
    return Authorization(allowed=allowed, token=token())


def session(
    id_: str = "S1", *, status: SessionStatus = SessionStatus.ACTIVE, energy: str = "1.50", updated: float = 0
) -> Session:
    return Session(
        owner=CPO,
        id=id_,
        start=T0,
        energy_kwh=Decimal(energy),
        token=token_ref(),
        auth_method=AuthMethod.WHITELIST,
        location_id="LOC1",
        evse_uid="E1",
        connector_id="1",
        currency="EUR",
        status=status,
        last_updated=at(updated),
    )


def reading(minutes: float, energy: str = "1.50") -> MeterReading:
    return MeterReading(at=at(minutes), energy_kwh=Decimal(energy), state=VehicleState.CHARGING)


def signed(data: str = "OCMF|{}|{}") -> SignedMeterData:
    record = SignedReading(nature="Start", plain_data="1", signed_data=data)
    return SignedMeterData(encoding_method="OCMF", readings=(record,))


def charge_point() -> ChargePoint:
    return ChargePoint(
        location_id="LOC1",
        address="Markt 1",
        city="Berlin",
        country="DEU",
        coordinates=GeoPoint(latitude="52.5", longitude="13.4"),
        evse_uid="E1",
        evse_id="DE*RCO*E1",
        connector_id="1",
        connector_standard="IEC_62196_T2",
        connector_format="SOCKET",
        connector_power_type="AC_3_PHASE",
    )


def context(id_: str = "S1", *, sealed: float = 0, time_zone: str = "Europe/Berlin") -> BillingContext:
    return BillingContext(
        session=of(id_),
        connection_id="emsp",
        charge_point=charge_point(),
        time_zone=time_zone,
        tariff_at_start=tariff().version(),
        sealed_at=at(sealed),
    )


def cdr(id_: str = "C1", *, net: str = "5.00", end: float = 60, session_id: str = "S1") -> Cdr:
    volume = Volume(dimension=VolumeDimension.ENERGY, volume=Decimal("10.0"))
    return Cdr(
        owner=CPO,
        id=id_,
        start=T0,
        end=at(end),
        session_id=session_id,
        token=token_ref(),
        auth_method=AuthMethod.WHITELIST,
        charge_point=charge_point(),
        currency="EUR",
        tariffs=(tariff(),),
        charging_periods=(ChargingPeriod(start=T0, volumes=(volume,)),),
        total_cost=Price(currency="EUR", before_tax=Decimal(net)),
        total_energy_kwh=Decimal("10.0"),
        total_time_h=Decimal(1),
        last_updated=at(end),
    )


def dossier(record: Cdr | None = None) -> CdrDossier:
    record = record or cdr()
    line = CostLine(
        component=CostComponent.ENERGY,
        measured=Decimal("10.0"),
        quantity=Decimal("10.0"),
        unit="kWh",
        unit_price=Decimal("0.50"),
        currency="EUR",
        net=record.total_cost.before_tax,
        source=TariffElementRef(tariff=tariff().version(), element=0, component=0),
    )
    return CdrDossier(
        cdr=record,
        lines=(line,),
        handles=Handles(session_id=record.session_id, idempotency_key=record.object_id.key, billing_record=None),
        provenance=Provenance(adapter="test", protocol_version="0"),
        pricing_policy="test",
        time_zone="Europe/Berlin",
    )


def version_ref() -> TariffVersionRef:
    return tariff().version()


def statement(id_: str = "DE-RCO-2026-03", *, issued: float = 0) -> Statement:
    return Statement(
        id=id_, issuer=CPO, recipient=EMSP, month="2026-03", currency="EUR", items=(), issued_at=at(issued)
    )


def report(*, checked: float = 0, net: str = "5.00") -> ReconciliationReport:
    return ReconciliationReport(
        statement_id="DE-RCO-2026-03",
        checked_by=EMSP,
        checked_at=at(checked),
        currency="EUR",
        items=(),
        agreed_net=Decimal(net),
        agreed_gross=Decimal("5.95"),
    )


def invoice(number: str = "RCO-0001", *, issuer: PartyId = CPO, gross: str = "5.95") -> Invoice:
    return Invoice(
        number=number,
        statement_id="DE-RCO-2026-03",
        issuer=issuer,
        issuer_name="Rco",
        recipient=EMSP,
        recipient_name="Rem",
        month="2026-03",
        currency="EUR",
        issued_at=T0,
        lines=(),
        vat_groups=(),
        net=Decimal("5.00"),
        vat=Decimal("0.95"),
        gross=Decimal(gross),
        items=(),
    )


def entry(key: str = "invoice/1", *amounts: int, currency: str = "EUR") -> LedgerEntry:
    legs = amounts or (595, -595)
    postings = tuple(Posting(account=f"account {n}", amount_minor=a, currency=currency) for n, a in enumerate(legs))
    return LedgerEntry(key=key, event="invoice issued", at=T0, postings=postings, text="")
