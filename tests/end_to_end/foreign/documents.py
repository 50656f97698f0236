"""OCPI 2.2.1 objects as a partner puts them on the wire, for setting up the foreign partner."""

from tests.end_to_end.foreign.partner import Document

UPDATED = "2026-03-02T09:00:00Z"


def token(uid: str, *, country_code: str, party_id: str) -> Document:
    return {
        "country_code": country_code,
        "party_id": party_id,
        "uid": uid,
        "type": "RFID",
        "contract_id": f"{country_code}-{party_id}-C{uid[-6:]}-X",
        "issuer": "Foreign Mobility",
        "valid": True,
        "whitelist": "ALWAYS",
        "last_updated": UPDATED,
    }


def location(identifier: str, *, country_code: str, party_id: str) -> Document:
    connector = {
        "id": "1",
        "standard": "IEC_62196_T2",
        "format": "SOCKET",
        "power_type": "AC_3_PHASE",
        "max_voltage": 400,
        "max_amperage": 32,
        "tariff_ids": ["FLAT"],
        "last_updated": UPDATED,
    }
    evse = {
        "uid": f"{identifier}-E1",
        "evse_id": f"{country_code}*{party_id}*E1",
        "status": "AVAILABLE",
        "capabilities": ["RFID_READER"],
        "connectors": [connector],
        "last_updated": UPDATED,
    }
    return {
        "country_code": country_code,
        "party_id": party_id,
        "id": identifier,
        "publish": True,
        "name": "Grote Markt",
        "address": "Grote Markt 1",
        "city": "Antwerpen",
        "postal_code": "2000",
        "country": "BEL",
        "coordinates": {"latitude": "51.221110", "longitude": "4.399710"},
        "evses": [evse, {**evse, "uid": f"{identifier}-E2", "evse_id": f"{country_code}*{party_id}*E2"}],
        "time_zone": "Europe/Brussels",
        "opening_times": {"twentyfourseven": True},
        "last_updated": UPDATED,
    }


def tariff(identifier: str, *, country_code: str, party_id: str) -> Document:
    energy = {"type": "ENERGY", "price": 0.4, "vat": 21.0, "step_size": 1}
    return {
        "country_code": country_code,
        "party_id": party_id,
        "id": identifier,
        "currency": "EUR",
        "elements": [{"price_components": [energy]}],
        "last_updated": UPDATED,
    }


def session(identifier: str, driver: Document, *, country_code: str, party_id: str) -> Document:
    """A session that has just begun, at the first EVSE of location `LOC1`."""
    return {
        "country_code": country_code,
        "party_id": party_id,
        "id": identifier,
        "start_date_time": "2026-03-02T10:00:00Z",
        "kwh": 0.0,
        "cdr_token": _cdr_token(driver),
        "auth_method": "WHITELIST",
        "location_id": "LOC1",
        "evse_uid": "LOC1-E1",
        "connector_id": "1",
        "currency": "EUR",
        "charging_periods": [_period("2026-03-02T10:00:00Z", energy_kwh=0.0)],
        "status": "ACTIVE",
        "last_updated": "2026-03-02T10:00:00Z",
    }


def completed(begun: Document) -> Document:
    """The same session an hour later, 20.123 kWh on."""
    period = _period(begun["start_date_time"], energy_kwh=20.123)
    return {
        **begun,
        "end_date_time": "2026-03-02T11:00:00Z",
        "kwh": 20.123,
        "charging_periods": [period],
        "status": "COMPLETED",
        "last_updated": "2026-03-02T11:00:01Z",
    }


def cdr(identifier: str, of_session: Document, *, of_tariff: Document) -> Document:
    """One hour and 20.123 kWh at the flat price of `of_tariff`: 8.05 without VAT, 9.74 with it."""
    return {
        "country_code": of_session["country_code"],
        "party_id": of_session["party_id"],
        "id": identifier,
        "start_date_time": of_session["start_date_time"],
        "end_date_time": "2026-03-02T11:00:00Z",
        "session_id": of_session["id"],
        "cdr_token": of_session["cdr_token"],
        "auth_method": of_session["auth_method"],
        "cdr_location": {
            "id": "LOC1",
            "address": "Grote Markt 1",
            "city": "Antwerpen",
            "country": "BEL",
            "coordinates": {"latitude": "51.221110", "longitude": "4.399710"},
            "evse_uid": "LOC1-E1",
            "evse_id": "BE*FRC*E1",
            "connector_id": "1",
            "connector_standard": "IEC_62196_T2",
            "connector_format": "SOCKET",
            "connector_power_type": "AC_3_PHASE",
        },
        "currency": "EUR",
        "tariffs": [of_tariff],
        "charging_periods": [_period(of_session["start_date_time"], energy_kwh=20.123)],
        "total_cost": {"excl_vat": 8.05, "incl_vat": 9.74},
        "total_energy": 20.123,
        "total_energy_cost": {"excl_vat": 8.05, "incl_vat": 9.74},
        "total_time": 1.0,
        "last_updated": "2026-03-02T11:00:05Z",
    }


def _cdr_token(driver: Document) -> Document:
    fields = ("country_code", "party_id", "uid", "type", "contract_id")
    return {name: driver[name] for name in fields}


def _period(start: str, *, energy_kwh: float) -> Document:
    return {"start_date_time": start, "dimensions": [{"type": "ENERGY", "volume": energy_kwh}]}
