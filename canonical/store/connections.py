"""The connections to partners."""

from collections.abc import Callable

from sqlalchemy import case, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from canonical.event import EventKind
from canonical.identity import PartyId
from canonical.model import fold
from canonical.partner import Connection, LinkState
from canonical.store.documents import text_of
from canonical.store.errors import AlreadyExists, NotFound
from canonical.store.events import EventRepository
from canonical.store.tables import ConnectionRow
from canonical.store.transaction import Transaction

_GET = "SELECT document FROM connection WHERE key = $1"
"""For the driver: whatever we do with a partner asks for it."""


class ConnectionRepository:
    """Connections by id, and by the parties for which their partners speak."""

    def __init__(self, connection: Transaction, changed: Callable[[], None] = lambda: None) -> None:
        """`changed` is told when a connection was written: what is remembered of it may be wrong from then on."""
        self._connection = connection
        self._changed = changed

    async def add(self, connection: Connection) -> None:
        """Add a new connection. Raises AlreadyExists when the id is taken (in any spelling).

        Repeated: AlreadyExists. Cut off: nothing is added.
        """
        adding = (
            insert(ConnectionRow)
            .values(_columns(connection))
            .on_conflict_do_nothing(index_elements=["key"])
            .returning(col(ConnectionRow.number))
        )
        if (await self._connection.execute(adding)).first() is None:
            raise AlreadyExists(f"connection {connection.id} exists")
        await self._tell(connection)

    async def get(self, connection_id: str, *, lock: bool = False) -> Connection:
        """Raises NotFound.

        `lock`: for who changes it and saves it. Every other writer waits, so that none undoes what another decided.
        """
        name = fold(connection_id)
        found = await (self._connection.ask(f"{_GET} FOR UPDATE", name) if lock else self._connection.look(_GET, name))
        if not found:
            raise NotFound(f"no connection {connection_id}")
        return Connection.model_validate_json(found[0][0])

    async def list(self) -> tuple[Connection, ...]:
        """All connections, in order of creation."""
        query = select(col(ConnectionRow.document)).order_by(col(ConnectionRow.number))
        rows = (await self._connection.execute(query)).scalars()
        return tuple(Connection.model_validate_json(document) for document in rows)

    async def page(self, *, after: str = "", limit: int) -> tuple[Connection, ...]:
        """Connections behind an id, in the order of their folded ids."""
        query = (
            select(col(ConnectionRow.document))
            .where(col(ConnectionRow.key) > after)
            .order_by(col(ConnectionRow.key))
            .limit(limit)
        )
        rows = (await self._connection.execute(query)).scalars()
        return tuple(Connection.model_validate_json(document) for document in rows)

    async def save(self, connection: Connection) -> None:
        """Replace a connection that exists. Raises NotFound.

        Repeated: the same state again. Reordered: the last writer wins, so who saves has read it with `lock` in the
        same transaction. Cut off: the state before stays.
        """
        standing = select(col(ConnectionRow.state)).where(col(ConnectionRow.key) == fold(connection.id))
        before = (await self._connection.execute(standing.with_for_update())).scalar()
        saving = (
            update(ConnectionRow)
            .where(col(ConnectionRow.key) == fold(connection.id))
            .values(_columns(connection))
            .returning(col(ConnectionRow.number))
        )
        if (await self._connection.execute(saving)).first() is None:
            raise NotFound(f"no connection {connection.id}")
        self._changed()
        if before != connection.state.value:
            await self._tell(connection)

    async def _tell(self, connection: Connection) -> None:
        """The operator's own systems hear of every change of state."""
        await EventRepository(self._connection).add(
            EventKind.CONNECTION_CHANGED, connection.id, connection.id, connection
        )

    async def for_party(self, party: PartyId) -> Connection | None:
        """The connection whose partner speaks for `party`: a connected one first, then the newest."""
        connected = case((col(ConnectionRow.state) == LinkState.CONNECTED.value, 0), else_=1)
        query = (
            select(col(ConnectionRow.document))
            .where(col(ConnectionRow.party_keys).contains([party.key]))
            .order_by(connected, col(ConnectionRow.number).desc())
            .limit(1)
        )
        document = (await self._connection.execute(query)).scalar()
        return None if document is None else Connection.model_validate_json(document)


def _columns(connection: Connection) -> dict[str, object]:
    return {
        "key": fold(connection.id),
        "state": connection.state.value,
        "party_keys": sorted({role.party.key for role in connection.partner_roles}),
        "document": text_of(connection),
    }
