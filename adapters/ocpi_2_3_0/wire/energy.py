"""Where the energy comes from, where it differs from 2.2.1 (2.3.0 locations, EnergyMix)."""

from typing import Annotated

from adapters.ocpi.wire.model import Many
from adapters.ocpi.wire.words import Open
from adapters.ocpi_2_2_1.wire import energy as before
from adapters.ocpi_2_2_1.wire.location_words import EnvironmentalImpactCategory


class EnvironmentalImpact(before.EnvironmentalImpact):
    category: Annotated[str, Open(EnvironmentalImpactCategory)]


class EnergyMix(before.EnergyMix):
    environ_impact: Many[EnvironmentalImpact] = ()
