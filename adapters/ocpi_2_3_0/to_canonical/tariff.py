"""Tariff."""

from adapters.ocpi_2_2_1.to_canonical import tariff as before
from adapters.ocpi_2_3_0.to_canonical.money import limit
from adapters.ocpi_2_3_0.wire import tariff as wire
from canonical.tariff import Tariff, TaxIncluded


def tariff(source: wire.Tariff) -> Tariff:
    return before.tariff_of(source, limit, TaxIncluded(source.tax_included))
