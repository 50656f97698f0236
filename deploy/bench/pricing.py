"""One run of the pricing engine on one core: generated CDRs of each kind, and `json.loads` of the same CDRs in turns.

Everything is generated as it is needed and forgotten at once, so that memory that grows is the engine's.
"""

import json
import resource
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from adapters.contract import Adapter
from adapters.registry import build_registry
from canonical.cdr import Cdr
from canonical.session import ChargingPeriod, Volume, VolumeDimension
from canonical.tariff import (
    PriceComponent,
    Tariff,
    TariffDimension,
    TariffElement,
    TariffRestrictions,
    Weekday,
)
from deploy.bench import data
from settlement.pricing import DEFAULT_POLICY, Charge, Pricer
from settlement.pricing.trusted import trusted

_ZONE: Final = "Europe/Berlin"
_WORKDAYS: Final = tuple(Weekday)[:5]
_WEEKEND: Final = tuple(Weekday)[5:]
_TARIFF_ID: Final = "T1"


@dataclass(frozen=True)
class Plan:
    """How many CDRs of a kind; `mixed` of the realistic mix, over which memory is watched."""

    single: int
    many: int
    mixed: int
    read: int
    batch: int = 200

    @classmethod
    def full(cls) -> "Plan":
        return cls(single=100_000, many=20_000, mixed=1_000_000, read=5_000)

    @classmethod
    def quick(cls) -> "Plan":
        """Only whether it runs: the numbers mean nothing."""
        return cls(single=400, many=100, mixed=400, read=50, batch=50)


@dataclass(frozen=True)
class Kind:
    """A tariff, and how many charging periods the CDRs have that are priced by it."""

    name: str
    tariff: Tariff
    least: int
    most: int
    target: int | None = None

    def periods(self, number: int) -> int:
        return self.least + number * 7 % (self.most - self.least + 1)


FLAT: Final = "flat energy, 1 to 3 periods"
ENERGY_AND_TIME: Final = "energy and time, 1 to 12 periods"
DAY_AND_NIGHT: Final = "24 elements, 60 periods"
MIX: Final = "mix of the three, 1 to 60 periods"
FROM_BYTES: Final = "flat energy, from bytes"
NAMES: Final = (FLAT, ENERGY_AND_TIME, DAY_AND_NIGHT, MIX, FROM_BYTES)


def measure(plan: Plan, say: Callable[[str], None]) -> dict[str, object]:
    """Run it all, kind after kind."""
    flat, both, day_and_night = _kinds()
    mix = [flat] * 6 + [both] * 3 + [replace(day_and_night, least=1)]
    runs = [
        (flat, [flat], plan.single),
        (both, [both], plan.single),
        (day_and_night, [day_and_night], plan.many),
        (Kind(MIX, flat.tariff, 1, 60), mix, plan.mixed),
    ]
    found = []
    for named, kinds, count in runs:
        say(f"{named.name}: {count} CDRs")
        found.append(_priced(named, kinds, count, plan.batch))
    say(f"{FROM_BYTES}: {plan.read} CDRs")
    found.append(_read_and_priced(flat, plan.read, plan.batch))
    return {"cores": 1, "clock": "CPU time of the process", "measured": found}


def _priced(named: Kind, kinds: Sequence[Kind], count: int, batch: int) -> dict[str, object]:
    """Price `count` charges of `kinds` in turn, by a pricer each that is prepared once."""
    prepared = {kind.name: Pricer(kind.tariff, DEFAULT_POLICY) for kind in kinds}
    pricers = [prepared[kind.name] for kind in kinds]
    frame = _Frame()
    ours, plain = _Clock(), _Clock()
    memory: list[int] = []
    for numbers in _batches(count, batch):
        charges = [(pricers[n % len(kinds)], _charge(kinds[n % len(kinds)], n)) for n in numbers]
        documents = [frame.around(charge.periods, n) for n, (_, charge) in zip(numbers, charges, strict=True)]
        with ours.over(len(charges)):
            for pricer, charge in charges:
                pricer.price(charge)
        with plain.over(len(documents)):
            for document in documents:
                json.loads(document)
        memory.append(_peak_kib())
    return _told(named, ours, plain, memory)


def _read_and_priced(kind: Kind, count: int, batch: int) -> dict[str, object]:
    """What a CDR takes that has just arrived: read by an adapter into the canonical model, and priced."""
    pricer, frame, adapter = Pricer(kind.tariff, DEFAULT_POLICY), _Frame(), _adapter()
    ours, plain = _Clock(), _Clock()
    memory: list[int] = []
    for numbers in _batches(count, batch):
        documents = [frame.around(_charge(kind, n).periods, n) for n in numbers]
        with ours.over(len(documents)):
            for document in documents:
                pricer.price(_charge_of(adapter.read(Cdr, document).value))
        with plain.over(len(documents)):
            for document in documents:
                json.loads(document)
        memory.append(_peak_kib())
    return _told(Kind(FROM_BYTES, kind.tariff, kind.least, kind.most), ours, plain, memory)


def _batches(count: int, batch: int) -> Iterator[range]:
    return (range(first, min(first + batch, count)) for first in range(0, count, batch))


class _Clock:
    """CPU time over all batches."""

    def __init__(self) -> None:
        self._began = 0.0
        self._batch = 0
        self._each: list[float] = []

    def over(self, count: int) -> "_Clock":
        self._batch = count
        return self

    def __enter__(self) -> None:
        self._began = time.process_time()

    def __exit__(self, *_: object) -> None:
        self._each.append((time.process_time() - self._began) / self._batch)

    @property
    def microseconds(self) -> float:
        """Of one CDR, median of the batches."""
        return statistics.median(self._each) * 1_000_000


