"""OCPI 2.3.0, as one value."""

from typing import Final

from adapters.ocpi.version import Version, credentials_shape
from adapters.ocpi_2_2_1.version import version_details
from adapters.ocpi_2_3_0 import wire
from adapters.ocpi_2_3_0.commands import COMMANDS
from adapters.ocpi_2_3_0.endpoints import ENDPOINTS
from adapters.ocpi_2_3_0.families import FAMILIES
from adapters.ocpi_2_3_0.from_canonical.credentials import credentials as credentials_out
from adapters.ocpi_2_3_0.to_canonical.credentials import credentials as credentials_in

OCPI_2_3_0: Final = Version(
    number="2.3.0",
    endpoints=ENDPOINTS,
    families=FAMILIES,
    credentials=credentials_shape(wire.Credentials, lambda source, _: credentials_in(source), credentials_out),
    details=version_details,
    commands=COMMANDS,
    open_token_types=True,
)
