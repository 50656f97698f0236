"""What is known about one partner's way of speaking OCPI, as data."""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from adapters.contract import AskAgain
from adapters.json_reader import JsonLimits
from adapters.rules.rule import Rule
from canonical.model import Finding


class TokenSpelling(StrEnum):
    """How a token stands in the Authorization header (dialect 1)."""

    BASE64 = "base64"
    RAW = "raw"


@dataclass(frozen=True)
class AlsoNamed:
    """A field that a partner reads under another name than its version has: it is written under both."""

    family: str
    field: str
    name: str


@dataclass(frozen=True)
class RemarkMark:
    """A sign at the beginning of a CDR's remark by which a partner says who priced it (dialect 94)."""

    sign: str
    meaning: Finding


@dataclass(frozen=True)
class PartnerProfile:
    """The deviations of one partner. `parties` are the ids (`DE*ABC`) by which the registry knows it.

    `reading` and `writing` are the rules that are on, in order of preference; `since` is the day from which
    the profile is known to describe the partner.
    """

    name: str
    since: date
    parties: frozenset[str] = frozenset()
    versions: frozenset[str] | None = None
    """Versions to use with this partner; None: every one that both sides have."""
    reading: tuple[Rule, ...] = ()
    writing: tuple[Rule, ...] = ()
    also_named: tuple[AlsoNamed, ...] = ()
    remark_marks: tuple[RemarkMark, ...] = ()
    allow_bom: bool = False
    token_spelling: TokenSpelling | None = None
    """None: as the version itself says."""
    asks_again: tuple[AskAgain, ...] = tuple(AskAgain)
    """Ways to mend a lost answer to our credentials, in the order in which they are tried with this partner."""
    limits: JsonLimits = field(default_factory=JsonLimits)
