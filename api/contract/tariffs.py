"""Our tariffs. A change counts for sessions that start after it; what ran before keeps its price."""

from fastapi import APIRouter, Request, Response

from adapters.contract import Module
from api.contract.documents import Document, completed, schema_of
from api.contract.exact_json import ExactRoute
from api.contract.listing import From, Limit, Listed, Offset
from api.contract.telling import tell_all
from api.contract.writing import Afterwards, IdempotencyKey, Write
from api.errors import UnknownObject
from api.services import Services
from canonical.identity import ObjectId
from canonical.partner import Side
from canonical.store import UnitOfWork
from canonical.tariff import Tariff


def routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/tariffs", tags=["tariffs"], route_class=ExactRoute)

    @router.put("/{tariff_id}", response_model=Tariff, openapi_extra=schema_of(Tariff))
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
    async def get_tariff(tariff_id: str) -> Tariff:
        """One of our tariffs as it is now."""
        async with services.store.transaction() as unit:
            return await _tariff(unit, ObjectId(owner=services.our_party, id=tariff_id))

    @router.get("")
    async def list_tariffs(connection: From = "", offset: Offset = 0, limit: Limit = 100) -> Listed[Tariff]:
        """Our tariffs, or those that a partner has shared with us."""
        async with services.store.transaction() as unit:
            page = await unit.tariffs.page(source=connection, since=None, until=None, offset=offset, limit=limit)
        return Listed(items=page.items, total=page.total)

    return router


async def _tariff(unit: UnitOfWork, name: ObjectId) -> Tariff:
    tariff = await unit.tariffs.get(name)
    if tariff is None:
        raise UnknownObject(f"tariff {name.id} is not known")
    return tariff
