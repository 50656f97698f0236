"""CDR."""

from adapters.document import Document
from adapters.ocpi_2_2_1.from_canonical import cdr as before
from adapters.ocpi_2_3_0.from_canonical.money import price, untaxed
from adapters.ocpi_2_3_0.from_canonical.tariff import tariff
from canonical.cdr import Cdr
from canonical.tariff import TaxIncluded


def cdr(source: Cdr) -> Document:
    """Where no tariff knows tax, the costs have no tax lines (OCPI trap 132)."""
    stated = {each.tax_included for each in source.tariffs}
    written = untaxed if stated == {TaxIncluded.NOT_APPLICABLE} else price
    return before.cdr_of(source, written, [tariff(each) for each in source.tariffs])
