"""What the two companies have: locations with EVSEs, tariffs, cards. As their own systems hand it in."""

from typing import Final

from deploy.chaos.desk import Json
from deploy.chaos.plan import CARDS, EVSES, LOCATIONS

SINCE: Final = "2026-01-01T00:00:00Z"
TARIFF: Final = "DAY-AND-NIGHT"


def _component(dimension: str, price: str) -> Json:
    return {"dimension": dimension, "price": price, "vat_percent": "21", "step_size": 1}


TARIFFS: Final[dict[str, Json]] = {
    TARIFF: {
        "currency": "EUR",
        "elements": [
            {
                "price_components": [_component("TIME", "1.20")],
                "restrictions": {"start_time": "06:00", "end_time": "22:00"},
            },
            {"price_components": [_component("ENERGY", "0.39"), _component("PARKING_TIME", "6.00")]},
        ],
        "last_updated": SINCE,
    }
}


def _evse(location: str, uid: str) -> Json:
    return {
        "uid": uid,
        "evse_id": f"NL*KLP*{uid}{location}",
        "status": "AVAILABLE",
        "capabilities": ["RFID_READER", "REMOTE_START_STOP_CAPABLE", "RESERVABLE"],
        "connectors": [
            {
                "id": "1",
                "standard": "IEC_62196_T2_COMBO",
                "format": "CABLE",
                "power_type": "DC",
                "max_voltage_v": 920,
                "max_amperage_a": 200,
                "max_electric_power_w": 150_000,
                "tariff_ids": [TARIFF],
                "last_updated": SINCE,
            }
        ],
        "last_updated": SINCE,
    }


def _location(number: int, location: str) -> Json:
    return {
        "publish": True,
        "name": f"Klaproos {number}",
        "address": f"Veldweg {number}",
        "city": "Zwolle",
        "postal_code": "8011",
        "country": "NLD",
        "coordinates": {"latitude": f"52.51{number:04}", "longitude": f"6.09{number:04}"},
        "evses": [_evse(location, uid) for uid in EVSES],
        "operator": {"name": "Klaproos Laden"},
        "time_zone": "Europe/Amsterdam",
        "last_updated": SINCE,
    }


PLACES: Final[dict[str, Json]] = {location: _location(number, location) for number, location in enumerate(LOCATIONS)}


def token(contract: str, *, whitelist: str = "ALWAYS") -> Json:
    """A token of the provider, whose uid is in the address that it is put to."""
    return {
        "contract_id": contract,
        "issuer": "Rijder Mobiliteit",
        "valid": True,
        "whitelist": whitelist,
        "last_updated": SINCE,
    }


CARD_TOKENS: Final[dict[str, Json]] = {uid: token(f"NL-RYD-C{number:08}") for number, uid in enumerate(CARDS)}
