"""Tariffs (OCPI 2.2.1 tariffs). What was once priced with is kept: a deletion ends its use, not its record."""

from api.errors import UnknownObject
from api.ocpi import written
from api.ocpi.call import Answer, Call
from api.ocpi.freshness import is_stale
from api.ocpi.ownership import check_body, object_in_path
from api.ocpi.paging import PageRequest
from canonical.store import TARIFFS
from canonical.tariff import Tariff


async def list_tariffs(call: Call) -> Answer:
    return await written.page(call, TARIFFS, "", PageRequest.of_call(call))


async def get_tariff(call: Call) -> Answer:
    name = object_in_path(call, "tariff_id")
    data = await written.one(call, TARIFFS, call.connection.id, name)
    if data is None:
        raise UnknownObject(f"tariff_id: {name.id} is not known")
    return Answer(data=data)


async def put_tariff(call: Call) -> Answer:
    in_path = object_in_path(call, "tariff_id")
    tariff = call.adapter.read(Tariff, call.body, call.parties).value
    check_body(call, in_path, tariff.object_id)
    async with call.services.store.transaction() as unit:
        outcome = await unit.tariffs.put(tariff, source=call.connection.id)
    return Answer(http_status=201 if outcome.created else 200, object_key=tariff.object_id.key)


async def patch_tariff(call: Call) -> Answer:
    """A change of a tariff (OCPI 2.1.1 alone). The state before stays a version, for what was priced with it."""
    name = object_in_path(call, "tariff_id")
    async with call.services.store.transaction() as unit:
        await unit.tariffs.lock(name)
        before = await unit.tariffs.get(name, source=call.connection.id)
        if before is None:
            raise UnknownObject(f"tariff_id: {name.id} is not known")
        after = call.adapter.patch(before, call.body, call.parties).value
        check_body(call, name, after.object_id)
        if not is_stale(before, after):
            await unit.tariffs.put(after, source=call.connection.id)
    return Answer(object_key=name.key)


async def delete_tariff(call: Call) -> Answer:
    name = object_in_path(call, "tariff_id")
    async with call.services.store.transaction() as unit:
        removed = await unit.tariffs.remove(name, source=call.connection.id)
    if not removed:
        raise UnknownObject(f"tariff_id: {name.id} is not known")
    return Answer(object_key=name.key)
