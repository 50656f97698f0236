"""The words of OCPI 2.1.1 tokens that later versions have otherwise, or under another name."""

from enum import StrEnum


class Allowed(StrEnum):
    ALLOWED = "ALLOWED"
    BLOCKED = "BLOCKED"
    EXPIRED = "EXPIRED"
    NO_CREDIT = "NO_CREDIT"
    NOT_ALLOWED = "NOT_ALLOWED"


class TokenType(StrEnum):
    OTHER = "OTHER"
    RFID = "RFID"
