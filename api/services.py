"""What the faces need, built by the composition root and handed down."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import SecretStr

from adapters.registry import Registry
from canonical.identity import BusinessRole, PartyId, Role
from canonical.partner import Side
from canonical.store import Store
from settlement.pricing.policy import DEFAULT_POLICY, PricingPolicy
from workflows.contract import CannotTell, Intervention, NotRunning, RegistrationFailed, Signals

__all__ = ["CannotTell", "Intervention", "NotRunning", "RegistrationFailed", "Services", "Signals"]


@dataclass(frozen=True)
class Services:
    """One deployment: one party, with one or both sides of roaming.

    `public_url` is the base of every address that partners see, without a slash at its end.
    """

    store: Store
    signals: Signals
    registry: Registry
    our_party: PartyId
    business_name: str
    sides: frozenset[Side]
    public_url: str
    contract_keys: tuple[SecretStr, ...] = field(repr=False)
    clock: Callable[[], datetime]
    registration_token_life: timedelta = timedelta(days=30)
    """How long a partner may register with the token that it was given for it."""
    command_timeout_s: int = 30
    """How long our charging backend has for the result of a partner's command. Partners are told."""
    readings_told_within: timedelta = timedelta(seconds=10)
    """How long a reading of a session may wait until its partner is told of it: of several, the last one is."""
    guard_url: Callable[[str], object] = str
    """Raises UnsafeUrl for an address that must not be called, as far as its text tells."""
    policy: PricingPolicy = DEFAULT_POLICY
    """By which a running session's cost so far is computed: the same as its CDR's."""

    @property
    def versions_url(self) -> str:
        """The address that a partner is given to begin with."""
        return f"{self.public_url.rstrip('/')}/ocpi/versions"

    def expiry_of(self, issued_at: datetime) -> datetime:
        """From when on a registration token is refused."""
        return issued_at + self.registration_token_life

    def roles_on(self, sides: Iterable[Side]) -> tuple[BusinessRole, ...]:
        """How we present ourselves on a connection on which we play `sides`."""
        return tuple(
            BusinessRole(party=self.our_party, role=Role(side.value), business_name=self.business_name)
            for side in sides
        )
