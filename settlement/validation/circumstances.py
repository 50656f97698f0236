"""What is known about a CDR beside what it says itself."""

from canonical.cdr import Cdr
from canonical.identity import PartyId
from canonical.model import CanonicalModel, Instant
from canonical.token import Token


class OtherCdr(CanonicalModel):
    """Another CDR of the same sender, with the session that it is known to belong to."""

    cdr: Cdr
    session_id: str | None = None


class Payer(CanonicalModel):
    """Who is asked to pay, and the token as its issuer has it now; None: it has no such token."""

    party: PartyId
    token: Token | None = None


class Kin(CanonicalModel):
    """The other CDRs that bear on one.

    `earlier` came before it and may be over the same: its session, its authorisation, its EVSE at its time, or the CDR
    that it credits. `credits` are over one of these, whenever they came. `original` is what it credits itself.
    """

    session_id: str | None = None
    """The session of the CDR, as far as it is known, also where the CDR names none."""
    earlier: tuple[OtherCdr, ...] = ()
    credits: tuple[Cdr, ...] = ()
    original: Cdr | None = None
    original_waits: bool = False
    """Whether what it credits is in quarantine by its own check."""


class Circumstances(CanonicalModel):
    """What is known about a CDR beside what it says itself. What is not given is not checked."""

    received_at: Instant | None = None
    bare_amounts: bool = False
    """The version it came in has no word for tax (OCPI 2.1.1): what its amounts are, the agreement says."""
    registered_key: str | None = None
    """Public key of its meter, as it is registered here."""
    kin: Kin | None = None
    payer: Payer | None = None
    published: bool = False
    """Whether the tariff was looked for among those that the sender published."""
