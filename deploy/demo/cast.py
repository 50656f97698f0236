"""Who and what the story is about: two invented companies, five sites, two tariffs, four tokens, fourteen drives.

All times of twelve drives are given, in local time of the charge points; nothing waits for them. The last night of
March 2026 in which the clocks go forward is in it on purpose. Two drives are of today: what is agreed, and what is
credited, counts from the moment at which it is.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

from canonical.session import VehicleState

ZONE: Final = ZoneInfo("Europe/Brussels")
MONTH: Final = "2026-03"
_KNOWN_SINCE: Final = "2026-01-01T00:00:00Z"

CPO_PARTY: Final = "BE*NLN"
CPO_NAME: Final = "Noorderlicht Laadnet"
EMSP_PARTY: Final = "BE*FWM"
EMSP_NAME: Final = "Fernweg Mobility"
METER: Final = "NLN-METER-7"

Json = dict[str, Any]
"""A JSON object, as the contract API takes and gives it."""


class TariffId(StrEnum):
    PER_KWH = "PER-KWH"
    DAY_AND_NIGHT = "DAY-AND-NIGHT"


class Outcome(StrEnum):
    """What becomes of a drive."""

    BILLED = "billed"
    EXPIRED = "reservation expired, nothing to bill"
    REFUSED = "refused at the charger"


def _component(dimension: str, price: str) -> Json:
    return {"dimension": dimension, "price": price, "vat_percent": "21", "step_size": 1}


TARIFFS: Final[dict[TariffId, Json]] = {
    TariffId.PER_KWH: {
        "currency": "EUR",
        "alt_texts": [{"language": "en", "text": "0.49 EUR per kWh plus VAT"}],
        "elements": [{"price_components": [_component("ENERGY", "0.49")]}],
        "last_updated": _KNOWN_SINCE,
    },
    TariffId.DAY_AND_NIGHT: {
        "currency": "EUR",
        "alt_texts": [
            {"language": "en", "text": "0.39 EUR per kWh, 1.20 EUR an hour by day, 0.60 by night, 6.00 parked"}
        ],
        "elements": [
            {
                "price_components": [_component("TIME", "1.20")],
                "restrictions": {"start_time": "06:00", "end_time": "22:00"},
            },
            {
                "price_components": [_component("TIME", "0.60")],
                "restrictions": {"start_time": "22:00", "end_time": "06:00"},
            },
            {"price_components": [_component("ENERGY", "0.39"), _component("PARKING_TIME", "6.00")]},
        ],
        "last_updated": _KNOWN_SINCE,
    },
}


def _evse(number: int, tariff: TariffId) -> Json:
    connector: Json = {
        "id": "1",
        "standard": "IEC_62196_T2_COMBO",
        "format": "CABLE",
        "power_type": "DC",
        "max_voltage_v": 920,
        "max_amperage_a": 200,
        "max_electric_power_w": 150_000,
        "tariff_ids": [tariff],
        "last_updated": _KNOWN_SINCE,
    }
    return {
        "uid": f"E{number}",
        "evse_id": f"BE*NLN*E{number}",
        "status": "AVAILABLE",
        "capabilities": ["RFID_READER", "REMOTE_START_STOP_CAPABLE", "RESERVABLE"],
        "connectors": [connector],
        "last_updated": _KNOWN_SINCE,
    }


def _location(number: int, street: str, latitude: str, longitude: str, tariff: TariffId) -> Json:
    return {
        "publish": True,
        "name": f"{CPO_NAME} {street}",
        "address": f"{street} {number}",
        "city": "Gent",
        "postal_code": "9000",
        "country": "BEL",
        "coordinates": {"latitude": latitude, "longitude": longitude},
        "evses": [_evse(number * 10 + position, tariff) for position in (1, 2)],
        "operator": {"name": CPO_NAME},
        "time_zone": ZONE.key,
        "opening_times": {
            "twentyfourseven": False,
            "regular_hours": [{"weekday": day, "period_begin": "00:00", "period_end": "23:59"} for day in range(1, 8)],
        },
        "last_updated": _KNOWN_SINCE,
    }


LOCATIONS: Final[dict[str, Json]] = {
    "L1": _location(1, "Kouter", "51.049730", "3.724660", TariffId.PER_KWH),
    "L2": _location(2, "Korenmarkt", "51.054340", "3.721900", TariffId.DAY_AND_NIGHT),
    "L3": _location(3, "Zuidpark", "51.046020", "3.735910", TariffId.DAY_AND_NIGHT),
    "L4": _location(4, "Dampoort", "51.056200", "3.740400", TariffId.PER_KWH),
    "L5": _location(5, "Blaarmeersen", "51.047300", "3.688800", TariffId.PER_KWH),
}


def _token(contract: str, *, valid: bool = True, whitelist: str = "ALWAYS") -> Json:
    return {
        "contract_id": contract,
        "issuer": EMSP_NAME,
        "valid": valid,
        "whitelist": whitelist,
        "last_updated": _KNOWN_SINCE,
    }


CARD_A, CARD_B, CARD_BLOCKED, APP = "04A1B2C3D4E501", "04A1B2C3D4E502", "04A1B2C3D4E5FF", "APP-7781"

CARDS: Final[dict[str, Json]] = {
    CARD_A: _token("BE-FWM-C00000001"),
    CARD_B: _token("BE-FWM-C00000002", whitelist="ALLOWED"),
    CARD_BLOCKED: _token("BE-FWM-C00000666", valid=False),
}
"""The provider's cards; the operator pulls them after the handshake."""

