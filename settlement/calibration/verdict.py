"""What signed meter data is worth: the verdict on its signatures, and whether its energy may be billed."""

from decimal import Decimal

from canonical.cdr import MeterLink, Sha256
from canonical.model import CanonicalModel, Finding, Instant, Number
from settlement.calibration.signature import SignatureVerdict

_HOLDS = (SignatureVerdict.VALID, SignatureVerdict.VALID_LENIENT)


class SignedSample(CanonicalModel):
    """A signed reading of the session: kWh since its begin."""

    at: Instant
    kwh: Number


class MeterVerdict(CanonicalModel):
    """Two verdicts that do not imply each other: does the signature hold, and may the energy be billed?

    Readings are in kWh, of the register that is billed; digests are of the records as they were received.
    """

    signature: SignatureVerdict
    reason: str
    meter: str | None = None
    register_code: str | None = None
    begin_kwh: Number | None = None
    end_kwh: Number | None = None
    begin_at: Instant | None = None
    end_at: Instant | None = None
    begin_sha256: Sha256 | None = None
    end_sha256: Sha256 | None = None
    samples: tuple[SignedSample, ...] = ()
    """All signed readings of the register whose instant is known, in the order of time."""
    findings: tuple[Finding, ...] = ()

    @property
    def energy_kwh(self) -> Decimal | None:
        """The energy between begin and end; None unless both are there."""
        return None if self.begin_kwh is None or self.end_kwh is None else self.end_kwh - self.begin_kwh

    @property
    def proves(self) -> bool:
        """Whether the signatures hold, strictly or leniently."""
        return self.signature in _HOLDS

    @property
    def billable(self) -> bool:
        """Whether the energy is proved by whole, well, and unbroken records of one session."""
        return self.proves and self.energy_kwh is not None and not any(found.blocks for found in self.findings)

    def link(self) -> MeterLink | None:
        """What ties an energy line to the records; None when they do not hold both readings."""
        if self.begin_kwh is None or self.end_kwh is None:
            return None
        if self.begin_sha256 is None or self.end_sha256 is None:
            return None
        return MeterLink(
            begin_sha256=self.begin_sha256,
            end_sha256=self.end_sha256,
            begin_kwh=self.begin_kwh,
            end_kwh=self.end_kwh,
            verdict=self.signature,
            verdict_reason=self.reason,
        )
