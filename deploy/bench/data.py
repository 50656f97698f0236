"""What is measured with: locations, sessions and tokens of the usual size, put in through COPY."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

import asyncpg

from adapters.contract import Adapter
from canonical.cdr import Cdr, ChargePoint
from canonical.identity import BusinessRole, PartyId, Role
from canonical.location import Business, Connector, Evse, EvseStatus, GeoPoint, Location, OpeningTimes
from canonical.model import CanonicalModel, fold
from canonical.money import Price
from canonical.partner import Connection, Endpoint, LinkState, Side
from canonical.session import AuthMethod, ChargingPeriod, Session, SessionStatus, Volume, VolumeDimension
from canonical.store import AccessPurpose, Driver, Duty, Store
from canonical.store.drivers import Drivers
from canonical.token import Token, TokenRef, TokenType, Whitelist
from deploy.bench.config import US

BEGAN: Final = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
OPERATOR: Final = PartyId(country_code="BE", party_id="BEC")
PROVIDER: Final = PartyId(country_code="NL", party_id="MOB")
_EVSES, _CONNECTORS = 4, 2
_KEYS_AT_ONCE: Final = 500
_MOST_ASKED: Final = 50_000

_OTHER_KEYS: Final = """
INSERT INTO driver_key (lookup_hash, sealed_key, letter_on)
SELECT encode(sha256(n::text::bytea), 'hex'), decode(repeat(md5(n::text), 6), 'hex'), '2026-03-31'
FROM generate_series(1, $1::int) n
"""
_OTHER_NAMES: Final = """
INSERT INTO driver_name (driver_number, lookup_hash, sealed)
SELECT k.number, encode(sha256((kind || k.number)::bytea), 'hex'), decode(repeat(md5(k.number::text), 4), 'hex')
FROM driver_key k CROSS JOIN (VALUES ('card'), ('contract')) v (kind)
"""


@dataclass(frozen=True)
class Size:
    """How much there is. `copies` are locations and sessions that the partner has pushed to us."""

    locations: int
    copies: int
    tokens: int


@dataclass(frozen=True)
class Caller:
    """A connected partner and the token that it calls us with."""

    connection: Connection
    token: str


async def connect(store: Store, adapter: Adapter, party: PartyId, our_side: Side) -> Caller:
    """A partner that plays the other side."""
    name = f"measured-{our_side.other.value.lower()}"
    role = BusinessRole(party=party, role=Role(our_side.other.value), business_name=name)
    connection = Connection(
        id=name,
        name=name,
        our_sides=(our_side,),
        our_party=US,
        state=LinkState.CONNECTED,
        partner_roles=(role,),
        version=adapter.version,
        adapter=adapter.key,
        endpoints=(Endpoint(module="credentials", interface="RECEIVER", url="https://partner.example/ocpi"),),
        connected_at=BEGAN,
    )
    async with store.transaction() as unit:
        await unit.connections.add(connection)
        token = await unit.access.issue(connection.id, AccessPurpose.ACCESS, "measured")
    return Caller(connection, token.get_secret_value())


async def fill(database_url: str, size: Size, operator: Caller, drivers: Drivers) -> None:
    """Everything that is measured with, and what a database that has run for a day knows about it.

    A driver has had a key since his token was put; of drivers who will not be asked for, a row of its size.
    """
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("CREATE TABLE bench_upsert (key text PRIMARY KEY, document jsonb NOT NULL)")
        await _copy(connection, "location", (_row("", location(US, n)) for n in range(size.locations)))
        source = operator.connection.id
        await _copy(connection, "location", (_row(source, location(OPERATOR, n)) for n in range(size.copies)))
        sessions = ((*_row(source, s), s.status.value, False) for s in (session(n) for n in range(size.copies)))
        await _copy(connection, "session", sessions, "status", "is_final")
        await _copy(connection, "token", _tokens(size.tokens))
        asked = asked_for(size)
        await connection.execute(_OTHER_KEYS, size.tokens - len(asked))
        await connection.execute(_OTHER_NAMES)
        await connection.execute("VACUUM ANALYZE")
        for first in range(0, len(asked), _KEYS_AT_ONCE):
            some = asked[first : first + _KEYS_AT_ONCE]
            await drivers.keys([Driver.of(_token_ref(number)) for number in some], Duty.LETTER)
        await connection.execute("VACUUM ANALYZE driver_key, driver_name")
        # Else commits would wait for the disk to take in what was filled.
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


async def _copy(connection: asyncpg.Connection, table: str, rows: Iterator[tuple[object, ...]], *more: str) -> None:
    columns = ("source", "key", "last_updated", "document", *more)
    await connection.copy_records_to_table(table, columns=columns, records=rows)


def _row(source: str, value: Location | Session | Token) -> tuple[object, ...]:
    return source, value.object_id.key, value.last_updated, _text(value)


def _text(value: CanonicalModel) -> str:
    return value.model_dump_json()


def _tokens(count: int) -> Iterator[tuple[object, ...]]:
    """Our own drivers' tokens. A million models would take minutes: all but the names is the same."""
    if not count:
        return
    first = token(0)
    key, document = first.object_id.key, json.loads(_text(first))
    for number in range(count):
        uid = token_uid(number)
        document["uid"], document["contract_id"] = uid, f"DE-RMW-{number:09d}"
        yield "", key.replace(fold(first.uid), fold(uid)), BEGAN, json.dumps(document, separators=(",", ":"))


