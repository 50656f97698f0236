"""The words of OCPI 2.3.0 types that differ from 2.2.1: a hub is no role any more."""

from enum import StrEnum


class Role(StrEnum):
    CPO = "CPO"
    EMSP = "EMSP"
    NAP = "NAP"
    NSP = "NSP"
    OTHER = "OTHER"
    SCSP = "SCSP"
