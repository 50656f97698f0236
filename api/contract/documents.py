"""Whole objects as the charging backend puts them: canonical documents, in which what we know may be left out."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, TypeVar

from fastapi import Body
from pydantic import ValidationError

from api.errors import InvalidInput
from canonical.identity import PartyId
from canonical.model import CanonicalModel, fold

T = TypeVar("T", bound=CanonicalModel)

Document = Annotated[dict[str, object], Body()]
_OURS = {"owner": {"country_code": "DE", "party_id": "RMW"}, "last_updated": "2026-01-01T00:00:00Z"}
_PARTS = ("evses", "connectors")


def schema_of(model: type[CanonicalModel], example: Mapping[str, object]) -> dict[str, object]:
    """The request body in the OpenAPI document: the model's schema, which the answers bring in."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {
        "requestBody": {
            "required": True,
            "description": "The whole object. `owner`, its id and every `last_updated` may be left out: they are "
            "ours, that of the address, and now.",
            "content": {"application/json": {"schema": schema, "example": {**_OURS, **example}}},
        }
    }


def completed(model: type[T], document: Document, known: Mapping[str, str], owner: PartyId, now: datetime) -> T:
    """Validate a document, with `known` (parts of its name, as the address says them) and the owner filled in.

    Raises InvalidInput that names the fields, also when the document names another object than the address.
    """
    for name, addressed in known.items():
        stated = document.get(name, addressed)
        if not isinstance(stated, str) or fold(stated) != fold(addressed):
            raise InvalidInput.of(name, f"the address says {addressed}")
    whole = {**known, "owner": owner.model_dump(), "last_updated": now, **document}
    try:
        value = model.model_validate(_dated(whole, whole["last_updated"]))
    except ValidationError as error:
        raise invalid(error) from None
    if getattr(value, "owner", owner).key != owner.key:
        raise InvalidInput.of("owner", f"must be {owner}")
    return value


def invalid(error: ValidationError) -> InvalidInput:
    """The same in our words; the values are left out, for they may be secrets."""
    fields = {".".join(str(part) for part in found["loc"]): found["msg"] for found in error.errors()}
    return InvalidInput("; ".join(f"{name}: {message}" for name, message in fields.items()), fields=fields)


def _dated(document: dict[str, object], instant: object) -> dict[str, object]:
    """The document with `last_updated` in every part that has none: it changed when the whole did."""
    dated = {"last_updated": instant, **document}
    for name in _PARTS:
        parts = dated.get(name)
        if isinstance(parts, list):
            dated[name] = [_dated(part, instant) if isinstance(part, dict) else part for part in parts]
    return dated