def asked_for(size: Size) -> list[int]:
    """Tokens that are asked about, spread over all of them."""
    count = min(size.tokens, _MOST_ASKED)
    return [n * size.tokens // count for n in range(count)]


def token_uid(number: int) -> str:
    """Spread over the index as the uids of cards are, not in order of their making."""
    return f"{(number * 2_654_435_761) % 2**32:08X}{number:06X}"


def location_id(number: int) -> str:
    return f"LOC{number:05d}"


def session_id(number: int) -> str:
    return f"SES{number:05d}"


def location(owner: PartyId, number: int) -> Location:
    return Location(
        owner=owner,
        id=location_id(number),
        publish=True,
        name=f"Parking garage {number} by the market",
        address=f"Long Street {number}",
        city="Ghent",
        postal_code="9000",
        country="BEL",
        coordinates=GeoPoint(latitude=f"51.{number:06d}", longitude="3.729944"),
        parking_type="PARKING_GARAGE",
        operator=Business(name="Bench Charging", website="https://operator.example"),
        facilities=("RESTAURANT", "WIFI"),
        time_zone="Europe/Brussels",
        opening_times=OpeningTimes(twentyfourseven=True),
        charging_when_closed=True,
        evses=tuple(evse(number, place) for place in range(_EVSES)),
        last_updated=BEGAN + timedelta(seconds=number),
    )


def evse(number: int, place: int, *, status: EvseStatus = EvseStatus.AVAILABLE, seconds: int = 0) -> Evse:
    at = BEGAN + timedelta(seconds=number + seconds)
    return Evse(
        uid=f"{location_id(number)}-{place}",
        evse_id=f"{OPERATOR}*E{number:05d}{place}",
        status=status,
        capabilities=("RFID_READER", "REMOTE_START_STOP_CAPABLE"),
        floor_level="-1",
        physical_reference=str(place),
        connectors=tuple(
            Connector(
                id=str(position + 1),
                standard="IEC_62196_T2",
                format="SOCKET",
                power_type="AC_3_PHASE",
                max_voltage_v=230,
                max_amperage_a=32,
                max_electric_power_w=22_000,
                tariff_ids=("T-DAY", "T-NIGHT"),
                last_updated=at,
            )
            for position in range(_CONNECTORS)
        ),
        last_updated=at,
    )


def token(number: int) -> Token:
    return Token(
        owner=US,
        uid=token_uid(number),
        type=TokenType.RFID,
        contract_id=f"DE-RMW-{number:09d}",
        visual_number=f"DE-RMW-{number:09d}",
        issuer="Measured Mobility",
        valid=True,
        whitelist=Whitelist.ALLOWED,
        language="de",
        last_updated=BEGAN,
    )


def session(number: int, *, seconds: int = 0, periods: int = 4) -> Session:
    """A running session with a quarter of an hour in each period."""
    return Session(
        owner=OPERATOR,
        id=session_id(number),
        start=BEGAN,
        energy_kwh=Decimal(seconds) / 100 + Decimal("1.5"),
        token=_token_ref(number),
        auth_method=AuthMethod.WHITELIST,
        location_id=location_id(number),
        evse_uid=f"{location_id(number)}-0",
        connector_id="1",
        place=location(OPERATOR, number).cut_to(evse(number, 0), evse(number, 0).connectors[0]),
        currency="EUR",
        charging_periods=_periods(periods),
        total_cost=Price(currency="EUR", before_tax=Decimal("2.63"), after_tax=Decimal("3.18")),
        status=SessionStatus.ACTIVE,
        last_updated=BEGAN + timedelta(seconds=seconds),
    )


def cdr(number: int) -> Cdr:
    place = location(OPERATOR, number % 10_000)
    used = place.evses[0]
    return Cdr(
        owner=OPERATOR,
        id=f"CDR{number:09d}",
        start=BEGAN,
        end=BEGAN + timedelta(hours=1),
        session_id=f"SESSION{number:09d}",
        token=_token_ref(number),
        auth_method=AuthMethod.WHITELIST,
        charge_point=ChargePoint(
            location_id=place.id,
            name=place.name,
            address=place.address,
            city=place.city,
            postal_code=place.postal_code,
            country=place.country,
            coordinates=place.coordinates,
            evse_uid=used.uid,
            evse_id=used.evse_id or "",
            connector_id="1",
            connector_standard="IEC_62196_T2",
            connector_format="SOCKET",
            connector_power_type="AC_3_PHASE",
        ),
        place=place.cut_to(used, used.connectors[0]),
        currency="EUR",
        charging_periods=_periods(4),
        total_cost=Price(currency="EUR", before_tax=Decimal("2.63"), after_tax=Decimal("3.18")),
        total_energy_kwh=Decimal("10.5"),
        total_time_h=Decimal(1),
        last_updated=BEGAN + timedelta(hours=1),
    )


def _token_ref(number: int) -> TokenRef:
    return TokenRef(issuer_party=US, uid=token_uid(number), type=TokenType.RFID, contract_id=f"DE-RMW-{number:09d}")


def _periods(count: int) -> tuple[ChargingPeriod, ...]:
    return tuple(
        ChargingPeriod(
            start=BEGAN + timedelta(minutes=15 * number),
            volumes=(Volume(dimension=VolumeDimension.ENERGY, volume=Decimal("2.625")),),
            tariff_id="T-DAY",
        )
        for number in range(count)
    )
