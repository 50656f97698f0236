"""What activities work with, handed down once by the composition root."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from adapters.registry import Registry
from adapters.transport.http import PartnerHttp
from canonical.identity import BusinessRole, PartyId, Role
from canonical.partner import Side
from canonical.store import RetentionPolicy, SessionPatience, Store
from canonical.store.log import SigningKey
from settlement.pricing.policy import PricingPolicy
from settlement.vat import VatTreatment


@dataclass(frozen=True)
class Us:
    """Our own party, as partners see it. `public_url` is the base of every address that we give out."""

    party: PartyId
    business_name: str
    sides: frozenset[Side]
    public_url: str

    @property
    def versions_url(self) -> str:
        return f"{self.public_url.rstrip('/')}/ocpi/versions"

    def roles_on(self, sides: Iterable[Side]) -> tuple[BusinessRole, ...]:
        """How we present ourselves on a connection on which we play `sides`."""
        return tuple(
            BusinessRole(party=self.party, role=Role(side.value), business_name=self.business_name) for side in sides
        )


@dataclass(frozen=True)
class SettlementTerms:
    """What finance has agreed: the zone in which a month begins, the tolerance per amount, VAT treatment."""

    time_zone: ZoneInfo
    tolerance: Decimal
    vat: VatTreatment


@dataclass(frozen=True)
class Resources:
    store: Store
    registry: Registry
    http: PartnerHttp
    us: Us
    policy: PricingPolicy
    terms: SettlementTerms
    clock: Callable[[], datetime]
    page_limit: int = 100
    log_key: SigningKey | None = None
    """Signs the log of financial records. None: this process does not extend it."""
    retention: RetentionPolicy = field(default_factory=RetentionPolicy)
    """How long what is kept."""
    session_patience: SessionPatience = field(default_factory=SessionPatience)
    """How long a session may be silent, and how long it may last."""
    renew_tokens_after: timedelta | None = None
    """How old the tokens of a connection may grow before we renew them. None: we do not, unless we are told to."""
    meter_keys: tuple[tuple[str, str], ...] = ()
    """Registered public keys: (meter id, key hex). A key counts only when it is registered here."""

    def meter_key(self, meter_id: str | None) -> str | None:
        return next((key for meter, key in self.meter_keys if meter == meter_id), None)
