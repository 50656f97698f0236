"""Session."""

from adapters.ocpi_2_2_1.to_canonical import session as before
from adapters.ocpi_2_3_0.to_canonical.money import price
from adapters.ocpi_2_3_0.wire import session as wire
from canonical.session import Session


def session(source: wire.Session) -> Session:
    return before.session_of(source, price)
