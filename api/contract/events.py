"""What has happened, in order: the operator's own systems read on from where they were."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from api.contract.listing import Limit, cursor, number
from api.services import Services
from canonical.event import Event, EventKind
from canonical.store import StoredEvent

_LIST = "events"
_NOW = "now"
_LOOK_EVERY_S = 0.25

_EXAMPLE: JsonDict = {
    "id": "evt_4711",
    "type": "session.ended",
    "timestamp": "2026-03-28T22:00:01Z",
    "object": {"kind": "session", "key": "DE*RMW/S-1001"},
    "connection": "mobility",
    "data": {"id": "S-1001", "status": "COMPLETED", "energy_kwh": "11.000"},
}


class EventPage(BaseModel):
    """Events in order, and where to read on. `next` is there also when nothing has happened."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_EXAMPLE], "next": "ZXZlbnRzCjQ3MTE"}]})

    items: tuple[Event, ...]
    next: str = Field(description="Send it as `after` to read on; keep it when what came is dealt with.")


Kinds = Annotated[
    list[EventKind] | None,
    Query(alias="kind", max_length=50, description="Only events of these kinds; may be given several times."),
]


def routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/events", tags=["events"])

    @router.get("")
    async def list_events(
        request: Request,
        kind: Kinds = None,
        after: Annotated[
            str | None,
            Query(max_length=300, description="`next` of the page before, or `now`; without it, from the first event."),
        ] = None,
        limit: Limit = 100,
        wait: Annotated[int, Query(ge=0, le=30, description="Seconds to wait for an event when there is none.")] = 0,
    ) -> EventPage:
        """Events behind a cursor, oldest first. None is missed and none comes twice.

        With `wait` the answer comes as soon as there is an event, and empty when there was none in that time.
        """
        place = await _now(services) if after == _NOW else number(_LIST, after) or 0
        deadline = asyncio.get_running_loop().time() + wait
        while True:
            found = await _read(services, place, tuple(kind or ()), limit)
            late = asyncio.get_running_loop().time() >= deadline
            if found or late or await request.is_disconnected():
                break
            await asyncio.sleep(_LOOK_EVERY_S)
        last = found[-1].number if found else place
        return EventPage(items=tuple(stored.event for stored in found), next=cursor(_LIST, last))

    return router


async def _now(services: Services) -> int:
    async with services.store.transaction() as unit:
        return await unit.events.last()


async def _read(services: Services, place: int, kinds: tuple[EventKind, ...], limit: int) -> tuple[StoredEvent, ...]:
    async with services.store.transaction() as unit:
        return await unit.events.after(place, kinds=kinds, limit=limit)
