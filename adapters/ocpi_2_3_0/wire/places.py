"""Small objects that several modules share, where they differ from 2.2.1 (2.3.0 types, locations)."""

from decimal import Decimal
from typing import Annotated

from adapters.ocpi.wire.model import Many, WireModel
from adapters.ocpi.wire.scalars import Number
from adapters.ocpi.wire.texts import String
from adapters.ocpi.wire.words import Open
from adapters.ocpi_2_2_1.wire import places as before
from adapters.ocpi_2_2_1.wire.location_words import ImageCategory


class TaxAmount(WireModel):
    name: Annotated[str, String(255)]
    account_number: Annotated[str, String(255)] | None = None
    percentage: Annotated[Decimal, Number(least=0, most=100)] | None = None
    amount: Annotated[Decimal, Number()]


class Price(WireModel):
    before_taxes: Annotated[Decimal, Number()]
    taxes: Many[TaxAmount] = ()


class Image(before.Image):
    category: Annotated[str, Open(ImageCategory)]


class BusinessDetails(before.BusinessDetails):
    logo: Image | None = None
