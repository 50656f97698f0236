"""What our partners have to be told: a row in the outbox, and a nudge to the process that empties it."""

from datetime import timedelta

from adapters.contract import Module
from api.contract.writing import Afterwards
from api.services import Services
from canonical.partner import Connection, LinkState, Side
from canonical.store import OutboxAction, UnitOfWork

_LIVING = (LinkState.CONNECTED, LinkState.SUSPENDED)
"""A partner that is suspended is told when it is heard again; until then it waits in the outbox."""


async def tell_all(
    services: Services,
    unit: UnitOfWork,
    afterwards: Afterwards,
    side: Side,
    module: Module,
    object_key: str,
    action: OutboxAction = OutboxAction.PUT,
) -> None:
    """Tell every partner that is connected to us as `side`."""
    for connection in await unit.connections.list():
        if side in connection.sides and connection.state in _LIVING:
            await tell(services, unit, afterwards, connection, module, object_key, action)


async def tell(
    services: Services,
    unit: UnitOfWork,
    afterwards: Afterwards,
    connection: Connection,
    module: Module,
    object_key: str,
    action: OutboxAction = OutboxAction.PUT,
    after: timedelta = timedelta(),
) -> None:
    """Tell one partner the newest state of an object, in the transaction that changes it; by `after` at the latest.

    Nobody is woken while somebody is at the partner's outbox: a session's readings come one by one.
    """
    queued = await unit.outbox.add(connection.id, module.value, object_key, action, after=after)
    if not queued.attended:
        afterwards.do(f"feed {connection.id}", lambda: services.signals.feed(connection.id))
