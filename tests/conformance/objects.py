"""Objects of an operator and of a provider, rich enough to be written in every version."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

from canonical.cdr import Cdr, ChargePoint
from canonical.identity import PartyId
from canonical.location import Connector, Evse, EvseStatus, GeoPoint, Location
from canonical.money import Price
from canonical.session import AuthMethod, ChargingPeriod, Session, SessionStatus, Volume, VolumeDimension
from canonical.tariff import PriceComponent, Tariff, TariffDimension, TariffElement
from canonical.token import Token, TokenRef, TokenType, Whitelist

OPERATOR = PartyId(country_code="DE", party_id="RCO")
PROVIDER = PartyId(country_code="NL", party_id="REM")
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
CAPABILITIES = (
    "RFID_READER",
    "REMOTE_START_STOP_CAPABLE",
    "RESERVABLE",
    "UNLOCK_CAPABLE",
    "CHARGING_PROFILE_CAPABLE",
    "CHARGING_PREFERENCES_CAPABLE",
)
PLACE = "LOC-OF-SESSIONS"
_numbers = count(1)


def fresh(prefix: str) -> str:
    """An id that no other test uses."""
    return f"{prefix}{next(_numbers)}"


def later(minutes: int) -> datetime:
    return AT + timedelta(minutes=minutes)


def connector(id_: str = "1") -> Connector:
    return Connector(
        id=id_,
        standard="IEC_62196_T2",
        format="SOCKET",
        power_type="AC_3_PHASE",
        max_voltage_v=230,
        max_amperage_a=32,
        tariff_ids=("T1",),
        last_updated=AT,
    )


def evse(uid: str = "E1") -> Evse:
    return Evse(
        uid=uid,
        evse_id=f"DE*RCO*{uid}",
        status=EvseStatus.AVAILABLE,
        capabilities=CAPABILITIES,
        connectors=(connector("1"), connector("2")),
        last_updated=AT,
    )


def location(id_: str | None = None) -> Location:
    return Location(
        owner=OPERATOR,
        id=id_ or fresh("LOC"),
        publish=True,
        name="Am Markt",
        address="Markt 1",
        city="Berlin",
        postal_code="10115",
        country="DEU",
        coordinates=GeoPoint(latitude="52.500000", longitude="13.400000"),
        parking_type="ON_STREET",
        evses=(evse("E1"), evse("E2")),
        time_zone="Europe/Berlin",
        last_updated=AT,
    )


def tariff(id_: str | None = None, price: str = "0.50") -> Tariff:
    energy = PriceComponent(dimension=TariffDimension.ENERGY, price=Decimal(price), step_size=1)
    return Tariff(
        owner=OPERATOR,
        id=id_ or fresh("TARIFF"),
        currency="EUR",
        elements=(TariffElement(price_components=(energy,)),),
        last_updated=AT,
    )


def token(uid: str | None = None, *, valid: bool = True) -> Token:
    uid = uid or fresh("04AB")
    return Token(
        owner=PROVIDER,
        uid=uid,
        type=TokenType.RFID,
        contract_id=f"NL-REM-{uid}",
        issuer="Provider",
        valid=valid,
        whitelist=Whitelist.ALWAYS,
        last_updated=AT,
    )


def token_ref() -> TokenRef:
    return token("04AB0000").ref()


def _place() -> Location:
    whole = location(PLACE)
    return whole.cut_to(whole.evses[0], whole.evses[0].connectors[0])


def period(minutes: int = 0, kwh: str = "1.5") -> ChargingPeriod:
    return ChargingPeriod(
        start=later(minutes), volumes=(Volume(dimension=VolumeDimension.ENERGY, volume=Decimal(kwh)),)
    )


def session(id_: str | None = None, status: SessionStatus = SessionStatus.ACTIVE) -> Session:
    return Session(
        owner=OPERATOR,
        id=id_ or fresh("SESSION"),
        start=AT,
        energy_kwh=Decimal("1.5"),
        token=token_ref(),
        auth_method=AuthMethod.WHITELIST,
        location_id=PLACE,
        evse_uid="E1",
        connector_id="1",
        place=_place(),
        currency="EUR",
        charging_periods=(period(),),
        status=status,
        last_updated=AT,
    )


def charge_point() -> ChargePoint:
    return ChargePoint(
        location_id=PLACE,
        name="Am Markt",
        address="Markt 1",
        city="Berlin",
        postal_code="10115",
        country="DEU",
        coordinates=GeoPoint(latitude="52.500000", longitude="13.400000"),
        evse_uid="E1",
        evse_id="DE*RCO*E1",
        connector_id="1",
        connector_standard="IEC_62196_T2",
        connector_format="SOCKET",
        connector_power_type="AC_3_PHASE",
    )


def cdr(id_: str | None = None, *, session_id: str | None = None) -> Cdr:
    return Cdr(
        owner=OPERATOR,
        id=id_ or fresh("CDR"),
        start=AT,
        end=later(60),
        session_id=session_id or fresh("SESSION"),
        token=token_ref(),
        auth_method=AuthMethod.WHITELIST,
        charge_point=charge_point(),
        place=_place(),
        currency="EUR",
        tariffs=(tariff("T1"),),
        charging_periods=(period(kwh="10"),),
        total_cost=Price(currency="EUR", before_tax=Decimal("5.00")),
        total_energy_kwh=Decimal(10),
        total_time_h=Decimal(1),
        last_updated=later(60),
    )
