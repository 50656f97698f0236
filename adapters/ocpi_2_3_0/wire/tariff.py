"""Tariff, where it differs from 2.2.1 (2.3.0 tariffs). `tax_included` says whether its prices are net or gross."""

from decimal import Decimal
from typing import Annotated

from adapters.ocpi.wire.model import WireModel
from adapters.ocpi.wire.scalars import Number
from adapters.ocpi.wire.words import Closed
from adapters.ocpi_2_2_1.wire import tariff as before
from adapters.ocpi_2_3_0.wire.energy import EnergyMix
from adapters.ocpi_2_3_0.wire.tariff_words import TaxIncluded


class PriceLimit(WireModel):
    before_taxes: Annotated[Decimal, Number()]
    after_taxes: Annotated[Decimal, Number()] | None = None


class Tariff(before.TariffOf[PriceLimit]):
    tax_included: Annotated[str, Closed(TaxIncluded)]
    energy_mix: EnergyMix | None = None
