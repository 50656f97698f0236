"""Texts, images, businesses and points."""

from adapters.ocpi_2_2_1.wire import places as wire
from canonical.location import Business, GeoPoint, Image, RelatedPoint
from canonical.model import DisplayText


def display_text(source: wire.DisplayText) -> DisplayText:
    return DisplayText(language=source.language, text=source.text)


def display_texts(source: tuple[wire.DisplayText, ...]) -> tuple[DisplayText, ...]:
    return tuple(display_text(text) for text in source)


def geo_point(source: wire.GeoLocation) -> GeoPoint:
    return GeoPoint(latitude=source.latitude, longitude=source.longitude)


def related_point(source: wire.AdditionalGeoLocation) -> RelatedPoint:
    return RelatedPoint(
        point=GeoPoint(latitude=source.latitude, longitude=source.longitude),
        name=display_text(source.name) if source.name else None,
    )


def image(source: wire.Image) -> Image:
    return Image(
        url=source.url,
        thumbnail=source.thumbnail,
        category=source.category,
        type=source.type,
        width_px=source.width,
        height_px=source.height,
    )


def images(source: tuple[wire.Image, ...]) -> tuple[Image, ...]:
    return tuple(image(each) for each in source)


def business(source: wire.BusinessDetails | None) -> Business | None:
    if source is None:
        return None
    logo = image(source.logo) if source.logo else None
    return Business(name=source.name, website=source.website, logo=logo)
