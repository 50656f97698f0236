"""Token and authorisation."""

from typing import Final

from adapters.document import Document
from adapters.ocpi.fields import fields
from adapters.ocpi_2_1_1.from_canonical.instants import instant
from adapters.ocpi_2_2_1.from_canonical.places import display_text
from canonical.token import Authorization, LocationReference, Token, TokenType

_TYPES: Final = frozenset({TokenType.RFID, TokenType.OTHER})


def token(source: Token) -> Document:
    """What is not a card is OTHER: apps, drivers without a contract and vehicles came with later versions."""
    return fields(
        source.extensions,
        uid=source.uid,
        type=source.type.value if source.type in _TYPES else TokenType.OTHER.value,
        auth_id=source.contract_id,
        visual_number=source.visual_number,
        issuer=source.issuer,
        valid=source.valid,
        whitelist=source.whitelist.value,
        language=source.language,
        last_updated=instant(source.last_updated),
    )


def location_references(source: LocationReference) -> Document:
    return fields(
        location_id=source.location_id, evse_uids=list(source.evse_uids), connector_ids=list(source.connector_ids)
    )


def authorization_info(source: Authorization) -> Document:
    """The decision. The token is the one that was asked about, and a reference has no place."""
    return fields(
        source.extensions,
        allowed=source.allowed.value,
        location=location_references(source.location) if source.location else None,
        info=display_text(source.info) if source.info else None,
    )
