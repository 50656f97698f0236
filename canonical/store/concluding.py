"""What follows from an order, on either side: its last state, the event that tells of it, the session that it began."""

from datetime import datetime

from canonical.command import CommandKind, CommandOutcome, CommandRecord, CommandResult
from canonical.event import EventKind
from canonical.model import fold
from canonical.session import AuthMethod, Session
from canonical.store.unit_of_work import UnitOfWork


async def conclude(work: UnitOfWork, record: CommandRecord, result: CommandResult, at: datetime) -> bool:
    """Note the result of an order with all that follows from it. False when it has one. Hold the order's lock."""
    if not await work.commands.conclude(record.id, result, at):
        return False
    reservation, accepted = record.command.reservation_id, result.outcome is CommandOutcome.ACCEPTED
    if reservation is not None and accepted and not record.ours:
        # A reservation that is made again takes the place of the one before (OCPI 2.2.1 commands, ReserveNow).
        remains = record.id if record.command.kind is CommandKind.RESERVE_NOW else None
        await work.commands.end_reservation(record.connection_id, record.party, reservation, but=remains)
    await tell_result(work, record, result)
    return True


async def tell_result(work: UnitOfWork, record: CommandRecord, result: CommandResult, *, late: bool = False) -> None:
    """The event of a result, for the systems that gave the order or that carry it out."""
    kind = event_of(record.command.kind, EventKind.COMMAND_RESULT, EventKind.CHARGING_PROFILE_RESULT)
    await work.events.add(kind, record.id, record.connection_id, {"outcome": result.outcome.value, "late": late})


async def note_begun(work: UnitOfWork, connection_id: str, before: Session | None, session: Session) -> None:
    """Note by which order of ours a partner's session has begun, however late it is, and whatever the order came to.

    The reference counts in whatever message it comes. Of a session without one (OCPI 2.1.1 has none, and not everybody
    sends it), place, time and contract say it, where it is new. Repeated: the first session of an order stays.
    """
    reference, known = session.authorization_reference, before.authorization_reference if before else None
    if reference is not None:
        if known is None or fold(known) != fold(reference):
            await work.commands.began_by(connection_id, reference, session.object_id)
    elif before is None and (session.token.uid is None or session.auth_method is AuthMethod.COMMAND):
        await work.commands.began_unnamed(connection_id, session)


def event_of(kind: CommandKind, command: EventKind, profile: EventKind) -> EventKind:
    """Orders and requests about charging profiles have events of their own."""
    return profile if kind.about_profile else command
