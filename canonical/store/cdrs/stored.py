"""A CDR as it is kept, where it stands, and what happened to it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from canonical.cdr import Cdr, CdrDossier
from canonical.store.documents import sha256_of
from canonical.store.sealing import ERASED


class CdrState(StrEnum):
    """Where a CDR stands: what its newest event says."""

    GENERATED = "GENERATED"
    DELIVERED = "DELIVERED"
    RECEIVED = "RECEIVED"
    ACCEPTED = "ACCEPTED"
    QUARANTINED = "QUARANTINED"
    DISPUTED = "DISPUTED"
    INVOICED = "INVOICED"
    SETTLED = "SETTLED"
    CREDITED = "CREDITED"
    """Of ours: taken back by a credit CDR."""
    UNDELIVERABLE = "UNDELIVERABLE"
    ABANDONED = "ABANDONED"
    """Of ours: a person has decided that it is settled without being delivered."""
    REPLACED = "REPLACED"
    """Of ours: its partner never took it, and another one was made of its session."""


class AddOutcome(StrEnum):
    """ADDED it is new; SAME the same CDR is stored; CONFLICT another CDR is stored under its id, and stays."""

    ADDED = "ADDED"
    SAME = "SAME"
    CONFLICT = "CONFLICT"


@dataclass(frozen=True)
class StoredCdr:
    """A CDR as it is kept. `sha256` is the digest of the CDR, `reference` an unguessable name for its URL."""

    dossier: CdrDossier
    connection_id: str
    ours: bool
    sha256: str
    state: CdrState
    recorded_at: datetime
    reference: str
    evidence_id: int | None = None

    def holds(self, cdr: Cdr) -> bool:
        """Whether it says the same as the CDR that is kept, also where a number is spelt otherwise: `12.0` is `12`.

        What was erased with its driver cannot be told from anything else.
        """
        if not self.sha256.startswith(ERASED):
            return self.sha256 == sha256_of(cdr) or self.dossier.cdr == cdr
        return _same_but_erased(self.dossier.cdr.model_dump(mode="json"), cdr.model_dump(mode="json"))


@dataclass(frozen=True)
class CdrEvent:
    """Something that happened to a CDR, in words."""

    state: CdrState
    text: str
    at: datetime


def _same_but_erased(kept: object, given: object) -> bool:
    """Two documents, of which the first one has pseudonyms where it was erased."""
    match kept, given:
        case dict(), dict():
            return kept.keys() == given.keys() and all(_same_but_erased(kept[name], given[name]) for name in kept)
        case list(), list():
            return len(kept) == len(given) and all(map(_same_but_erased, kept, given))
        case str(), str():
            return kept == given or kept.lstrip('"').startswith(ERASED)
        case _:
            return kept == given
