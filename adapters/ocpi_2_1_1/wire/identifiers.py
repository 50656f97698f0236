"""Ids and codes, which OCPI 2.1.1 calls strings (2.1.1 types)."""

from dataclasses import dataclass

from adapters.ocpi.wire.texts import CiString


@dataclass(frozen=True)
class Id(CiString):
    """Printable ASCII, never empty and never cut, as a CiString; by the text of this version its case counts."""
