"""Can so much energy have flowed, and do those who state it agree?"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from canonical.cdr import Cdr
from canonical.model import Finding
from canonical.session import ChargingPeriod, VolumeDimension, is_mere_reservation
from settlement.rounding import round_to
from settlement.validation.findings import blocking, differs, noted

_ZERO = Decimal(0)
_AC_KW, _DC_KW = Decimal(87), Decimal(1000)
"""About the most that a socket gives: 3 phases of 125 A, and a large fast charger."""

_BY_FAR = 10
"""So many times the most is no large charger, but another unit."""

_SHORTEST = timedelta(minutes=5)
"""What a shorter session says of its power is noise."""


def own_volumes(cdr: Cdr, tolerance_kwh: Decimal, *, energy_costs: bool) -> Iterator[Finding]:
    """What the volumes of a CDR say against each other, and against what can be. What is left out matters where
    `energy_costs`.
    """
    negative = next(
        (
            f"charging_periods[{number}]"
            for number, period in enumerate(cdr.charging_periods)
            for volume in period.volumes
            if volume.volume < 0
        ),
        "total_energy" if cdr.total_energy_kwh < 0 or cdr.total_time_h < 0 else None,
    )
    if negative:
        yield blocking("cdr.negative_volume", "a quantity is below zero", negative)
    yield from _energy_of_periods(cdr, tolerance_kwh, energy_costs=energy_costs)
    yield from _power(cdr)
    if not cdr.total_energy_kwh and not is_mere_reservation(cdr.charging_periods):
        yield noted("cdr.zero_session", "no energy was delivered", "total_energy")


def wrong_unit(cdr: Cdr, others: Mapping[str, Decimal | None]) -> Iterator[Finding]:
    """Whether one side counts in kWh and the other in Wh: `others` state the same energy, by who they are."""
    for who, kwh in others.items():
        if kwh is not None and _thousandfold(kwh, cdr.total_energy_kwh):
            message = f"{who} and the total energy are a factor of 1000 apart: kWh and Wh"
            yield differs("cdr.energy_factor_1000", message, "total_energy", kwh, cdr.total_energy_kwh)
            return
    if _average_kw(cdr) > _BY_FAR * _most_kw(cdr):
        yield blocking(
            "cdr.energy_factor_1000", "so much cannot flow in the time: Wh are stated as kWh", "total_energy"
        )


def energy_of(period: ChargingPeriod) -> Decimal | None:
    """What flowed into the vehicle in one period, in kWh; None: it does not say."""
    energy = period.volume(VolumeDimension.ENERGY)
    return period.volume(VolumeDimension.ENERGY_IMPORT) if energy is None else energy


def energy_of_periods(cdr: Cdr) -> Decimal:
    """The sum of what the charging periods state, in kWh."""
    return sum(_energies(cdr), _ZERO)


def _energies(cdr: Cdr) -> list[Decimal]:
    return [kwh for period in cdr.charging_periods if (kwh := energy_of(period)) is not None]


def _energy_of_periods(cdr: Cdr, tolerance_kwh: Decimal, *, energy_costs: bool) -> Iterator[Finding]:
    energy = energy_of_periods(cdr)
    if abs(energy - cdr.total_energy_kwh) <= tolerance_kwh:
        return
    if not _energies(cdr):
        message = "no charging period says how much of the energy flowed in it"
        yield Finding(code="cdr.energy_not_in_periods", message=message, where="charging_periods", blocks=energy_costs)
        return
    yield differs(
        "cdr.energy_not_sum",
        "the charging periods do not sum to the total energy",
        "total_energy",
        energy,
        cdr.total_energy_kwh,
    )
    stated = _energies(cdr)
    growing = all(one <= other for one, other in pairwise(stated))
    if len(stated) > 1 and growing and abs(stated[-1] - cdr.total_energy_kwh) <= tolerance_kwh:
        message = "the charging periods seem to state meter readings, not what flowed in each"
        yield blocking("cdr.energy_cumulative", message, "charging_periods")


def _power(cdr: Cdr) -> Iterator[Finding]:
    average, most = _average_kw(cdr), _most_kw(cdr)
    if most < average <= _BY_FAR * most:
        yield differs(
            "cdr.power_implausible",
            "the energy over the time is more power than such a connector has, in kW",
            "total_energy",
            most,
            round_to(Fraction(average), 1),
            blocks=False,
        )


def _average_kw(cdr: Cdr) -> Decimal:
    lasted = max(cdr.end - cdr.start, _SHORTEST)
    return cdr.total_energy_kwh * 3_600_000_000 / Decimal(lasted // timedelta(microseconds=1))


def _most_kw(cdr: Cdr) -> Decimal:
    return _AC_KW if cdr.charge_point.connector_power_type.upper().startswith("AC") else _DC_KW


def _thousandfold(one: Decimal, other: Decimal) -> bool:
    """Whether two energies are a factor of 1000 apart, give or take a hundredth."""
    small, large = sorted((abs(one), abs(other)))
    return small > 0 and abs(large / small - 1000) <= 10
