"""Small objects that several modules share (2.2.1 types, locations)."""

from decimal import Decimal
from typing import Annotated

from adapters.ocpi.wire.model import WireModel
from adapters.ocpi.wire.scalars import Number, Whole
from adapters.ocpi.wire.texts import LANGUAGE, LATITUDE, LONGITUDE, URL, CiString, String
from adapters.ocpi.wire.words import Word
from adapters.ocpi_2_2_1.wire.location_words import ImageCategory


class DisplayText(WireModel):
    language: Annotated[str, LANGUAGE]
    text: Annotated[str, String(512)]


class Price(WireModel):
    excl_vat: Annotated[Decimal, Number()]
    incl_vat: Annotated[Decimal, Number()] | None = None


class GeoLocation(WireModel):
    latitude: Annotated[str, LATITUDE]
    longitude: Annotated[str, LONGITUDE]


class AdditionalGeoLocation(WireModel):
    latitude: Annotated[str, LATITUDE]
    longitude: Annotated[str, LONGITUDE]
    name: DisplayText | None = None


class Image(WireModel):
    url: Annotated[str, URL]
    thumbnail: Annotated[str, URL] | None = None
    category: Annotated[str, Word(ImageCategory)]
    type: Annotated[str, CiString(4)]
    width: Annotated[int, Whole(most=99999)] | None = None
    height: Annotated[int, Whole(most=99999)] | None = None


class BusinessDetails(WireModel):
    name: Annotated[str, String(100)]
    website: Annotated[str, URL] | None = None
    logo: Image | None = None
