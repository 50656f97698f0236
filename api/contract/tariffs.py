"""Our tariffs. A change counts for sessions that start after it; what ran before keeps its price."""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from adapters.contract import Module
from api.contract.documents import Document, completed, schema_of
from api.contract.exact_json import ExactRoute
from api.contract.listing import After, From, Limit, Listed, page_of
from api.contract.shared_objects import Owner, find
from api.contract.telling import tell_all
from api.contract.writing import Afterwards, IdempotencyKey, Write
from api.errors import UnknownObject
from api.services import Services
from canonical.identity import ObjectId
from canonical.partner import Side
from canonical.store import OutboxAction, UnitOfWork
from canonical.tariff import Tariff

_EXAMPLE = {
    "id": "T1",
    "currency": "EUR",
    "elements": [
        {"price_components": [{"dimension": "ENERGY", "price": "0.49", "vat_percent": "19", "step_size": 1}]},
    ],
}


class Withdrawn(BaseModel):
    """The tariff that is no longer offered."""

    id: str


def routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/tariffs", tags=["tariffs"], route_class=ExactRoute)

    @router.put("/{tariff_id}", response_model=Tariff, openapi_extra=schema_of(Tariff, _EXAMPLE))
    async def put_tariff(tariff_id: str, document: Document, request: Request, key: IdempotencyKey = None) -> Response:
        """Store a tariff, and tell every connected provider. Every content it ever had is kept."""
        tariff = completed(Tariff, document, {"id": tariff_id}, services.our_party, services.clock())

        async def work(unit: UnitOfWork, afterwards: Afterwards) -> Tariff:
            outcome = await unit.tariffs.put(tariff)
            if not outcome.applied:
                return await _tariff(unit, tariff.object_id)
            await tell_all(services, unit, afterwards, Side.CPO, Module.TARIFFS, tariff.object_id.key)
            return tariff

        return await Write(services, request, key).do(work)

    @router.get("/{tariff_id}")
    async def get_tariff(tariff_id: str, connection: From = "", owner: Owner = None) -> Tariff:
        """A tariff as it is now: one of ours, or one that a partner has shared with us."""
        async with services.store.transaction() as unit:
            tariff = await find(
                services, unit, connection, owner, tariff_id, lambda name, source: unit.tariffs.get(name, source=source)
            )
        if tariff is None:
            raise UnknownObject(f"tariff {tariff_id} is not known")
        return tariff

    @router.delete("/{tariff_id}", response_model=Withdrawn)
    async def delete_tariff(tariff_id: str, request: Request, key: IdempotencyKey = None) -> Response:
        """Withdraw a tariff, and tell every connected provider. Sessions that began by it keep its price."""
        name = ObjectId(owner=services.our_party, id=tariff_id)

        async def work(unit: UnitOfWork, afterwards: Afterwards) -> Withdrawn:
            if not await unit.tariffs.remove(name):
                raise UnknownObject(f"tariff {tariff_id} is not known")
            await tell_all(services, unit, afterwards, Side.CPO, Module.TARIFFS, name.key, OutboxAction.DELETE)
            return Withdrawn(id=tariff_id)

        return await Write(services, request, key).do(work)

    @router.get("")
    async def list_tariffs(connection: From = "", after: After = None, limit: Limit = 100) -> Listed[Tariff]:
        """Our tariffs, or those that a partner has shared with us."""
        async with services.store.transaction() as unit:
            return await page_of(unit.tariffs, "tariffs", connection, after, limit)

    return router


async def _tariff(unit: UnitOfWork, name: ObjectId) -> Tariff:
    tariff = await unit.tariffs.get(name)
    if tariff is None:
        raise UnknownObject(f"tariff {name.id} is not known")
    return tariff
