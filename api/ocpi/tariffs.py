"""Tariffs (OCPI 2.2.1 tariffs). What was once priced with is kept: a deletion ends its use, not its record."""

from api.errors import UnknownObject
from api.ocpi.call import Answer, Call
from api.ocpi.ownership import check_body, object_in_path
from api.ocpi.paging import PageRequest, page_answer
from canonical.tariff import Tariff


async def list_tariffs(call: Call) -> Answer:
    asked = PageRequest.of(call.query)
    async with call.services.store.transaction() as unit:
        page = await unit.tariffs.page(since=asked.since, until=asked.until, offset=asked.offset, limit=asked.limit)
    return page_answer(call, asked, page)


async def get_tariff(call: Call) -> Answer:
    name = object_in_path(call, "tariff_id")
    async with call.services.store.transaction() as unit:
        tariff = await unit.tariffs.get(name, source=call.connection.id)
    if tariff is None:
        raise UnknownObject(f"tariff_id: {name.id} is not known")
    return Answer(data=call.adapter.write(tariff))


async def put_tariff(call: Call) -> Answer:
    in_path = object_in_path(call, "tariff_id")
    tariff = call.adapter.read(Tariff, call.body, call.parties).value
    check_body(call, in_path, tariff.object_id)
    async with call.services.store.transaction() as unit:
        outcome = await unit.tariffs.put(tariff, source=call.connection.id)
    return Answer(http_status=201 if outcome.created else 200, object_key=tariff.object_id.key)


async def delete_tariff(call: Call) -> Answer:
    name = object_in_path(call, "tariff_id")
    async with call.services.store.transaction() as unit:
        removed = await unit.tariffs.remove(name, source=call.connection.id)
    if not removed:
        raise UnknownObject(f"tariff_id: {name.id} is not known")
    return Answer(object_key=name.key)
