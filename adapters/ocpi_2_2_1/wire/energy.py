"""Where the energy comes from (2.2.1 locations, EnergyMix)."""

from decimal import Decimal
from typing import Annotated

from adapters.ocpi.wire.model import Many, WireModel
from adapters.ocpi.wire.scalars import Boolean, Number
from adapters.ocpi.wire.texts import String
from adapters.ocpi.wire.words import Word
from adapters.ocpi_2_2_1.wire.location_words import (
    EnergySourceCategory,
    EnvironmentalImpactCategory,
)


class EnergySource(WireModel):
    source: Annotated[str, Word(EnergySourceCategory)]
    percentage: Annotated[Decimal, Number()]


class EnvironmentalImpact(WireModel):
    category: Annotated[str, Word(EnvironmentalImpactCategory)]
    amount: Annotated[Decimal, Number()]


class EnergyMix(WireModel):
    is_green_energy: Annotated[bool, Boolean()]
    energy_sources: Many[EnergySource] = ()
    environ_impact: Many[EnvironmentalImpact] = ()
    supplier_name: Annotated[str, String(64)] | None = None
    energy_product_name: Annotated[str, String(64)] | None = None
