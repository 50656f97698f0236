"""Small wire objects to break, one piece at a time."""

from typing import Any

Document = dict[str, Any]

AT = "2026-03-01T09:00:00Z"
PARTY = {"country_code": "DE", "party_id": "ABC"}


def connector(**changes: Any) -> Document:
    return {
        "id": "1",
        "standard": "IEC_62196_T2",
        "format": "SOCKET",
        "power_type": "AC_3_PHASE",
        "max_voltage": 230,
        "max_amperage": 32,
        "last_updated": AT,
    } | changes


def evse(**changes: Any) -> Document:
    return {"uid": "E1", "status": "AVAILABLE", "connectors": [connector()], "last_updated": AT} | changes


def location(**changes: Any) -> Document:
    return {
        **PARTY,
        "id": "L1",
        "publish": True,
        "address": "Weg 1",
        "city": "Bonn",
        "country": "DEU",
        "coordinates": {"latitude": "50.73743", "longitude": "7.09821"},
        "time_zone": "Europe/Berlin",
        "evses": [evse()],
        "last_updated": AT,
    } | changes


def token(**changes: Any) -> Document:
    return {
        **PARTY,
        "uid": "04AB",
        "type": "RFID",
        "contract_id": "DE-ABC-C1-1",
        "issuer": "ABC",
        "valid": True,
        "whitelist": "ALLOWED",
        "last_updated": AT,
    } | changes


def cdr_token() -> Document:
    return {**PARTY, "uid": "04AB", "type": "RFID", "contract_id": "DE-ABC-C1-1"}


def session(**changes: Any) -> Document:
    return {
        **PARTY,
        "id": "S1",
        "start_date_time": AT,
        "kwh": 0,
        "cdr_token": cdr_token(),
        "auth_method": "WHITELIST",
        "location_id": "L1",
        "evse_uid": "E1",
        "connector_id": "1",
        "currency": "EUR",
        "status": "ACTIVE",
        "last_updated": AT,
    } | changes


def tariff(**changes: Any) -> Document:
    return {
        **PARTY,
        "id": "T1",
        "currency": "EUR",
        "elements": [{"price_components": [{"type": "ENERGY", "price": 1, "step_size": 1}]}],
        "last_updated": AT,
    } | changes


def cdr(**changes: Any) -> Document:
    return {
        **PARTY,
        "id": "C1",
        "start_date_time": AT,
        "end_date_time": "2026-03-01T10:00:00Z",
        "cdr_token": cdr_token(),
        "auth_method": "WHITELIST",
        "cdr_location": {
            "id": "L1",
            "address": "Weg 1",
            "city": "Bonn",
            "country": "DEU",
            "coordinates": {"latitude": "50.73743", "longitude": "7.09821"},
            "evse_uid": "E1",
            "evse_id": "DE*ABC*E1",
            "connector_id": "1",
            "connector_standard": "IEC_62196_T2",
            "connector_format": "SOCKET",
            "connector_power_type": "AC_3_PHASE",
        },
        "currency": "EUR",
        "tariffs": [tariff()],
        "charging_periods": [{"start_date_time": AT, "dimensions": [{"type": "ENERGY", "volume": 10}]}],
        "total_cost": {"excl_vat": 10},
        "total_energy": 10,
        "total_time": 1,
        "last_updated": "2026-03-01T10:00:00Z",
    } | changes
