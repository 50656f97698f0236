"""Small wire objects of 2.1.1 to break, one piece at a time; and the two parties between whom they go."""

import json
from typing import Any

from adapters.contract import Parties
from adapters.registry import build_registry
from canonical.identity import PartyId
from canonical.model import CanonicalModel

Document = dict[str, Any]

AT = "2026-03-01T09:00:00Z"
CPO, EMSP = PartyId.parse("DE*CPO"), PartyId.parse("NL*MSP")
BETWEEN = Parties(CPO, EMSP)

registry = build_registry(None)
standard = registry.by_key("ocpi-2.1.1/standard")
strict = registry.by_key("ocpi-2.1.1/strict")


def body(document: Document) -> bytes:
    return json.dumps(document).encode()


def held(kind: type[CanonicalModel], document: Document) -> Any:
    return standard.read(kind, body(document), BETWEEN).value


def written(value: CanonicalModel) -> Document:
    document: Document = json.loads(standard.write(value))
    return document


def without_empty(value: Any) -> Any:
    """A list without elements is the same as none."""
    if isinstance(value, dict):
        return {name: without_empty(child) for name, child in value.items() if child != []}
    return [without_empty(each) for each in value] if isinstance(value, list) else value


def connector(**changes: Any) -> Document:
    return {
        "id": "1",
        "standard": "IEC_62196_T2",
        "format": "SOCKET",
        "power_type": "AC_3_PHASE",
        "voltage": 230,
        "amperage": 32,
        "tariff_id": "T1",
        "last_updated": AT,
    } | changes


def evse(**changes: Any) -> Document:
    return {
        "uid": "E1",
        "evse_id": "DE*CPO*E1",
        "status": "AVAILABLE",
        "connectors": [connector()],
        "last_updated": AT,
    } | changes


def location(**changes: Any) -> Document:
    return {
        "id": "L1",
        "type": "ON_STREET",
        "address": "Weg 1",
        "city": "Bonn",
        "postal_code": "53111",
        "country": "DEU",
        "coordinates": {"latitude": "50.737430", "longitude": "7.098210"},
        "evses": [evse()],
        "last_updated": AT,
    } | changes


def token(**changes: Any) -> Document:
    return {
        "uid": "04AB",
        "type": "RFID",
        "auth_id": "NL-MSP-C1-1",
        "issuer": "MSP",
        "valid": True,
        "whitelist": "ALLOWED",
        "last_updated": AT,
    } | changes


def tariff(**changes: Any) -> Document:
    return {
        "id": "T1",
        "currency": "EUR",
        "elements": [{"price_components": [{"type": "ENERGY", "price": 1, "step_size": 1}]}],
        "last_updated": AT,
    } | changes


def period(start: str = AT, *dimensions: tuple[str, float]) -> Document:
    stated = dimensions or (("ENERGY", 10),)
    return {"start_date_time": start, "dimensions": [{"type": kind, "volume": volume} for kind, volume in stated]}


def session(**changes: Any) -> Document:
    return {
        "id": "S1",
        "start_datetime": AT,
        "kwh": 0,
        "auth_id": "NL-MSP-C1-1",
        "auth_method": "WHITELIST",
        "location": location(),
        "currency": "EUR",
        "status": "ACTIVE",
        "last_updated": AT,
    } | changes


def cdr(**changes: Any) -> Document:
    return {
        "id": "C1",
        "start_date_time": AT,
        "stop_date_time": "2026-03-01T10:00:00Z",
        "auth_id": "NL-MSP-C1-1",
        "auth_method": "WHITELIST",
        "location": location(),
        "currency": "EUR",
        "tariffs": [tariff()],
        "charging_periods": [period()],
        "total_cost": 10,
        "total_energy": 10,
        "total_time": 1,
        "last_updated": "2026-03-01T10:00:00Z",
    } | changes
