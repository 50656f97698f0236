"""A second pricing engine, written apart from the first: slow, plain, in fractions, one minute at a time.

It knows nothing of charging periods. Energy flows evenly between readings, which stand at whole minutes, and
every boundary of the tariffs it is used for falls on a whole minute.
"""

from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

from canonical.session import MeterReading
from canonical.tariff import Tariff, TariffRestrictions

_DAYS = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]
_NAMES = {"ENERGY": "ENERGY", "TIME": "TIME", "PARKING_TIME": "PARKING", "FLAT": "FLAT"}


def cost(readings: list[MeterReading], tariff: Tariff, zone: str) -> tuple[Fraction, dict[str, Fraction]]:
    """Unrounded net total, and net by component."""
    used: dict[tuple[str, int, int], Fraction] = {}
    order: list[tuple[str, int, int]] = []
    began = readings[0].at
    for here, there in pairwise(readings):
        minutes = int((there.at - here.at) / timedelta(minutes=1))
        for minute in range(minutes):
            at = here.at + timedelta(minutes=minute)
            flow = Fraction(there.energy_kwh) - Fraction(here.energy_kwh)
            wanted = {"FLAT": Fraction(1), "ENERGY": flow / minutes}
            wanted["TIME" if here.state == "CHARGING" else "PARKING_TIME"] = Fraction(1, 60)
            for dimension, quantity in wanted.items():
                place = _first(tariff, dimension, at, zone, (at - began).total_seconds())
                if place is None or (dimension == "ENERGY" and not quantity):
                    continue
                key = (dimension, *place)
                used[key] = Fraction(1) if dimension == "FLAT" else used.get(key, Fraction(0)) + quantity
                if dimension != "FLAT" and _price(tariff, key):
                    order.append(key)
    _steps(used, order, tariff)
    total: dict[str, Fraction] = {}
    for key, quantity in used.items():
        name = _NAMES[key[0]]
        total[name] = total.get(name, Fraction(0)) + quantity * _price(tariff, key)
    return sum(total.values(), Fraction(0)), total


def _steps(used: dict[tuple[str, int, int], Fraction], order: list[tuple[str, int, int]], tariff: Tariff) -> None:
    energy = [key for key in order if key[0] == "ENERGY"]
    time = [key for key in order if key[0] != "ENERGY"]
    for keys, units in ((energy, 1000), (time, 3600)):
        if not keys:
            continue
        last = keys[-1]
        step = tariff.elements[last[1]].price_components[last[2]].step_size
        if not step:
            continue
        pool = {key for key in keys if key[0] == last[0]}
        total = sum((used[key] for key in pool), Fraction(0)) * units
        whole = -(-total // step) * step
        used[last] += (whole - total) / units


def _first(tariff: Tariff, dimension: str, at: datetime, zone: str, elapsed: float) -> tuple[int, int] | None:
    for e, element in enumerate(tariff.elements):
        for c, component in enumerate(element.price_components):
            if component.dimension == dimension and _open(element.restrictions, at, zone, elapsed):
                return e, c
    return None


def _open(r: TariffRestrictions | None, at: datetime, zone: str, elapsed: float) -> bool:
    if r is None:
        return True
    local = at.astimezone(ZoneInfo(zone))
    clock = local.strftime("%H:%M")
    if r.start_time or r.end_time:
        begin, end = r.start_time or "00:00", r.end_time or "24:00"
        end = "24:00" if end == "00:00" else end
        inside = begin <= clock < end if begin < end else (clock >= begin or clock < end)
        if not inside and begin != end:
            return False
    if r.days_of_week and _DAYS[local.weekday()] not in r.days_of_week:
        return False
    if r.min_duration_s is not None and elapsed < r.min_duration_s:
        return False
    return r.max_duration_s is None or elapsed < r.max_duration_s


def _price(tariff: Tariff, key: tuple[str, int, int]) -> Fraction:
    return Fraction(tariff.elements[key[1]].price_components[key[2]].price)
