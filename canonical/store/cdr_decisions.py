"""What a person decides about a CDR of ours that its partner does not hold yet.

Each is noted with its reason in the transaction that makes it so. Whoever delivers looks here first, so a decision
holds also where nobody could be told of it. All raise `NotUnderWay` when there is nothing to decide any more.
"""

from datetime import datetime

from canonical.identity import ObjectId
from canonical.store.cdrs import CdrState, DeliveryState, Undelivered
from canonical.store.unit_of_work import UnitOfWork


class NotUnderWay(Exception):
    """The partner holds the CDR, or nobody tries to deliver it any more."""


async def release(work: UnitOfWork, cdr: ObjectId, connection_id: str, why: str, at: datetime) -> None:
    """Have it sent again. Repeated: noted once."""
    stands = await _under_way(work, cdr, connection_id)
    if stands.state is DeliveryState.PARKED:
        await _note(work, stands, CdrState.GENERATED, f"released: {why}", at)
    await work.undelivered.stands(cdr, connection_id, DeliveryState.SENDING, f"released: {why}", at, next_at=at)


async def abandon(work: UnitOfWork, cdr: ObjectId, connection_id: str, why: str, at: datetime) -> None:
    """Try no more: the CDR is settled outside OCPI."""
    stands = await _under_way(work, cdr, connection_id)
    await _note(work, stands, CdrState.ABANDONED, f"abandoned: {why}", at)
    await work.undelivered.end(cdr, connection_id)


async def have_replaced(work: UnitOfWork, cdr: ObjectId, connection_id: str, why: str, at: datetime) -> None:
    """Have another CDR made of its session, from what the store says by then. Whoever delivers it makes it."""
    await _under_way(work, cdr, connection_id)
    await work.undelivered.stands(cdr, connection_id, DeliveryState.CORRECTING, why, at, next_at=at)


async def _under_way(work: UnitOfWork, cdr: ObjectId, connection_id: str) -> Undelivered:
    stands = await work.undelivered.get(cdr, connection_id, lock=True)
    if stands is None:
        raise NotUnderWay
    return stands


async def _note(work: UnitOfWork, of: Undelivered, state: CdrState, text: str, at: datetime) -> None:
    await work.cdrs.note(of.cdr, connection_id=of.connection_id, ours=True, state=state, text=text, at=at)
