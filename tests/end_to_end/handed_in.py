"""What an operator's and a provider's own systems hand in, in the words of the contract API."""

from tests.end_to_end.backend import Document

LOCATION: Document = {
    "publish": True,
    "name": "Rathausmarkt",
    "address": "Rathausmarkt 1",
    "city": "Hamburg",
    "postal_code": "20095",
    "country": "DEU",
    "coordinates": {"latitude": "53.550340", "longitude": "9.992480"},
    "time_zone": "Europe/Berlin",
    "opening_times": {"twentyfourseven": True},
    "evses": [
        {
            "uid": "HH1-E1",
            "evse_id": "DE*RCO*EHH1",
            "status": "AVAILABLE",
            "connectors": [
                {
                    "id": "1",
                    "standard": "IEC_62196_T2",
                    "format": "SOCKET",
                    "power_type": "AC_3_PHASE",
                    "max_voltage_v": 230,
                    "max_amperage_a": 32,
                    "tariff_ids": ["FLAT"],
                    "last_updated": "2026-03-01T08:00:00Z",
                }
            ],
            "last_updated": "2026-03-01T08:00:00Z",
        }
    ],
    "last_updated": "2026-03-01T08:00:00Z",
}

TARIFF: Document = {
    "currency": "EUR",
    "elements": [{"price_components": [{"dimension": "ENERGY", "price": "0.40", "vat_percent": "19", "step_size": 1}]}],
    "last_updated": "2026-03-01T08:00:00Z",
}

CARD: Document = {
    "contract_id": "DE-RCO-C0FFEE00-X",
    "issuer": "Roamwork",
    "valid": True,
    "whitelist": "ALWAYS",
    "last_updated": "2026-03-01T08:00:00Z",
}


def session(identifier: str, token_uid: str) -> Document:
    """Charging begins on 2 March at 9 at the only connector of LOCATION, put under the id HH1."""
    return {
        "id": identifier,
        "token": {"uid": token_uid, "type": "RFID"},
        "auth_method": "WHITELIST",
        "location_id": "HH1",
        "evse_uid": "HH1-E1",
        "connector_id": "1",
        "start": "2026-03-02T09:00:00Z",
        "status": "ACTIVE",
    }
