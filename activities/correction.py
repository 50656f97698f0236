"""Another CDR of a session whose CDR was credited, or never taken: made of what the store says now."""

from activities.billing import BillingActivities
from activities.late_cdr import say_if_late
from activities.resources import Resources
from canonical.cdr import Cdr
from canonical.identity import ObjectId
from canonical.partner import Connection
from canonical.store import CdrState, StoredCdr, UnitOfWork
from settlement.pricing.breakdown import Unpriceable


async def remade(work: UnitOfWork, resources: Resources, of: StoredCdr, connection: Connection, why: str) -> Cdr:
    """Make and keep the next CDR of the session; it is delivered like any other. Raises Unpriceable.

    By session and the number of its CDRs: the database has one of each number.
    """
    old = of.dossier.cdr
    session_id = ObjectId(owner=old.owner, id=of.dossier.handles.session_id or "")
    await work.sessions.lock(session_id)
    session, context = await work.sessions.get(session_id), await work.sessions.context(session_id)
    if session is None or context is None:
        raise Unpriceable.because("session.unknown", f"the start of session {session_id.id} was never recorded")
    before = await work.cdrs.by_session(session_id.id, connection_id=connection.id, ours=True)
    number = 1 + sum(not each.dossier.cdr.credit for each in before)
    made = await BillingActivities(resources).priced(work, session, context, connection, number=number)
    await work.cdrs.add(made, connection_id=connection.id, ours=True, evidence_id=None)
    await work.cdrs.note(
        made.cdr.object_id,
        connection_id=connection.id,
        ours=True,
        state=CdrState.GENERATED,
        text=f"after {old.id}: {why}",
        at=resources.clock(),
    )
    await say_if_late(work, resources, made.cdr, connection.id)
    return made.cdr
