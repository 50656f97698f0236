"""A CDR priced again: by its own tariffs, by the one that we hold, and from its session."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from canonical.cdr import Cdr
from canonical.model import Finding
from canonical.session import ChargingPeriod, Session, SessionStatus, Volume, VolumeDimension
from canonical.tariff import Tariff, TariffDimension
from settlement.agreement import Agreement
from settlement.calibration import MeterVerdict
from settlement.pricing.breakdown import Breakdown, Unpriceable
from settlement.repricing import reprice
from settlement.signed_samples import samples_within
from settlement.validation.costs import differences
from settlement.validation.outcome import Basis, Repricing
from settlement.validation.volumes import energy_of

_ZERO = Decimal(0)
_PRICED_TIME = (TariffDimension.TIME, TariffDimension.PARKING_TIME)


@dataclass(frozen=True)
class Priced:
    """One pricing of a CDR. `differences` are what it states otherwise. `reason` says why there is no price, or none
    to compare with, and `obstacles` what stood in its way.
    """

    basis: Basis
    breakdown: Breakdown | None
    differences: tuple[Finding, ...] = ()
    obstacles: tuple[Finding, ...] = ()
    reason: str | None = None

    def summary(self) -> Repricing:
        ours = self.breakdown
        return Repricing(
            basis=self.basis,
            before_tax=ours.net if ours else None,
            after_tax=ours.gross if ours else None,
            explains=ours is not None and not self.differences and self.reason is None,
            reason=self.reason,
        )


@dataclass(frozen=True)
class Pricing:
    """How a CDR is priced again, whatever from."""

    cdr: Cdr
    time_zone: str
    agreement: Agreement
    bare: bool
    meter: MeterVerdict | None = None

    def by(self, basis: Basis, tariffs: Sequence[Tariff]) -> Priced:
        """From the periods of the CDR, by given tariffs."""
        return self._priced(basis, self.cdr, tariffs)

    def from_session(self, session: Session | None, tariffs: Sequence[Tariff]) -> Priced:
        """From what was reported while it ran, if that is enough for a price."""
        unknown = _incomplete(session, tariffs, self.agreement.energy_tolerance_kwh)
        if session is None or session.end is None or unknown:
            return Priced(Basis.SESSION, None, reason=unknown)
        as_reported = self.cdr.model_copy(
            update={"start": session.start, "end": session.end, "charging_periods": _periods(session)}
        )
        return self._priced(Basis.SESSION, as_reported, tariffs)

    def _priced(self, basis: Basis, record: Cdr, tariffs: Sequence[Tariff]) -> Priced:
        if not tariffs:
            return Priced(basis, None, reason="there is no tariff")
        policy, discounts = self.agreement.pricing, self.agreement.discounts
        try:
            samples = samples_within(self.meter, record.start, record.end)
            ours = reprice(record, tariffs, self.time_zone, policy, discounts, samples)
        except Unpriceable as error:
            return Priced(basis, None, obstacles=error.findings, reason=str(error))
        if ours.currency != self.cdr.currency:
            return Priced(basis, ours, reason=f"the tariff is in {ours.currency}")
        found = tuple(differences(self.cdr, ours, self.agreement, bare=self.bare))
        return Priced(basis, ours, found)


def time_costs(tariffs: Sequence[Tariff]) -> bool:
    """Whether a duration is money."""
    return _ask_for(tariffs, *_PRICED_TIME)


def energy_costs(tariffs: Sequence[Tariff]) -> bool:
    """Whether energy is money."""
    return _ask_for(tariffs, TariffDimension.ENERGY)


def _ask_for(tariffs: Sequence[Tariff], *dimensions: TariffDimension) -> bool:
    return any(
        component.dimension in dimensions and component.price
        for tariff in tariffs
        for element in tariff.elements
        for component in element.price_components
    )


def _incomplete(session: Session | None, tariffs: Sequence[Tariff], tolerance_kwh: Decimal) -> str | None:
    """Why no price follows from a session; None: one does."""
    if session is None:
        return "its session is not known"
    if session.status is not SessionStatus.COMPLETED or session.end is None:
        return "its session was never reported as completed"
    if session.charging_periods:
        reported = sum((energy_of(period) or _ZERO for period in session.charging_periods), _ZERO)
        whole = abs(reported - session.energy_kwh) <= tolerance_kwh
        return None if whole else "the charging periods of its session do not sum to its energy"
    plain = not any(element.restrictions for tariff in tariffs for element in tariff.elements)
    return None if plain and not time_costs(tariffs) else "its session was reported without charging periods"


def _periods(session: Session) -> tuple[ChargingPeriod, ...]:
    if session.charging_periods:
        return session.charging_periods
    energy = Volume(dimension=VolumeDimension.ENERGY, volume=session.energy_kwh)
    return (ChargingPeriod(start=session.start, volumes=(energy,)),)