def _told(kind: Kind, ours: _Clock, plain: _Clock, memory: Sequence[int]) -> dict[str, object]:
    return {
        "name": kind.name,
        "per_second": round(1_000_000 / ours.microseconds),
        "target": kind.target,
        "microseconds": round(ours.microseconds, 1),
        "json_per_second": round(1_000_000 / plain.microseconds),
        "times_json": round(ours.microseconds / plain.microseconds, 2),
        "memory_growth_kib": memory[-1] - memory[min(_WARM, len(memory) - 1)],
    }


_WARM: Final = 10
"""Batches after which everything is loaded and remembered that will be."""


def _peak_kib() -> int:
    """The most memory that the process has ever had, as Linux counts it."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _kinds() -> tuple[Kind, Kind, Kind]:
    flat = [_element({TariffDimension.ENERGY: "0.49"})]
    both = [
        _element({TariffDimension.FLAT: "0.35", TariffDimension.ENERGY: "0.39"}),
        _element({TariffDimension.TIME: "0.60", TariffDimension.PARKING_TIME: "6.00"}),
    ]
    windows = [(days, hour) for days in (_WORKDAYS, _WEEKEND) for hour in range(0, 24, 2)]
    day_and_night = [
        _element(
            {TariffDimension.ENERGY: f"0.{29 + number}", TariffDimension.TIME: f"0.{10 + number}"},
            TariffRestrictions(start_time=f"{hour:02}:00", end_time=f"{(hour + 2) % 24:02}:00", days_of_week=days),
        )
        for number, (days, hour) in enumerate(windows)
    ]
    return (
        Kind(FLAT, _tariff(flat), 1, 3, target=10_000),
        Kind(ENERGY_AND_TIME, _tariff(both), 1, 12),
        Kind(DAY_AND_NIGHT, _tariff(day_and_night), 60, 60, target=1_500),
    )


def _element(prices: dict[TariffDimension, str], restrictions: TariffRestrictions | None = None) -> TariffElement:
    components = tuple(
        PriceComponent(dimension=dimension, price=Decimal(price), vat_percent=Decimal(19), step_size=1)
        for dimension, price in prices.items()
    )
    return TariffElement(price_components=components, restrictions=restrictions)


def _tariff(elements: Sequence[TariffElement]) -> Tariff:
    return Tariff(owner=data.OPERATOR, id=_TARIFF_ID, currency="EUR", elements=tuple(elements), last_updated=data.BEGAN)


def _charge(kind: Kind, number: int) -> Charge:
    """A session at any time of the year. Quarters of an hour, so that no price changes within a charging period, as
    OCPI wants it; the vehicle parks in the last one of several.
    """
    start = _YEAR + timedelta(minutes=15 * (number * 41 % 34_000))
    count = kind.periods(number)
    starts = [start + timedelta(minutes=15 * n) for n in range(count + 1)]
    periods = [_period(at, number + n, parked=bool(n) and n == count - 1) for n, at in enumerate(starts[:-1])]
    # Generating must not take longer than what is measured.
    return trusted(Charge, start=start, end=starts[-1], periods=tuple(periods), time_zone=_ZONE)


_YEAR: Final = datetime(2026, 1, 1, tzinfo=UTC)
_CHARGED: Final = Volume(dimension=VolumeDimension.TIME, volume=Decimal("0.25"))
_PARKED: Final = (Volume(dimension=VolumeDimension.PARKING_TIME, volume=Decimal("0.25")),)


def _period(start: datetime, number: int, *, parked: bool) -> ChargingPeriod:
    if parked:
        return trusted(ChargingPeriod, start=start, volumes=_PARKED, tariff_id=_TARIFF_ID)
    kwh = Decimal(number % 90_000 + 1).scaleb(-4)
    energy = trusted(Volume, dimension=VolumeDimension.ENERGY, volume=kwh)
    return trusted(ChargingPeriod, start=start, volumes=(energy, _CHARGED), tariff_id=_TARIFF_ID)


def _charge_of(cdr: Cdr) -> Charge:
    return Charge(start=cdr.start, end=cdr.end, periods=cdr.charging_periods, time_zone=_ZONE)


class _Frame:
    """A CDR as a partner sends it, but for its charging periods: these are written into it one by one."""

    def __init__(self) -> None:
        document = json.loads(_adapter().write(data.cdr(0)))
        document["charging_periods"] = ["…"]
        self._before, self._after = json.dumps(document, ensure_ascii=False).split('"…"')
        self._times = [f'"{document[name]}"' for name in ("start_date_time", "end_date_time")]

    def around(self, periods: Sequence[ChargingPeriod], number: int) -> bytes:
        end = periods[-1].start + timedelta(minutes=15)
        before = self._before.replace(self._times[0], _json(periods[0].start), 1)
        before = before.replace(self._times[1], _json(end), 1).replace("CDR000000000", f"CDR{number:09d}")
        return (before + ",".join(_written(periods)) + self._after).encode()


def _written(periods: Sequence[ChargingPeriod]) -> Iterator[str]:
    for period in periods:
        dimensions = ",".join(f'{{"type":"{v.dimension}","volume":{v.volume:f}}}' for v in period.volumes)
        yield (
            f'{{"start_date_time":{_json(period.start)},"dimensions":[{dimensions}],"tariff_id":"{period.tariff_id}"}}'
        )


def _json(instant: datetime) -> str:
    return f'"{instant:%Y-%m-%dT%H:%M:%SZ}"'


def _adapter() -> Adapter:
    return next(adapter for adapter in build_registry(None).adapters() if adapter.routed)
