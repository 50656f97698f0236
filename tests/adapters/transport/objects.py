"""Objects of our own and of the partner's, as OCPI 2.2.1 writes them."""

from canonical.identity import ObjectId, PartyId

US = PartyId(country_code="DE", party_id="RCO")
THEM = PartyId(country_code="NL", party_id="MSP")
AT = "2026-03-01T09:00:00Z"

LOCATION = {
    "country_code": "DE",
    "party_id": "RCO",
    "id": "LOC/1",
    "publish": True,
    "address": "Hauptstr. 1",
    "city": "Bonn",
    "country": "DEU",
    "coordinates": {"latitude": "50.73740", "longitude": "7.09820"},
    "time_zone": "Europe/Berlin",
    "evses": [
        {
            "uid": "DE*RCO*E1",
            "status": "AVAILABLE",
            "connectors": [
                {
                    "id": "1",
                    "standard": "IEC_62196_T2",
                    "format": "SOCKET",
                    "power_type": "AC_3_PHASE",
                    "max_voltage": 230,
                    "max_amperage": 32,
                    "last_updated": AT,
                }
            ],
            "last_updated": AT,
        }
    ],
    "last_updated": AT,
}
TARIFF = {
    "country_code": "DE",
    "party_id": "RCO",
    "id": "T1",
    "currency": "EUR",
    "elements": [{"price_components": [{"type": "ENERGY", "price": 0.30, "step_size": 1}]}],
    "last_updated": AT,
}
TOKEN = {
    "country_code": "DE",
    "party_id": "RCO",
    "uid": "04 AB",
    "type": "RFID",
    "contract_id": "DE-RCO-C1",
    "issuer": "Roamwork",
    "valid": True,
    "whitelist": "ALLOWED",
    "last_updated": AT,
}
CDR_TOKEN = {
    "country_code": "NL",
    "party_id": "MSP",
    "uid": "04AB",
    "type": "RFID",
    "contract_id": "NL-MSP-C1",
}
SESSION = {
    "country_code": "DE",
    "party_id": "RCO",
    "id": "S1",
    "start_date_time": AT,
    "kwh": 1.5,
    "cdr_token": CDR_TOKEN,
    "auth_method": "WHITELIST",
    "location_id": "LOC/1",
    "evse_uid": "DE*RCO*E1",
    "connector_id": "1",
    "currency": "EUR",
    "charging_periods": [{"start_date_time": AT, "dimensions": [{"type": "ENERGY", "volume": 1.5}]}],
    "status": "ACTIVE",
    "last_updated": AT,
}
CDR = {
    "country_code": "DE",
    "party_id": "RCO",
    "id": "C1",
    "start_date_time": AT,
    "end_date_time": "2026-03-01T10:00:00Z",
    "session_id": "S1",
    "cdr_token": CDR_TOKEN,
    "auth_method": "WHITELIST",
    "cdr_location": {
        "id": "LOC/1",
        "address": "Hauptstr. 1",
        "city": "Bonn",
        "postal_code": "53111",
        "country": "DEU",
        "coordinates": {"latitude": "50.73740", "longitude": "7.09820"},
        "evse_uid": "DE*RCO*E1",
        "evse_id": "DE*RCO*E1",
        "connector_id": "1",
        "connector_standard": "IEC_62196_T2",
        "connector_format": "SOCKET",
        "connector_power_type": "AC_3_PHASE",
    },
    "currency": "EUR",
    "charging_periods": [{"start_date_time": AT, "dimensions": [{"type": "ENERGY", "volume": 1.5}]}],
    "total_cost": {"excl_vat": 0.45, "incl_vat": 0.54},
    "total_energy": 1.5,
    "total_time": 1,
    "last_updated": "2026-03-01T10:00:00Z",
}
CREDENTIALS = {
    "token": "the-token-that-they-gave",
    "url": "https://partner.example/ocpi/versions",
    "roles": [
        {
            "role": "EMSP",
            "business_details": {"name": "Mobility"},
            "party_id": "MSP",
            "country_code": "NL",
        }
    ],
}


def ours(object_id: str) -> ObjectId:
    return ObjectId(owner=US, id=object_id)


def theirs(object_id: str) -> ObjectId:
    return ObjectId(owner=THEM, id=object_id)
