"""Session."""

from adapters.document import Document
from adapters.ocpi_2_2_1.from_canonical import session as before
from adapters.ocpi_2_3_0.from_canonical.money import price
from canonical.session import Session


def session(source: Session) -> Document:
    return before.session_of(source, price)