APP_TOKEN: Final = _token("BE-FWM-C00000003", whitelist="NEVER")
"""Made later, and never handed out: the operator has to ask when it meets it."""


DISCOUNT_PERCENT: Final = Decimal(10)

AGREEMENT: Final[Json] = {
    "name": "fernweg-2026",
    "money_tolerance": "0.02",
    "unproved_energy": "QUARANTINED",
    "discounts": [{"name": "fleet-10", "percent": str(DISCOUNT_PERCENT)}],
}
"""What the two agree about money, from now on: cents that may differ, energy only if it is signed, a discount."""


@dataclass(frozen=True)
class Moment:
    """From this moment on: kWh delivered so far, and what the vehicle does."""

    at: datetime
    energy_kwh: Decimal
    state: VehicleState


@dataclass(frozen=True)
class Drive:
    """One use of a charger. The last moment is the end."""

    id: str
    title: str
    token: str
    token_type: str
    location: str
    tariff: TariffId
    moments: tuple[Moment, ...]
    outcome: Outcome = Outcome.BILLED
    discount_percent: Decimal = Decimal(0)

    @property
    def evse(self) -> str:
        return f"E{self.location[1]}1"

    @property
    def start(self) -> Moment:
        return self.moments[0]

    @property
    def end(self) -> Moment:
        return self.moments[-1]


def _at(local: str) -> datetime:
    return datetime.fromisoformat(f"2026-03-{local}").replace(tzinfo=ZONE).astimezone(UTC)


def _moments(*words: str) -> tuple[Moment, ...]:
    """`26 08:10 0 CHARGING`: day and local time, kWh so far, what the vehicle does from then on."""

    def moment(text: str) -> Moment:
        day, time, energy, state = text.split()
        return Moment(_at(f"{day} {time}"), Decimal(energy), VehicleState(state))

    return tuple(moment(text) for text in words)


def _drive(
    number: int,
    title: str,
    token: str,
    location: str,
    *words: str,
    outcome: Outcome = Outcome.BILLED,
    token_type: str = "RFID",  # noqa: S107  a kind of token, not one
) -> Drive:
    tariff = TariffId.DAY_AND_NIGHT if location in {"L2", "L3"} else TariffId.PER_KWH
    return Drive(f"S-{number:02}", title, token, token_type, location, tariff, _moments(*words), outcome)


