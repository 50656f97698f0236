"""Tolerances on OCPI's DateTime, which is UTC, RFC 3339, and ends in `Z`."""

import re
from datetime import UTC, datetime

from adapters.json_writer import date_time
from adapters.rules.rule import Fault, ReadInstead, Rule


class TimestampWithoutZone(Rule):
    """No `Z`: UTC, as the text allows. Counted: many who leave it out mean local time (dialect 61)."""

    code = "tolerance.timestamp_without_zone"
    faults = frozenset({"date_time_without_zone"})

    def repair(self, fault: Fault) -> ReadInstead:
        return ReadInstead(f"{fault.value}Z")


class TimestampWithOffset(Rule):
    """`+02:00` instead of `Z`, or a lower-case `z`: the same instant in UTC (dialect 62)."""

    code = "tolerance.timestamp_with_offset"
    faults = frozenset({"date_time_with_offset"})

    def repair(self, fault: Fault) -> ReadInstead | None:
        text = re.sub(r"(\.\d{6})\d+", r"\1", str(fault.value).upper())
        try:
            instant = datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):  # the first and the last day of all calendars are not there in UTC
            return None
        return ReadInstead(date_time(instant))
