"""OCPI's text types (2.2.1 types: CiString, string, URL; 2.2.1 locations: coordinates and times of day)."""

import re
import unicodedata
from dataclasses import dataclass

from adapters.ocpi.wire.fault import WireType, fault
from adapters.rules.rule import Tolerated

_PRINTABLE_ASCII = re.compile(r"[\x20-\x7e]*")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise fault("text_type", "must be a text")
    return value


@dataclass(frozen=True)
class CiString(WireType):
    """An identifier: printable ASCII, compared without regard to case, never empty, never cut."""

    max_length: int

    def check(self, value: object) -> str:
        text = _text(value)
        if not text:
            raise fault("text_empty", "must not be empty")
        if len(text) > self.max_length:
            raise fault("id_too_long", f"must have at most {self.max_length} characters")
        if not _PRINTABLE_ASCII.fullmatch(text):
            raise fault("not_ascii", "must be printable ASCII")
        return text


@dataclass(frozen=True)
class CountryCode(CiString):
    """ISO 3166-1 alpha-2 of a party."""

    def check(self, value: object) -> str:
        if not re.fullmatch(r"[A-Za-z]{2}", text := super().check(value)):
            raise fault("country_code", "must be two letters")
        return text


@dataclass(frozen=True)
class PartyCode(CiString):
    """The party after the country in an operator or provider id."""

    def check(self, value: object) -> str:
        if not re.fullmatch(r"[A-Za-z0-9]+", text := super().check(value)):
            raise fault("party_id", "must be letters and digits")
        return text


@dataclass(frozen=True)
class String(WireType):
    """A text for people: UTF-8 without control characters."""

    max_length: int

    def check(self, value: object) -> str:
        text = _text(value)
        if isinstance(text, Tolerated):
            return str(text)
        if any(unicodedata.category(character) == "Cc" for character in text):
            raise fault("text_unprintable", "must not have control characters")
        if len(text) > self.max_length:
            raise fault("text_too_long", f"must have at most {self.max_length} characters")
        return text


@dataclass(frozen=True)
class Url(String):
    """An address: never cut."""

    def check(self, value: object) -> str:
        text = _text(value)
        if len(text) > self.max_length and not isinstance(text, Tolerated):
            raise fault("url_too_long", f"must have at most {self.max_length} characters")
        return super().check(value)


@dataclass(frozen=True)
class Opaque(WireType):
    """Bytes of somebody else's format in a text: only its length is checked."""

    max_length: int

    def check(self, value: object) -> str:
        text = _text(value)
        if len(text) > self.max_length and not isinstance(text, Tolerated):
            raise fault("text_too_long", f"must have at most {self.max_length} characters")
        return str(text)


@dataclass(frozen=True)
class Pattern(WireType):
    """A text of one form. `kind` names the fault, `form` says it in words."""

    max_length: int
    pattern: str
    kind: str
    form: str

    def check(self, value: object) -> str:
        text = _text(value)
        if not isinstance(text, Tolerated) and not re.fullmatch(self.pattern, text):
            raise fault(self.kind, f"must be {self.form}")
        return str(text)


URL = Url(255)
ALPHA_3 = Pattern(3, r"[A-Z]{3}", "country", "an ISO 3166-1 alpha-3 code")
CURRENCY = Pattern(3, r"[A-Z]{3}", "currency", "an ISO 4217 code")
LANGUAGE = Pattern(2, r"[A-Za-z]{2}", "language", "an ISO 639-1 code")
LATITUDE = Pattern(10, r"-?[0-9]{1,2}\.[0-9]{5,7}", "coordinate_format", "degrees with 5 to 7 decimals")
LONGITUDE = Pattern(11, r"-?[0-9]{1,3}\.[0-9]{5,7}", "coordinate_format", "degrees with 5 to 7 decimals")
TIME_OF_DAY = Pattern(5, r"([01][0-9]|2[0-3]):[0-5][0-9]", "time_of_day", "a time of day, HH:MM")
LOCAL_DATE = Pattern(10, r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])", "local_date", "a date, YYYY-MM-DD")
