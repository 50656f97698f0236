"""Who may charge: tokens, and the answer of their issuer in real time (OCPI 2.2.1 tokens)."""

from enum import StrEnum

from canonical.identity import ObjectId, PartyId
from canonical.model import (
    CanonicalModel,
    DisplayText,
    Extension,
    Identifier,
    Instant,
    fold,
)


class TokenType(StrEnum):
    AD_HOC_USER = "AD_HOC_USER"
    APP_USER = "APP_USER"
    EMAID = "EMAID"
    OTHER = "OTHER"
    RFID = "RFID"


class Whitelist(StrEnum):
    """Whether the operator may decide from its own copy, has to ask, or may fall back when it cannot ask."""

    ALWAYS = "ALWAYS"
    ALLOWED = "ALLOWED"
    ALLOWED_OFFLINE = "ALLOWED_OFFLINE"
    NEVER = "NEVER"


class Allowed(StrEnum):
    ALLOWED = "ALLOWED"
    BLOCKED = "BLOCKED"
    EXPIRED = "EXPIRED"
    NO_CREDIT = "NO_CREDIT"
    NOT_ALLOWED = "NOT_ALLOWED"


class EnergyContract(CanonicalModel):
    supplier_name: str
    contract_id: str | None = None


class TokenRef(CanonicalModel):
    """The token as a session and a CDR name it: the state at session start, for ever (OCPI 2.2.1 cdrs, CdrToken).

    `uid` and `type` None: the record names the contract alone (OCPI 2.1.1, auth_id).
    """

    issuer_party: PartyId
    uid: Identifier | None
    type: TokenType | None
    contract_id: Identifier


def same_token(one: TokenRef, other: TokenRef) -> bool:
    """Whether two records name one token: by uid where both have it, by contract where one has not."""
    if one.uid is not None and other.uid is not None:
        return fold(one.uid) == fold(other.uid)
    return fold(one.contract_id) == fold(other.contract_id)


class Token(CanonicalModel):
    """A card, an app account or a vehicle contract. Its key is (party, uid, type)."""

    owner: PartyId
    uid: Identifier
    type: TokenType
    contract_id: Identifier
    visual_number: str | None = None
    issuer: str
    group_id: Identifier | None = None
    valid: bool
    whitelist: Whitelist
    language: str | None = None
    default_profile_type: str | None = None
    energy_contract: EnergyContract | None = None
    last_updated: Instant
    extensions: tuple[Extension, ...] = ()

    @property
    def id(self) -> str:
        """Unique among the tokens of one party: `RFID/04AB…`."""
        return f"{self.type}/{fold(self.uid)}"

    @property
    def object_id(self) -> ObjectId:
        return ObjectId(owner=self.owner, id=self.id)

    def ref(self) -> TokenRef:
        return TokenRef(
            issuer_party=self.owner,
            uid=self.uid,
            type=self.type,
            contract_id=self.contract_id,
        )


class LocationReference(CanonicalModel):
    """Where the driver stands, for a real-time authorisation."""

    location_id: Identifier
    evse_uids: tuple[Identifier, ...] = ()
    connector_ids: tuple[Identifier, ...] = ()
    """Named by OCPI 2.1.1 only."""


class Authorization(CanonicalModel):
    """The issuer's answer to "may this token charge here, now?" (OCPI 2.2.1 tokens, AuthorizationInfo).

    `token` None: the answer does not repeat which token was asked about (OCPI 2.1.1); see `about`.
    """

    allowed: Allowed
    token: Token | None
    location: LocationReference | None = None
    authorization_reference: Identifier | None = None
    info: DisplayText | None = None
    extensions: tuple[Extension, ...] = ()

    def about(self, token: Token | None) -> "Authorization":
        """The answer with the token as its issuer repeated it, else with the one that the question was about."""
        return self if self.token is not None else self.model_copy(update={"token": token})
