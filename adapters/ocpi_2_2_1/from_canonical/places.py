"""Texts, images, businesses and points."""

from adapters.document import Document, Json
from adapters.ocpi.fields import fields
from canonical.location import Business, GeoPoint, Image, RelatedPoint
from canonical.model import DisplayText


def display_text(source: DisplayText) -> Document:
    return fields(language=source.language, text=source.text)


def display_texts(source: tuple[DisplayText, ...]) -> list[Json]:
    return [display_text(text) for text in source]


def geo_location(source: GeoPoint) -> Document:
    return fields(latitude=source.latitude, longitude=source.longitude)


def related_point(source: RelatedPoint) -> Document:
    return {**geo_location(source.point), **fields(name=display_text(source.name) if source.name else None)}


def image(source: Image) -> Document:
    return fields(
        url=source.url,
        thumbnail=source.thumbnail,
        category=source.category,
        type=source.type,
        width=source.width_px,
        height=source.height_px,
    )


def images(source: tuple[Image, ...]) -> list[Json]:
    return [image(each) for each in source]


def business(source: Business | None) -> Document | None:
    if source is None:
        return None
    return fields(name=source.name, website=source.website, logo=image(source.logo) if source.logo else None)
