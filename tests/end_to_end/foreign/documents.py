"""OCPI objects as a partner puts them on the wire, for setting up the foreign partner.

They are written as 2.2.1 has them; `in_words_of` says the same in another version.
"""

from typing import Any

Document = dict[str, Any]

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


def in_words_of(version: str, module: str, document: Document) -> Document:
    """An object of 2.2.1 as another version writes it."""
    return document if version == "2.2.1" else _EARLY[module](document)


def _early_token(document: Document) -> Document:
    spoken = _without_owner(document)
    return {**spoken, "auth_id": spoken.pop("contract_id")}


def _early_location(document: Document) -> Document:
    spoken = _without_owner(document)
    del spoken["publish"]
    evses = [{**e, "connectors": [_early_connector(c) for c in e["connectors"]]} for e in spoken["evses"]]
    return {**spoken, "type": "ON_STREET", "evses": evses}


def _early_connector(connector: Document) -> Document:
    spoken = dict(connector)
    (tariff_id,) = spoken.pop("tariff_ids")
    voltage, amperage = spoken.pop("max_voltage"), spoken.pop("max_amperage")
    return {**spoken, "voltage": voltage, "amperage": amperage, "tariff_id": tariff_id}


def _early_tariff(document: Document) -> Document:
    """Prices of 2.1.1 are without VAT, and say nothing about it."""
    elements = [
        {"price_components": [{k: v for k, v in price.items() if k != "vat"} for price in element["price_components"]]}
        for element in document["elements"]
    ]
    return {**_without_owner(document), "elements": elements}


def _early_session(document: Document) -> Document:
    """The session has its whole location in it."""
    moved = {"start_date_time": "start_datetime", "end_date_time": "end_datetime"}
    left_out = {"cdr_token", "location_id", "evse_uid", "connector_id"}
    spoken = {moved.get(k, k): v for k, v in _without_owner(document).items() if k not in left_out}
    return {**spoken, "auth_id": document["cdr_token"]["contract_id"], "location": _place(document)}


def _early_cdr(document: Document) -> Document:
    """As the package has it: with `end_date_time`, where OCPI 2.1.1 says `stop_date_time`."""
    left_out = {"cdr_token", "session_id", "cdr_location", "total_energy_cost"}
    return {
        **{k: v for k, v in _without_owner(document).items() if k not in left_out},
        "auth_id": document["cdr_token"]["contract_id"],
        "location": _place(document),
        "tariffs": [_early_tariff(each) for each in document["tariffs"]],
        "total_cost": document["total_cost"]["excl_vat"],
    }


def _place(document: Document) -> Document:
    """The location of a session or a CDR, with the one EVSE that was used."""
    whole = location("LOC1", country_code=document["country_code"], party_id=document["party_id"])
    return _early_location({**whole, "evses": whole["evses"][:1]})


def _without_owner(document: Document) -> Document:
    return {k: v for k, v in document.items() if k not in {"country_code", "party_id"}}


_EARLY = {
    "tokens": _early_token,
    "locations": _early_location,
    "tariffs": _early_tariff,
    "sessions": _early_session,
    "cdrs": _early_cdr,
}


def _cdr_token(driver: Document) -> Document:
    fields = ("country_code", "party_id", "uid", "type", "contract_id")
    return {name: driver[name] for name in fields}


def _period(start: str, *, energy_kwh: float) -> Document:
    return {"start_date_time": start, "dimensions": [{"type": "ENERGY", "volume": energy_kwh}]}
