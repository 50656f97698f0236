"""Why a price applies, in a few words: `element 2 of 5: Mon-Fri 08:00-18:00`."""

from collections.abc import Iterator

from canonical.tariff import ReservationRestriction, Tariff, TariffRestrictions, Weekday

_WEEKDAYS = tuple(Weekday)


def reason(tariff: Tariff, element: int) -> str:
    """Which element, by its place from 1, and which of its restrictions held."""
    restrictions = tariff.elements[element].restrictions
    held = ", ".join(_in_words(restrictions)) if restrictions else ""
    return f"element {element + 1} of {len(tariff.elements)}: {held or 'always'}"


def _in_words(r: TariffRestrictions) -> Iterator[str]:
    if r.reservation is ReservationRestriction.RESERVATION:
        yield "reserved"
    if r.reservation is ReservationRestriction.RESERVATION_EXPIRES:
        yield "reserved and not used"
    day_and_time = " ".join(part for part in (_days(r.days_of_week), _clocks(r)) if part)
    if day_and_time:
        yield day_and_time
    if r.start_date:
        yield f"from {r.start_date}"
    if r.end_date:
        yield f"before {r.end_date}"
    yield from _range("kWh", r.min_kwh, r.max_kwh)
    yield from _range("kW", r.min_power_kw, r.max_power_kw)
    yield from _range("A", r.min_current_a, r.max_current_a)
    yield from _range("min of the session", _minutes(r.min_duration_s), _minutes(r.max_duration_s))


def _clocks(r: TariffRestrictions) -> str:
    if not r.start_time and not r.end_time:
        return ""
    begin, end = r.start_time or "00:00", r.end_time or "24:00"
    return f"{begin}-{'24:00' if end == '00:00' else end}"


def _days(days: tuple[Weekday, ...]) -> str:
    """`Mon-Fri`, or `Mon, Wed, Sat-Sun`."""
    places = sorted({_WEEKDAYS.index(day) for day in days})
    runs: list[list[int]] = []
    for place in places:
        if runs and runs[-1][-1] == place - 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    return ", ".join(_day(run[0]) if len(run) == 1 else f"{_day(run[0])}-{_day(run[-1])}" for run in runs)


def _day(place: int) -> str:
    return _WEEKDAYS[place].value[:3].title()


def _minutes(seconds: int | None) -> str | None:
    if seconds is None:
        return None
    whole, rest = divmod(seconds, 60)
    return f"{whole}:{rest:02}" if rest else str(whole)


def _range(unit: str, lower: object, upper: object) -> Iterator[str]:
    if lower is not None and upper is not None:
        yield f"from {lower} to below {upper} {unit}"
    elif lower is not None:
        yield f"from {lower} {unit}"
    elif upper is not None:
        yield f"below {upper} {unit}"
