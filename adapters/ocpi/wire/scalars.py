"""OCPI's numbers, booleans and instants (2.2.1 types), taken from JSON without any coercion."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from adapters.ocpi.wire.fault import WireType, fault

_USUAL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")
_DATE_TIME = re.compile(r"(?P<whole>\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?P<fraction>\.\d{1,9})?(?P<zone>.*)")


@dataclass(frozen=True)
class Number(WireType):
    """A JSON number, as the decimal that it was written as; optionally within bounds."""

    least: int | None = None
    most: int | None = None

    def check(self, value: object) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise fault("number_type", "must be a number")
        number = Decimal(value)
        if (self.least is not None and number < self.least) or (self.most is not None and number > self.most):
            raise fault("number_out_of_range", f"must be from {self.least} to {self.most}")
        return number


@dataclass(frozen=True)
class Whole(WireType):
    """A JSON number without a fraction, not negative unless said otherwise."""

    least: int = 0
    most: int = 2**31 - 1

    def check(self, value: object) -> int:
        if isinstance(value, Decimal):
            raise fault("whole_fraction", "must be a whole number")
        if isinstance(value, bool) or not isinstance(value, int):
            raise fault("whole_type", "must be a whole number")
        if not self.least <= value <= self.most:
            raise fault("number_out_of_range", f"must be from {self.least} to {self.most}")
        return value


@dataclass(frozen=True)
class Boolean(WireType):
    def check(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise fault("boolean_type", "must be true or false")
        return value


@dataclass(frozen=True)
class DateTime(WireType):
    """UTC, RFC 3339, ending in `Z`. Digits beyond the microsecond are dropped."""

    def check(self, value: object) -> datetime:
        if not isinstance(value, str):
            raise fault("date_time_type", "must be a timestamp")
        if _USUAL.fullmatch(value):
            try:
                return datetime.fromisoformat(value)
            except ValueError:
                raise fault("date_time_unreadable", "must be a real date and time") from None
        found = _DATE_TIME.fullmatch(value.upper())
        if found is None:
            raise fault("date_time_unreadable", "must be a timestamp, YYYY-MM-DDTHH:MM:SSZ")
        if not found["zone"]:
            raise fault("date_time_without_zone", "must end in Z")
        if found["zone"] != "Z" or value != value.upper():
            raise fault("date_time_with_offset", "must be in UTC and end in Z")
        try:
            instant = datetime.fromisoformat(found["whole"] + (found["fraction"] or "")[:7])
        except ValueError:
            raise fault("date_time_unreadable", "must be a real date and time") from None
        return instant.replace(tzinfo=UTC)
