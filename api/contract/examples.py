"""Examples for the OpenAPI document: those that a model gives, and for the rest one made out of its schema."""

from typing import Any, Final

_BY_NAME: Final[dict[str, object]] = {
    "account": "receivable/mobility",
    "adapter": "standard",
    "body_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "business_name": "Mobility Ltd",
    "checked_by": {"country_code": "NL", "party_id": "EMP"},
    "city": "Hamburg",
    "connection": "mobility",
    "connection_id": "mobility",
    "contract_id": "DE-EMP-C12345678-X",
    "country": "DEU",
    "country_code": "DE",
    "currency": "EUR",
    "energy_kwh": "11.000",
    "evse_id": "DE*RMW*E1",
    "evse_uid": "E1",
    "image_url": "https://charging.example/harbour.jpg",
    "issuer_party": {"country_code": "NL", "party_id": "EMP"},
    "language": "en",
    "latitude": "53.5461",
    "location_id": "L1",
    "longitude": "9.9661",
    "media_type": "application/pdf",
    "month": "2026-03",
    "name": "Mobility Ltd",
    "next": "c2Vzc2lvbnMgCjQ3MTE",
    "number": "DERMW-2026-0001",
    "party": {"country_code": "NL", "party_id": "EMP"},
    "party_id": "RMW",
    "postal_code": "20457",
    "secret": "shown here and nowhere else",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "statement_id": "DERMW-mobility-2026-03",
    "tariff_id": "T1",
    "time_zone": "Europe/Berlin",
    "uid": "04A1B2C3D4E5F6",
    "url": "https://backend.example/roaming-events",
    "version": "1",
    "versions_url": "https://charging.example/ocpi/versions",
    "workflow_id": "settlement/mobility/2026-03",
}
"""What a field of this name holds, in the same little world as the tour through the API."""

_BY_FORMAT: Final = {
    "date-time": "2026-03-28T22:00:00Z",
    "date": "2026-03-28",
    "uri": "https://charging.example/",
    "password": "handed out in private",
    "binary": "…",
}
_DEEP: Final = 8


class Examples:
    """Makes an example for any schema of one document."""

    def __init__(self, schemas: dict[str, Any]) -> None:
        self._schemas = schemas

    def of(self, schema: dict[str, Any], name: str = "", depth: int = 0) -> object:
        """An example that the schema lets pass. `name` is the field that it is for."""
        named = str(schema.get("$ref", "")).rpartition("/")[2]
        if named:
            return self.of(self._schemas[named], name, depth)
        for stated in ("const", "example"):
            if stated in schema:
                return schema[stated]
        if schema.get("examples"):
            return schema["examples"][0]
        for choice in ("anyOf", "oneOf", "allOf"):
            if choice in schema:
                options = [option for option in schema[choice] if option.get("type") != "null"]
                texts = [option for option in options if option.get("type") == "string"]
                return self.of((texts or options)[0], name, depth)
        if "enum" in schema:
            return schema["enum"][0]
        return self._by_type(schema, name, depth)

    def _by_type(self, schema: dict[str, Any], name: str, depth: int) -> object:
        match schema.get("type"):
            case "object":
                return self._object(schema, depth)
            case "array":
                count = schema.get("minItems", 0) or int(depth < _DEEP)
                return [self.of(schema.get("items", {}), name, depth + 1)] * count
            case "boolean":
                return True
            case "integer" | "number":
                return max(1, schema.get("minimum", 1))
            case "string":
                return self._text(schema, name)
            case _:
                return {}

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, object]:
        """What is required, and of the rest what is plain: an example is to be read."""
        required = schema.get("required", ())
        found: dict[str, object] = {}
        for name, part in schema.get("properties", {}).items():
            if name in required or name == "next":
                known = _BY_NAME.get(name) if _is_like(part, _BY_NAME.get(name), self._schemas) else None
                found[name] = known if known is not None else self.of(part, name, depth + 1)
        return found

    def _text(self, schema: dict[str, Any], name: str) -> str:
        known = _BY_NAME.get(name)
        if schema.get("format") in _BY_FORMAT:
            return _BY_FORMAT[schema["format"]]
        if isinstance(known, str):
            return known
        if "pattern" in schema:
            return _BY_PATTERN.get(schema["pattern"], "1")
        return "S-1001" if name.endswith("id") or name == "key" else "1"


_BY_PATTERN: Final = {
    r"^([01][0-9]|2[0-3]):[0-5][0-9]$": "08:00",
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$": "2026-03-28",
    "^[A-Z]{3}$": "EUR",
    "^[0-9a-f]{64}$": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "^(S|AE|Z|E|O)$": "AE",
}


def _is_like(schema: dict[str, Any], known: object, schemas: dict[str, Any]) -> bool:
    """Whether a value that is known by its name is of the kind that a field holds."""
    if known is None:
        return False
    options = [schema, *schema.get("anyOf", ())]
    if isinstance(known, dict):
        return any(str(option.get("$ref", "")).endswith("/PartyId") for option in options)
    plain = [option for option in options if option.get("type") == "string" and "format" not in option]
    return bool(plain) and all("enum" not in option and "const" not in option for option in plain) and bool(schemas)
