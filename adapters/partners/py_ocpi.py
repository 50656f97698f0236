"""Partners that run `py_ocpi` (the packages py-ocpi and extrawest-ocpi), which has a name of its own in CDRs of 2.1.1.

It requires `end_date_time` where the standard says `stop_date_time`, and refuses a CDR without it. Call the connection
`py-ocpi` to write to it in this way; the rest of its ways is understood from everybody.
"""

from dataclasses import replace
from datetime import date
from typing import Final

from adapters.partners.profile import AlsoNamed
from adapters.partners.standard import STANDARD

PY_OCPI: Final = replace(
    STANDARD,
    name="py-ocpi",
    since=date(2026, 11, 22),
    also_named=(AlsoNamed(family="Cdr", field="stop_date_time", name="end_date_time"),),
)
