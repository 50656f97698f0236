"""Locations, EVSEs and connectors (OCPI 2.2.1 locations).

A part is read and written as a part of its location: of two updates of two EVSEs of one location at the same time, one
is made again upon the other, and none is lost.
"""

from activities.partner_link import pullable
from adapters.contract import EVSES_LEFT_OUT, Interface, Module
from api.errors import UnknownLocation
from api.ocpi import written
from api.ocpi.call import Answer, Call
from api.ocpi.freshness import is_stale
from api.ocpi.location_tree import with_connector, with_evse
from api.ocpi.ownership import check_body, check_part, object_in_path, own_object_in_path
from api.ocpi.paging import PageRequest
from api.wake import wake
from canonical.identity import ObjectId
from canonical.location import Connector, Evse, Location
from canonical.store import LOCATIONS, Seen, UnitOfWork

CREATED = Answer(http_status=201)
DONE = Answer()


async def list_locations(call: Call) -> Answer:
    return await written.page(call, LOCATIONS, "", PageRequest.of_call(call))


async def get_location(call: Call) -> Answer:
    name, source = _address(call)
    data = await written.one(call, LOCATIONS, source, name)
    if data is None:
        raise UnknownLocation(f"location_id: {name.id} is not known")
    return Answer(data=data)


async def get_evse(call: Call) -> Answer:
    async with call.services.store.transaction() as unit:
        return Answer(data=call.adapter.write(_evse(call, await _location(call, unit))))


async def get_connector(call: Call) -> Answer:
    async with call.services.store.transaction() as unit:
        evse = _evse(call, await _location(call, unit))
    return Answer(data=call.adapter.write(_connector(call, evse)))


async def put_location(call: Call) -> Answer:
    in_path = object_in_path(call, "location_id")
    location = call.adapter.read(Location, call.body, call.parties).value
    check_body(call, in_path, location.object_id)
    async with call.services.store.transaction() as unit:
        outcome = await unit.locations.put(location, source=call.connection.id)
    return CREATED if outcome.created else DONE


async def patch_location(call: Call) -> Answer:
    async with call.services.store.transaction() as unit:
        before, seen = await _seen(call, unit)
        patched = call.adapter.patch(before, call.body, call.parties)
        after = patched.value
        check_body(call, before.object_id, after.object_id)
        fresh = not is_stale(before, after)
        if fresh:
            await unit.locations.put_over(seen, after, source=call.connection.id)
    doubtful = any(finding.code == EVSES_LEFT_OUT for finding in patched.findings)
    if fresh and doubtful and Module.LOCATIONS in pullable(call.connection):
        # The EVSEs that were not named are kept; whether the partner still has them is seen on its own list.
        name = call.connection.id
        await wake(call.services.signals.pull(name, Module.LOCATIONS.value), f"pull {Module.LOCATIONS} {name}")
    return DONE


async def put_evse(call: Call) -> Answer:
    evse = call.adapter.read(Evse, call.body, call.parties).value
    check_part("uid", call.segment("evse_uid"), evse.uid)
    async with call.services.store.transaction() as unit:
        location, seen = await _seen(call, unit)
        known = location.evse(evse.uid)
        await _store_evse(call, unit, seen, location, known, evse)
    return DONE if known else CREATED


async def patch_evse(call: Call) -> Answer:
    async with call.services.store.transaction() as unit:
        location, seen = await _seen(call, unit)
        before = _evse(call, location)
        after = call.adapter.patch(before, call.body, call.parties).value
        check_part("uid", before.uid, after.uid)
        await _store_evse(call, unit, seen, location, before, after)
    return DONE


async def put_connector(call: Call) -> Answer:
    connector = call.adapter.read(Connector, call.body, call.parties).value
    check_part("id", call.segment("connector_id"), connector.id)
    async with call.services.store.transaction() as unit:
        location, seen = await _seen(call, unit)
        evse = _evse(call, location)
        known = evse.connector(connector.id)
        await _store_connector(call, unit, seen, location, evse, known, connector)
    return DONE if known else CREATED


async def patch_connector(call: Call) -> Answer:
    async with call.services.store.transaction() as unit:
        location, seen = await _seen(call, unit)
        evse = _evse(call, location)
        before = _connector(call, evse)
        after = call.adapter.patch(before, call.body, call.parties).value
        check_part("id", before.id, after.id)
        await _store_connector(call, unit, seen, location, evse, before, after)
    return DONE


def _address(call: Call) -> tuple[ObjectId, str]:
    """The location's name and the source it came by: ours when we are the sender, else the partner's."""
    if call.endpoint.interface is Interface.SENDER:
        return own_object_in_path(call, "location_id"), ""
    return object_in_path(call, "location_id"), call.connection.id


async def _location(call: Call, unit: UnitOfWork) -> Location:
    name, source = _address(call)
    location = await unit.locations.get(name, source=source)
    if location is None:
        raise UnknownLocation(f"location_id: {name.id} is not known")
    return location


async def _seen(call: Call, unit: UnitOfWork) -> tuple[Location, Seen[Location]]:
    """The location that is to be changed, and how to find out whether somebody else has changed it meanwhile."""
    name, source = _address(call)
    seen = await unit.locations.see(name, source=source)
    if seen.value is None:
        raise UnknownLocation(f"location_id: {name.id} is not known")
    return seen.value, seen


def _evse(call: Call, location: Location) -> Evse:
    uid = call.segment("evse_uid")
    evse = location.evse(uid)
    if evse is None:
        raise UnknownLocation(f"evse_uid: {uid} is not known at this location")
    return evse


def _connector(call: Call, evse: Evse) -> Connector:
    connector_id = call.segment("connector_id")
    connector = evse.connector(connector_id)
    if connector is None:
        raise UnknownLocation(f"connector_id: {connector_id} is not known at this EVSE")
    return connector


async def _store_evse(
    call: Call, unit: UnitOfWork, seen: Seen[Location], location: Location, before: Evse | None, after: Evse
) -> None:
    if before is None or not is_stale(before, after):
        await unit.locations.put_over(seen, with_evse(location, after), source=call.connection.id)


async def _store_connector(
    call: Call,
    unit: UnitOfWork,
    seen: Seen[Location],
    location: Location,
    evse: Evse,
    before: Connector | None,
    after: Connector,
) -> None:
    if before is None or not is_stale(before, after):
        changed = with_evse(location, with_connector(evse, after))
        await unit.locations.put_over(seen, changed, source=call.connection.id)
