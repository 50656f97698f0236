"""Tariff."""

from adapters.document import Document
from adapters.ocpi_2_2_1.from_canonical import tariff as before
from adapters.ocpi_2_3_0.from_canonical.money import limit
from canonical.tariff import Tariff


def tariff(source: Tariff) -> Document:
    return {**before.tariff_of(source, limit), "tax_included": source.tax_included.value}
