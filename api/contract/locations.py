"""Our charging locations, as our charging backend knows them, and those of our partners."""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from adapters.contract import Module
from api.contract.documents import Document, completed, schema_of
from api.contract.exact_json import ExactRoute
from api.contract.listing import After, From, Limit, Listed, page_of
from api.contract.shared_objects import Owner, find
from api.contract.telling import tell_all
from api.contract.writing import Afterwards, IdempotencyKey, Write
from api.errors import InvalidInput, UnknownLocation
from api.services import Services
from canonical.identity import ObjectId
from canonical.location import EvseStatus, Location
from canonical.model import Instant, fold
from canonical.partner import Side
from canonical.store import UnitOfWork

_EXAMPLE = {
    "id": "L1",
    "publish": True,
    "name": "Harbour",
    "address": "Quay 1",
    "city": "Hamburg",
    "country": "DEU",
    "coordinates": {"latitude": "53.5461", "longitude": "9.9661"},
    "time_zone": "Europe/Berlin",
    "evses": [
        {
            "uid": "E1",
            "evse_id": "DE*RMW*E1",
            "status": "AVAILABLE",
            "last_updated": "2026-01-01T00:00:00Z",
            "connectors": [
                {
                    "id": "1",
                    "standard": "IEC_62196_T2",
                    "format": "SOCKET",
                    "power_type": "AC_3_PHASE",
                    "max_voltage_v": 230,
                    "max_amperage_a": 32,
                    "tariff_ids": ["T1"],
                    "last_updated": "2026-01-01T00:00:00Z",
                }
            ],
        }
    ],
}


class EvseChange(BaseModel):
    """A new status of one EVSE. Without `last_updated` it changed now."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"status": "CHARGING"}]})

    status: EvseStatus
    last_updated: Instant | None = Field(default=None, examples=["2026-03-28T21:00:00Z"])


def routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/locations", tags=["locations"], route_class=ExactRoute)

    @router.put("/{location_id}", response_model=Location, openapi_extra=schema_of(Location, _EXAMPLE))
    async def put_location(
        location_id: str, document: Document, request: Request, key: IdempotencyKey = None
    ) -> Response:
        """Store a location with its EVSEs and connectors, and tell every connected provider."""
        location = dated(completed(Location, document, {"id": location_id}, services.our_party, services.clock()))
        if location.time_zone is None:
            raise InvalidInput.of("time_zone", "is needed: tariffs and opening hours are read in it")

        async def work(unit: UnitOfWork, afterwards: Afterwards) -> Location:
            return await _store(services, unit, afterwards, location)

        return await Write(services, request, key).do(work)

    @router.patch("/{location_id}/evses/{evse_uid}", response_model=Location)
    async def change_evse(
        location_id: str,
        evse_uid: str,
        change: EvseChange,
        request: Request,
        key: IdempotencyKey = None,
    ) -> Response:
        """Change the status of one EVSE, and tell every connected provider."""

        async def work(unit: UnitOfWork, afterwards: Afterwards) -> Location:
            name = ObjectId(owner=services.our_party, id=location_id)
            await unit.locations.lock(name)
            location = with_status(
                await _location(unit, name), evse_uid, change, change.last_updated or services.clock()
            )
            return await _store(services, unit, afterwards, location)

        return await Write(services, request, key).do(work)

    @router.delete("/{location_id}", response_model=Location)
    async def remove_location(location_id: str, request: Request, key: IdempotencyKey = None) -> Response:
        """Take a location out of service for good, and tell every connected provider: all its EVSEs are REMOVED.

        The location stays readable, for what was charged at it. Putting it again brings it back.
        """

        async def work(unit: UnitOfWork, afterwards: Afterwards) -> Location:
            name = ObjectId(owner=services.our_party, id=location_id)
            await unit.locations.lock(name)
            return await _store(services, unit, afterwards, removed(await _location(unit, name), services.clock()))

        return await Write(services, request, key).do(work)

    @router.get("/{location_id}")
    async def get_location(location_id: str, connection: From = "", owner: Owner = None) -> Location:
        """A location as it is stored: one of ours, or one that a partner has shared with us."""
        async with services.store.transaction() as unit:
            location = await find(
                services,
                unit,
                connection,
                owner,
                location_id,
                lambda name, source: unit.locations.get(name, source=source),
            )
        if location is None:
            raise UnknownLocation(f"location {location_id} is not known")
        return location

    @router.get("")
    async def list_locations(connection: From = "", after: After = None, limit: Limit = 100) -> Listed[Location]:
        """Our locations, or those that a partner has shared with us."""
        async with services.store.transaction() as unit:
            return await page_of(unit.locations, "locations", connection, after, limit)

    return router


def dated(location: Location) -> Location:
    """The location with no part newer than the whole: lists are asked for what has changed, and look at the whole."""
    evses = tuple(
        evse.model_copy(update={"last_updated": max([evse.last_updated, *(c.last_updated for c in evse.connectors)])})
        for evse in location.evses
    )
    newest = max([location.last_updated, *(evse.last_updated for evse in evses)])
    return location.model_copy(update={"evses": evses, "last_updated": newest})


def with_status(location: Location, evse_uid: str, change: EvseChange, at: Instant) -> Location:
    """The location with the EVSE's new status. Raises UnknownLocation."""
    known = location.evse(evse_uid)
    if known is None:
        raise UnknownLocation(f"EVSE {evse_uid} is not known at location {location.id}")
    changed = known.model_copy(update={"status": change.status, "last_updated": at})
    evses = tuple(changed if fold(e.uid) == fold(evse_uid) else e for e in location.evses)
    newest = max(location.last_updated, at)
    return location.model_copy(update={"evses": evses, "last_updated": newest})


def removed(location: Location, at: Instant) -> Location:
    """The location without anything to charge at (OCPI 2.2.1 locations, flow and life cycle)."""
    gone = {"status": EvseStatus.REMOVED, "last_updated": at}
    evses = tuple(e if e.status is EvseStatus.REMOVED else e.model_copy(update=gone) for e in location.evses)
    return location.model_copy(update={"evses": evses, "last_updated": max(location.last_updated, at)})


async def _location(unit: UnitOfWork, name: ObjectId) -> Location:
    location = await unit.locations.get(name)
    if location is None:
        raise UnknownLocation(f"location {name.id} is not known")
    return location


async def _store(services: Services, unit: UnitOfWork, afterwards: Afterwards, location: Location) -> Location:
    """The state that is stored now: the one given, or a newer one that was there."""
    outcome = await unit.locations.put(location)
    if outcome.applied:
        await tell_all(services, unit, afterwards, Side.CPO, Module.LOCATIONS, location.object_id.key)
        return location
    return await _location(unit, location.object_id)