ORDINARY: Final = (
    _drive(1, "a morning charge, priced per kWh", CARD_A, "L1",
           "26 08:10 0 CHARGING", "26 08:30 11.2 CHARGING", "26 08:52 21.4 PARKED"),
    _drive(2, "a lunch-time charge", CARD_B, "L1",
           "26 12:00 0 CHARGING", "26 12:20 9.8 CHARGING", "26 12:35 17.25 PARKED"),
    _drive(3, "an evening charge, and the car stays", CARD_A, "L2",
           "26 17:20 0 CHARGING", "26 18:00 18.45 CHARGING", "26 18:40 32.6 PARKED", "26 19:25 32.6 PARKED"),
    _drive(4, "from day into night tariff", CARD_B, "L3",
           "27 21:10 0 CHARGING", "27 22:00 21.5 CHARGING", "27 22:50 41.0 PARKED"),
    _drive(5, "over midnight and the change to summer time", CARD_A, "L2",
           "28 23:10 0 CHARGING", "29 01:30 31.3 CHARGING", "29 03:30 58.3 PARKED", "29 04:10 58.3 PARKED"),
    _drive(12, "a short charge on the last evening", CARD_A, "L4",
           "31 19:40 0 CHARGING", "31 20:05 10.75 CHARGING", "31 20:25 18.9 PARKED"),
)  # fmt: skip

EXPIRING: Final = _drive(
    6, "a reservation that nobody uses", CARD_B, "L4",
    "27 09:00 0 RESERVED", "27 09:30 0 RESERVED", outcome=Outcome.EXPIRED,
)  # fmt: skip

BLOCKED: Final = _drive(
    7, "a blocked card", CARD_BLOCKED, "L1", "27 10:00 0 CHARGING", "27 10:00 0 PARKED", outcome=Outcome.REFUSED
)

UNKNOWN: Final = _drive(
    8, "an app user whom the operator has never heard of", APP, "L1",
    "27 13:05 0 CHARGING", "27 13:30 7.4 CHARGING", "27 13:50 12.8 PARKED", token_type="APP_USER",  # noqa: S106
)  # fmt: skip

TAMPERED: Final = _drive(
    9, "the CDR whose idle fee is changed on its way", CARD_B, "L3",
    "30 16:00 0 CHARGING", "30 16:40 17.1 CHARGING", "30 17:10 28.9 PARKED", "30 18:40 28.9 PARKED",
)  # fmt: skip

INTERRUPTED: Final = _drive(
    10, "the session during which everything is killed", CARD_A, "L2",
    "30 10:00 0 CHARGING", "30 10:20 8.8 CHARGING", "30 10:40 17.4 CHARGING", "30 11:00 25.7 CHARGING",
    "30 11:20 33.3 PARKED",
)  # fmt: skip

HELD_UP: Final = _drive(
    11, "the CDR during whose delivery everything is killed", CARD_B, "L1",
    "31 07:30 0 CHARGING", "31 07:50 10.1 CHARGING", "31 08:15 22.05 PARKED",
)  # fmt: skip

DRIVES: Final = tuple(
    sorted((*ORDINARY, EXPIRING, BLOCKED, UNKNOWN, TAMPERED, INTERRUPTED, HELD_UP), key=lambda d: d.id)
)

PARKED_AFTER: Final = ORDINARY[2]
"""It is fully charged at 18:40, and driven away at 19:25."""


@dataclass(frozen=True)
class Today:
    """The two drives of the present day. They end a few minutes from now, as far as clocks may differ."""

    discounted: Drive
    mistaken: Drive

    @classmethod
    def beginning(cls, at: datetime) -> "Today":
        def moments(*steps: tuple[int, str, VehicleState]) -> tuple[Moment, ...]:
            return tuple(Moment(at + timedelta(minutes=minute), Decimal(kwh), state) for minute, kwh, state in steps)

        charging, parked = VehicleState.CHARGING, VehicleState.PARKED
        return cls(
            discounted=Drive(
                "S-13", "a session today, under the agreement", CARD_A, "RFID", "L2", TariffId.DAY_AND_NIGHT,
                moments((0, "0", charging), (2, "3.9", parked), (4, "3.9", parked)),
                discount_percent=DISCOUNT_PERCENT,
            ),
            mistaken=Drive(
                "S-14", "a session that is billed to the wrong driver", CARD_B, "RFID", "L4", TariffId.PER_KWH,
                moments((0, "0", charging), (2, "4.2", charging), (4, "7.7", parked)),
                discount_percent=DISCOUNT_PERCENT,
            ),
        )  # fmt: skip

    @property
    def drives(self) -> tuple[Drive, ...]:
        return self.discounted, self.mistaken
