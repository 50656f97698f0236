"""The words of OCPI 2.1.1 versions."""

from enum import StrEnum


class VersionNumber(StrEnum):
    V2_0 = "2.0"
    V2_1 = "2.1"
    V2_1_1 = "2.1.1"
