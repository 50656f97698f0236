"""Tell a partner everything of ours again: for one that lost it, or that never pulls."""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from activities.partner_link import side_towards
from adapters.contract import Interface, Module
from api.contract.writing import Afterwards, IdempotencyKey, Write
from api.errors import Conflict, InvalidInput
from api.services import Services
from canonical.partner import Connection, LinkState
from canonical.store import UnitOfWork

_PUSHED = (
    Module.LOCATIONS,
    Module.TARIFFS,
    Module.TOKENS,
    Module.SESSIONS,
    Module.INVOICE_RECONCILIATION,
)


class Queued(BaseModel):
    """How many objects wait to be told; the partner's feed goes on from here."""

    connection: str
    module: Module
    queued: int


def routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/connections", tags=["connections"])

    @router.post("/{connection_id}/push", status_code=202, response_model=Queued)
    async def push_to_connection(
        connection_id: str, module: Module, request: Request, key: IdempotencyKey = None
    ) -> Response:
        """Tell a partner everything of ours in one module, whole, as if it had never been told.

        CDRs are not among it: each is delivered once, with a receipt.
        """

        async def work(unit: UnitOfWork, afterwards: Afterwards) -> Queued:
            connection = await unit.connections.get(connection_id)
            _check(connection, module)
            queued = await unit.outbox.add_all(connection.id, module.value)
            afterwards.do(f"feed {connection.id}", lambda: services.signals.feed(connection.id))
            return Queued(connection=connection.id, module=module, queued=queued)

        return await Write(services, request, key).do(work, status=202)

    return router


def _check(connection: Connection, module: Module) -> None:
    """Raises Conflict, InvalidInput where the partner has nothing to push to."""
    if connection.state is not LinkState.CONNECTED:
        raise Conflict(f"connection {connection.id} is {connection.state}")
    offered = [m for m in _PUSHED if _taken(connection, m)]
    if module not in offered:
        named = ", ".join(offered) or "nothing"
        raise InvalidInput.of("module", f"is not to be pushed to {connection.id}, which takes {named}")


def _taken(connection: Connection, module: Module) -> bool:
    ours = side_towards(module, Interface.RECEIVER) in connection.sides
    return ours and connection.endpoint(module, Interface.RECEIVER) is not None
