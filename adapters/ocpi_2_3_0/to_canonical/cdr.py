"""CDR."""

from adapters.ocpi_2_2_1.to_canonical import cdr as before
from adapters.ocpi_2_3_0.to_canonical.money import price, untaxed
from adapters.ocpi_2_3_0.to_canonical.tariff import tariff
from adapters.ocpi_2_3_0.wire import cdr as wire
from adapters.ocpi_2_3_0.wire.tariff_words import TaxIncluded
from canonical.cdr import Cdr


def cdr(source: wire.CDR) -> Cdr:
    """Where no tariff knows tax, the costs have none (OCPI trap 132)."""
    stated = {each.tax_included for each in source.tariffs}
    return before.cdr_of(source, untaxed if stated == {TaxIncluded.NOT_APPLICABLE} else price, tariff)
