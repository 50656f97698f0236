"""Token and authorisation."""

from adapters.document import Document
from adapters.ocpi.fields import fields, instant
from adapters.ocpi_2_2_1.from_canonical.places import display_text
from canonical.token import Authorization, EnergyContract, LocationReference, Token


def token(source: Token) -> Document:
    return fields(
        source.extensions,
        country_code=source.owner.country_code,
        party_id=source.owner.party_id,
        uid=source.uid,
        type=source.type.value,
        contract_id=source.contract_id,
        visual_number=source.visual_number,
        issuer=source.issuer,
        group_id=source.group_id,
        valid=source.valid,
        whitelist=source.whitelist.value,
        language=source.language,
        default_profile_type=source.default_profile_type,
        energy_contract=_energy_contract(source.energy_contract),
        last_updated=instant(source.last_updated),
    )


def location_references(source: LocationReference) -> Document:
    return fields(location_id=source.location_id, evse_uids=list(source.evse_uids))


def authorization_info(source: Authorization) -> Document:
    return fields(
        source.extensions,
        allowed=source.allowed.value,
        token=token(source.token) if source.token else None,
        location=location_references(source.location) if source.location else None,
        authorization_reference=source.authorization_reference,
        info=display_text(source.info) if source.info else None,
    )


def _energy_contract(source: EnergyContract | None) -> Document | None:
    if source is None:
        return None
    return fields(supplier_name=source.supplier_name, contract_id=source.contract_id)
