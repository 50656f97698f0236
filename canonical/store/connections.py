"""The connections to partners."""

from sqlalchemy import case, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from canonical.identity import PartyId
from canonical.model import fold
from canonical.partner import Connection, LinkState
from canonical.store.documents import text_of
from canonical.store.errors import AlreadyExists, NotFound
from canonical.store.tables import ConnectionRow


class ConnectionRepository:
    """Connections by id, and by the parties for which their partners speak."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

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

    async def get(self, connection_id: str) -> Connection:
        """Raises NotFound."""
        query = select(col(ConnectionRow.document)).where(col(ConnectionRow.key) == fold(connection_id))
        document = (await self._connection.execute(query)).scalar()
        if document is None:
            raise NotFound(f"no connection {connection_id}")
        return Connection.model_validate_json(document)

    async def list(self) -> tuple[Connection, ...]:
        """All connections, in order of creation."""
        query = select(col(ConnectionRow.document)).order_by(col(ConnectionRow.number))
        rows = (await self._connection.execute(query)).scalars()
        return tuple(Connection.model_validate_json(document) for document in rows)

    async def save(self, connection: Connection) -> None:
        """Replace a connection that exists. Raises NotFound.

        Repeated: the same state again. Reordered: the last writer wins, so a connection has one writer at a
        time (its handshake). Cut off: the state before stays.
        """
        saving = (
            update(ConnectionRow)
            .where(col(ConnectionRow.key) == fold(connection.id))
            .values(_columns(connection))
            .returning(col(ConnectionRow.number))
        )
        if (await self._connection.execute(saving)).first() is None:
            raise NotFound(f"no connection {connection.id}")

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
