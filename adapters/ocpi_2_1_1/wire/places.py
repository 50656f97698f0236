"""Small objects of OCPI 2.1.1 locations, where they differ from those of 2.2.1."""

from decimal import Decimal
from typing import Annotated

from adapters.ocpi.wire.model import Many, WireModel
from adapters.ocpi.wire.scalars import Boolean, Number
from adapters.ocpi.wire.texts import Pattern, String
from adapters.ocpi.wire.words import Word
from adapters.ocpi_2_1_1.wire.identifiers import Id
from adapters.ocpi_2_2_1.wire import places
from adapters.ocpi_2_2_1.wire.energy import EnergySource
from adapters.ocpi_2_2_1.wire.location_words import EnvironmentalImpactCategory

LATITUDE = Pattern(10, r"-?[0-9]{1,2}\.[0-9]{6}", "coordinate_format", "degrees with 6 decimals")
LONGITUDE = Pattern(11, r"-?[0-9]{1,3}\.[0-9]{6}", "coordinate_format", "degrees with 6 decimals")


class GeoLocation(places.GeoLocation):
    latitude: Annotated[str, LATITUDE]
    longitude: Annotated[str, LONGITUDE]


class AdditionalGeoLocation(places.AdditionalGeoLocation):
    latitude: Annotated[str, LATITUDE]
    longitude: Annotated[str, LONGITUDE]


class Image(places.Image):
    type: Annotated[str, Id(4)]


class BusinessDetails(places.BusinessDetails):
    logo: Image | None = None


class EnvironmentalImpact(WireModel):
    source: Annotated[str, Word(EnvironmentalImpactCategory)]
    amount: Annotated[Decimal, Number()]


class EnergyMix(WireModel):
    is_green_energy: Annotated[bool, Boolean()]
    energy_sources: Many[EnergySource] = ()
    environ_impact: Many[EnvironmentalImpact] = ()
    supplier_name: Annotated[str, String(64)] | None = None
    energy_product_name: Annotated[str, String(64)] | None = None
