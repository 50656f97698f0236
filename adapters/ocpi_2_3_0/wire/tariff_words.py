"""The words of OCPI 2.3.0 tariffs that 2.2.1 does not have."""

from enum import StrEnum


class TaxIncluded(StrEnum):
    YES = "YES"
    NO = "NO"
    NOT_APPLICABLE = "N/A"
