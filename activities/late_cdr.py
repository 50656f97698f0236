"""A CDR that comes after the statement of its month."""

from activities.cases import open_case
from activities.resources import Resources
from canonical.cdr import Cdr
from canonical.store import UnitOfWork
from settlement.statement import month_of, settles_at, statement_id


async def say_if_late(work: UnitOfWork, resources: Resources, cdr: Cdr, connection_id: str) -> None:
    """A statement is never made anew: a CDR of its month that comes later is for a person to claim."""
    month = month_of(settles_at(cdr), resources.terms.time_zone)
    issued = await work.settlement.statement(statement_id(resources.us.party, connection_id, month))
    if issued is None or any(item.cdr.key == cdr.object_id.key for item in issued.items):
        return
    text = f"CDR {cdr.object_id.key} is of {month}, whose statement for {connection_id} was issued already"
    await open_case(work, resources, "cdr-late", cdr.object_id.key, text)
