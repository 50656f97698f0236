"""Token and authorisation."""

from adapters.contract import Parties
from adapters.ocpi.leftovers import extensions
from adapters.ocpi_2_1_1.wire import token as wire
from adapters.ocpi_2_2_1.to_canonical.places import display_text
from canonical.token import Allowed, Authorization, LocationReference, Token, TokenType, Whitelist


def token(source: wire.Token, parties: Parties) -> Token:
    return Token(
        owner=parties.emsp,
        uid=source.uid,
        type=TokenType(source.type),
        contract_id=source.auth_id,
        visual_number=source.visual_number,
        issuer=source.issuer,
        valid=source.valid,
        whitelist=Whitelist(source.whitelist),
        language=source.language,
        last_updated=source.last_updated,
        extensions=extensions(source),
    )


def location_reference(source: wire.LocationReferences) -> LocationReference:
    return LocationReference(
        location_id=source.location_id, evse_uids=source.evse_uids, connector_ids=source.connector_ids
    )


def authorization(source: wire.AuthorizationInfo) -> Authorization:
    """The answer alone: which token it is about, the question said."""
    return Authorization(
        allowed=Allowed(source.allowed),
        token=None,
        location=location_reference(source.location) if source.location else None,
        info=display_text(source.info) if source.info else None,
        extensions=extensions(source),
    )
