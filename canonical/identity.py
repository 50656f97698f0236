"""Who is who: parties, roles, and the references by which objects of different parties meet."""

from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import StringConstraints

from canonical.model import CanonicalModel, Identifier, fold

UNKNOWN_ID: Final = "#NA"
"""In place of a required id or word that cannot be known (OCPI 2.2.1 cdrs, CdrLocation; since 2.2)."""

CountryCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2}$")]
"""ISO 3166-1 alpha-2, as its owner spelt it."""

PartyCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]{1,3}$")]
"""The three characters after the country in an operator or provider id (ISO 15118-2)."""


class Role(StrEnum):
    """What a party does in roaming (OCPI 2.2.1 types, Role)."""

    CPO = "CPO"
    EMSP = "EMSP"
    HUB = "HUB"
    NAP = "NAP"
    NSP = "NSP"
    OTHER = "OTHER"
    SCSP = "SCSP"


class PartyId(CanonicalModel):
    """A party: country and code. Two spellings that differ in case alone are the same party."""

    country_code: CountryCode
    party_id: PartyCode

    @property
    def key(self) -> str:
        """Folded `DE*ABC`: the form to compare, to index and to print."""
        return f"{fold(self.country_code)}*{fold(self.party_id)}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `DE*ABC`, `DE-ABC` or `DEABC`. Raises ValueError when it is none of them."""
        compact = text.strip().replace("*", "").replace("-", "")
        return cls(country_code=compact[:2], party_id=compact[2:])

    def __str__(self) -> str:
        return self.key


class BusinessRole(CanonicalModel):
    """A party in a role, under a name that people know (OCPI 2.2.1 credentials, CredentialsRole)."""

    party: PartyId
    role: Role
    business_name: str
    website: str | None = None


class ObjectId(CanonicalModel):
    """The full name of an object that one party owns: `DE*ABC/LOC1`."""

    owner: PartyId
    id: Identifier

    @property
    def key(self) -> str:
        return f"{self.owner.key}/{fold(self.id)}"

    @classmethod
    def parse(cls, key: str) -> Self:
        """Read a key back. Raises ValueError when it is none."""
        owner, _, id_ = key.partition("/")
        return cls(owner=PartyId.parse(owner), id=id_)

    def __str__(self) -> str:
        return self.key
