"""When a partner is pulled from: arranged by the state of its connection, however often it is asked for."""

from typing import Protocol

from temporalio import activity

from activities.failures import told_to_temporal
from activities.partner_link import pullable
from activities.resources import Resources
from canonical.partner import Connection, LinkState


class Arranger(Protocol):
    """The part of the signals that arranges schedules."""

    async def arrange(self, connection_id: str, state: LinkState) -> None: ...


class ScheduleActivities:
    def __init__(self, resources: Resources, arranger: Arranger) -> None:
        self._resources = resources
        self._arranger = arranger

    @activity.defn(name="schedules-arrange")
    async def arrange(self, connection_id: str) -> None:
        """Have the schedules of a connection run, rest or go, as its state says. Repeatable."""
        connection = await self._connection(connection_id)
        await self._arranger.arrange(connection.id, connection.state)

    @activity.defn(name="schedules-due")
    async def due(self, connection_id: str) -> list[str]:
        """The modules to pull now: none while the connection is not connected, and then it is asked no further."""
        connection = await self._connection(connection_id)
        if connection.state is not LinkState.CONNECTED:
            await self._arranger.arrange(connection.id, connection.state)
            return []
        return [module.value for module in pullable(connection)]

    async def _connection(self, connection_id: str) -> Connection:
        with told_to_temporal():
            async with self._resources.store.transaction() as work:
                return await work.connections.get(connection_id)
