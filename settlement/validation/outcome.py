"""What a check comes to."""

from enum import StrEnum
from types import MappingProxyType

from canonical.cdr import CostLine
from canonical.model import CanonicalModel, Finding, Number


class Outcome(StrEnum):
    """What may be done with a received CDR."""

    ACCEPTED = "ACCEPTED"
    ACCEPTED_WITH_FINDINGS = "ACCEPTED_WITH_FINDINGS"
    """It may be paid; something about it should be seen."""
    QUARANTINED = "QUARANTINED"
    """It waits for a person."""


class Basis(StrEnum):
    """What a CDR is priced from again."""

    OWN = "OWN"
    """Its own periods, by the tariffs that came with it."""
    HELD = "HELD"
    """Its own periods, by the tariff that was published to us and in force when the session began."""
    SESSION = "SESSION"
    """The periods of the session as it was reported to us while it ran."""


_WORDS = MappingProxyType(
    {
        Basis.OWN: "its own tariff",
        Basis.HELD: "the tariff that we hold",
        Basis.SESSION: "its session as it was reported",
    }
)
_TOLD, _LONGEST = 20, 300
"""So many findings, and so much of each, are told in words; the rest is in the findings themselves."""


class Repricing(CanonicalModel):
    """One pricing of our own. Without a price (`before_tax` None) `reason` says why there is none."""

    basis: Basis
    before_tax: Number | None = None
    after_tax: Number | None = None
    explains: bool = False
    """Whether every amount that the CDR states follows from it."""
    reason: str | None = None


class Validation(CanonicalModel):
    """`lines` are our own pricing of the CDR; empty when it could not be priced. `agreement` names the terms."""

    findings: tuple[Finding, ...]
    lines: tuple[CostLine, ...]
    repricings: tuple[Repricing, ...] = ()
    agreement: str | None = None

    @property
    def outcome(self) -> Outcome:
        if any(finding.blocks for finding in self.findings):
            return Outcome.QUARANTINED
        return Outcome.ACCEPTED_WITH_FINDINGS if self.findings else Outcome.ACCEPTED

    @property
    def quarantine(self) -> bool:
        return self.outcome is Outcome.QUARANTINED

    @property
    def explained_by(self) -> tuple[Basis, ...]:
        """From what the stated amounts follow."""
        return tuple(repricing.basis for repricing in self.repricings if repricing.explains)

    @property
    def text(self) -> str:
        """For the people who read events and cases: what blocks comes first."""
        source = ", ".join(_WORDS[basis] for basis in self.explained_by) or "nothing that we have"
        found = sorted(self.findings, key=lambda finding: not finding.blocks)
        told = [f"{f.code}: {_cut(f.message)}" for f in found[:_TOLD]]
        if len(found) > _TOLD:
            told.append(f"and {len(found) - _TOLD} more")
        return "; ".join((f"priced again, the amounts follow from {source}", *told))


def _cut(message: str) -> str:
    return message if len(message) <= _LONGEST else f"{message[:_LONGEST]}…"
