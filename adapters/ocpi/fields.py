"""How one object becomes fields."""

from datetime import datetime

from adapters.document import KEPT, Document, Json
from adapters.json_writer import date_time
from adapters.ocpi.leftovers import keep
from canonical.model import Extension


def fields(extensions: tuple[Extension, ...] = (), **values: Json) -> Document:
    """A document of the fields that have a value; an empty list is none. What was kept goes along."""
    present: Document = {name: value for name, value in values.items() if value is not None and value != []}
    if extensions:
        present[KEPT] = keep(extensions)
    return present


def instant(value: datetime | None) -> str | None:
    return None if value is None else date_time(value)
