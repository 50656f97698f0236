"""Token and authorisation."""

from adapters.ocpi.leftovers import extensions
from adapters.ocpi.wire.words import listed
from adapters.ocpi_2_2_1.to_canonical.places import display_text
from adapters.ocpi_2_2_1.wire import token as wire
from canonical.identity import PartyId
from canonical.token import (
    Allowed,
    Authorization,
    EnergyContract,
    LocationReference,
    Token,
    TokenType,
    Whitelist,
)


def token(source: wire.Token) -> Token:
    return Token(
        owner=PartyId(country_code=source.country_code, party_id=source.party_id),
        uid=source.uid,
        type=token_type(source.type),
        contract_id=source.contract_id,
        visual_number=source.visual_number,
        issuer=source.issuer,
        group_id=source.group_id,
        valid=source.valid,
        whitelist=Whitelist(source.whitelist),
        language=source.language,
        default_profile_type=source.default_profile_type,
        energy_contract=_energy_contract(source.energy_contract),
        last_updated=source.last_updated,
        extensions=extensions(source),
    )


def token_type(word: str) -> TokenType:
    """OTHER for a word of the sender's own, where the version is open to them: the word itself is kept beside."""
    return TokenType(word) if word in listed(TokenType) else TokenType.OTHER


def location_reference(source: wire.LocationReferences) -> LocationReference:
    return LocationReference(location_id=source.location_id, evse_uids=source.evse_uids)


def authorization(source: wire.AuthorizationInfo) -> Authorization:
    return Authorization(
        allowed=Allowed(source.allowed),
        token=token(source.token),
        location=location_reference(source.location) if source.location else None,
        authorization_reference=source.authorization_reference,
        info=display_text(source.info) if source.info else None,
        extensions=extensions(source),
    )


def _energy_contract(source: wire.EnergyContract | None) -> EnergyContract | None:
    if source is None:
        return None
    return EnergyContract(supplier_name=source.supplier_name, contract_id=source.contract_id)
