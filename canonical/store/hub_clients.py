"""The parties behind hubs, as each hub tells of them."""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, and_, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from canonical.identity import ObjectId, PartyId
from canonical.partner import ClientStatus, Connection, HubClient, Side
from canonical.store.documents import text_of
from canonical.store.objects import PutOutcome
from canonical.store.tables import HubClientRow


class HubClientRepository:
    """The newest state of every client of every hub. `source` is the id of the connection to the hub."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, client: HubClient, *, source: str) -> PutOutcome[HubClient]:
        """Store a state unless a newer one (by `last_updated`) is stored; an equally old one replaces it.

        Repeated: stored again with the same result. Reordered: the older of two states never replaces the newer
        one (`applied` False). At the same time: the second writer waits for the first. Cut off: nothing is stored.
        """
        columns = {
            "source": source,
            "key": client.object_id.key,
            "party_key": client.party.key,
            "last_updated": client.last_updated,
            "document": text_of(client),
        }
        adding = insert(HubClientRow).values(columns).on_conflict_do_nothing(index_elements=["source", "key"])
        stored = select(col(HubClientRow.document)).where(_is(client.object_id, source)).with_for_update()
        # Once more when the row that was in the way is removed between the two statements.
        while (await self._connection.execute(adding.returning(col(HubClientRow.number)))).first() is None:
            document = (await self._connection.execute(stored)).scalar()
            if document is not None:
                return await self._replace(HubClient.model_validate_json(document), client, columns)
        return PutOutcome(created=True, applied=True, before=None)

    async def get(self, party: PartyId, *, source: str) -> HubClient | None:
        """A party behind a hub, in the role that changed last: the protocol's address names no role."""
        query = (
            select(col(HubClientRow.document))
            .where(col(HubClientRow.source) == source, col(HubClientRow.party_key) == party.key)
            .order_by(col(HubClientRow.last_updated).desc(), col(HubClientRow.number).desc())
            .limit(1)
        )
        document = (await self._connection.execute(query)).scalar()
        return None if document is None else HubClient.model_validate_json(document)

    async def all(self, *, source: str) -> tuple[HubClient, ...]:
        """Every client of one hub, in order of creation."""
        return await self._where(col(HubClientRow.source) == source)

    async def remove(self, client: ObjectId, *, source: str) -> bool:
        """Forget a client that the hub no longer lists. False when there is none."""
        removing = delete(HubClientRow).where(_is(client, source)).returning(col(HubClientRow.number))
        return (await self._connection.execute(removing)).first() is not None

    async def speakers(
        self, connection: Connection, parties: Iterable[PartyId], our_side: Side | None = None
    ) -> frozenset[str]:
        """Keys of those of `parties` that speak on a connection, opposite to one of our sides (None: to any).

        On a direct connection these are the partner's own. Behind a hub they are the clients that it has told of,
        whatever their status but SUSPENDED, and the parties of its credentials that it has told nothing else of. Only
        the parties that are asked for are looked up, in one query, and only for a hub.
        """
        asked = {party.key: party for party in parties if party.key != connection.our_party.key}
        if connection.hub is None:
            return frozenset(key for key, party in asked.items() if connection.owns(party))
        told: dict[str, list[HubClient]] = {}
        if asked:
            chosen = (col(HubClientRow.source) == connection.id, col(HubClientRow.party_key).in_(sorted(asked)))
            for client in await self._where(*chosen):
                told.setdefault(client.party.key, []).append(client)
        return frozenset(key for key in asked if _speaks(connection, key, told.get(key), our_side))

    async def reachable(self, connection: Connection, our_side: Side) -> tuple[PartyId, ...]:
        """Everybody opposite to one of our sides: the partner's parties, and the clients of a hub."""
        named = {r.party.key: r.party for r in connection.partner_roles if our_side.met_by(r.role)}
        if connection.hub is None:
            return tuple(named.values())
        told: dict[str, list[HubClient]] = {}
        for client in await self.all(source=connection.id):
            told.setdefault(client.party.key, []).append(client)
        parties = named | {clients[0].party.key: clients[0].party for clients in told.values()}
        return tuple(
            party
            for key, party in parties.items()
            if key != connection.our_party.key and _speaks(connection, key, told.get(key), our_side)
        )

    async def is_away(self, connection: Connection, party: PartyId | None, our_side: Side) -> bool:
        """Whether a hub has said that it cannot reach a party in any role opposite to our side."""
        if connection.hub is None or party is None:
            return False
        told = await self._where(col(HubClientRow.source) == connection.id, col(HubClientRow.party_key) == party.key)
        statuses = {client.status for client in told if our_side.met_by(client.role)}
        return bool(statuses) and ClientStatus.CONNECTED not in statuses

    async def _replace(self, before: HubClient, client: HubClient, columns: dict[str, object]) -> PutOutcome[HubClient]:
        """Write over a row that is locked by this transaction."""
        if client.last_updated < before.last_updated:
            return PutOutcome(created=False, applied=False, before=before)
        replacing = (
            insert(HubClientRow).values(columns).on_conflict_do_update(index_elements=["source", "key"], set_=columns)
        )
        await self._connection.execute(replacing)
        return PutOutcome(created=False, applied=True, before=before)

    async def _where(self, *chosen: ColumnElement[bool]) -> tuple[HubClient, ...]:
        query = select(col(HubClientRow.document)).where(*chosen).order_by(col(HubClientRow.number))
        rows = (await self._connection.execute(query)).scalars()
        return tuple(HubClient.model_validate_json(document) for document in rows)


def _speaks(connection: Connection, key: str, told: list[HubClient] | None, our_side: Side | None) -> bool:
    """What the hub tells of a client counts before what stands in its credentials."""
    sides = connection.our_sides if our_side is None else (our_side,)
    if told:
        roles = [client.role for client in told if client.status is not ClientStatus.SUSPENDED]
    else:
        roles = [role.role for role in connection.partner_roles if role.party.key == key]
    return any(side.met_by(role) for side in sides for role in roles)


def _is(client: ObjectId, source: str) -> ColumnElement[bool]:
    return and_(col(HubClientRow.source) == source, col(HubClientRow.key) == client.key)
