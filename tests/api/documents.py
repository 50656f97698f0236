"""Documents on the wire and in the contract API, made for these tests."""

from typing import Any

EARLY, LATER, LATEST = "2026-03-01T10:00:00Z", "2026-03-02T10:00:00Z", "2026-03-03T10:00:00Z"


def connector(**changes: Any) -> dict[str, Any]:
    return {
        "id": "1",
        "standard": "IEC_62196_T2",
        "format": "SOCKET",
        "power_type": "AC_3_PHASE",
        "max_voltage": 230,
        "max_amperage": 32,
        "tariff_ids": ["T1"],
        "last_updated": EARLY,
        **changes,
    }


def evse(**changes: Any) -> dict[str, Any]:
    return {
        "uid": "E1",
        "evse_id": "BE*BEC*E1",
        "status": "AVAILABLE",
        "connectors": [connector()],
        "last_updated": EARLY,
        **changes,
    }


def location(**changes: Any) -> dict[str, Any]:
    return {
        "country_code": "BE",
        "party_id": "BEC",
        "id": "L1",
        "publish": True,
        "address": "Rue 1",
        "city": "Gent",
        "country": "BEL",
        "coordinates": {"latitude": "51.047599", "longitude": "3.729944"},
        "evses": [evse()],
        "time_zone": "Europe/Brussels",
        "last_updated": EARLY,
        **changes,
    }


def tariff(**changes: Any) -> dict[str, Any]:
    return {
        "country_code": "BE",
        "party_id": "BEC",
        "id": "T1",
        "currency": "EUR",
        "elements": [{"price_components": [{"type": "ENERGY", "price": 0.25, "vat": 21.0, "step_size": 1}]}],
        "last_updated": EARLY,
        **changes,
    }


def token(**changes: Any) -> dict[str, Any]:
    return {
        "country_code": "DE",
        "party_id": "MOB",
        "uid": "04A1B2C3",
        "type": "RFID",
        "contract_id": "DE-MOB-C1",
        "issuer": "Mobility",
        "valid": True,
        "whitelist": "ALWAYS",
        "last_updated": EARLY,
        **changes,
    }


def _cdr_token() -> dict[str, Any]:
    return {"country_code": "DE", "party_id": "RCO", "uid": "04A1", "type": "RFID", "contract_id": "DE-RCO-C1"}


def session(**changes: Any) -> dict[str, Any]:
    return {
        "country_code": "BE",
        "party_id": "BEC",
        "id": "S1",
        "start_date_time": EARLY,
        "kwh": 0.0,
        "cdr_token": _cdr_token(),
        "auth_method": "WHITELIST",
        "location_id": "L1",
        "evse_uid": "E1",
        "connector_id": "1",
        "currency": "EUR",
        "status": "ACTIVE",
        "last_updated": EARLY,
        **changes,
    }


def cdr(**changes: Any) -> dict[str, Any]:
    return {
        "country_code": "BE",
        "party_id": "BEC",
        "id": "C1",
        "start_date_time": EARLY,
        "end_date_time": LATER,
        "session_id": "S1",
        "cdr_token": _cdr_token(),
        "auth_method": "WHITELIST",
        "cdr_location": {
            "id": "L1",
            "address": "Rue 1",
            "city": "Gent",
            "country": "BEL",
            "coordinates": {"latitude": "51.047599", "longitude": "3.729944"},
            "evse_uid": "E1",
            "evse_id": "BE*BEC*E1",
            "connector_id": "1",
            "connector_standard": "IEC_62196_T2",
            "connector_format": "SOCKET",
            "connector_power_type": "AC_3_PHASE",
        },
        "currency": "EUR",
        "charging_periods": [{"start_date_time": EARLY, "dimensions": [{"type": "ENERGY", "volume": 10.5}]}],
        "total_cost": {"excl_vat": 2.63, "incl_vat": 3.18},
        "total_energy": 10.5,
        "total_time": 24.0,
        "last_updated": LATER,
        **changes,
    }
