"""CDR, where it differs from 2.2.1 (2.3.0 cdrs)."""

from typing import Annotated

from adapters.ocpi.wire.words import Open
from adapters.ocpi_2_2_1.wire import cdr as before
from adapters.ocpi_2_3_0.wire.location_words import ConnectorType
from adapters.ocpi_2_3_0.wire.places import Price
from adapters.ocpi_2_3_0.wire.session import CdrToken
from adapters.ocpi_2_3_0.wire.tariff import Tariff


class CdrLocation(before.CdrLocation):
    connector_standard: Annotated[str, Open(ConnectorType)]


class CDR(before.CdrOf[Price, Tariff]):
    cdr_token: CdrToken
    cdr_location: CdrLocation
