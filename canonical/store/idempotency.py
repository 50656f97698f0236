"""One answer to one request, however often it is asked (contract API, `Idempotency-Key`)."""

from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from canonical.store.errors import IdempotencyConflict, NotFound
from canonical.store.tables import IdempotencyRow
from canonical.vault import Vault


@dataclass(frozen=True)
class StoredAnswer:
    """The answer that a request got the first time: HTTP status and body."""

    status: int
    body: bytes


class IdempotencyRepository:
    """Requests by key. `begin`, the work and `finish` belong into one transaction."""

    def __init__(self, connection: AsyncConnection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    async def begin(self, key: str, fingerprint: str) -> StoredAnswer | None:
        """None: do the work. An answer: give it again. Raises IdempotencyConflict for another fingerprint.

        Repeated: the stored answer, once there is one. At the same time: the second waits for the first one's
        transaction, and then gets its answer. Cut off: the key is as if never used.
        """
        beginning = (
            insert(IdempotencyRow)
            .values(key=key, fingerprint=fingerprint)
            .on_conflict_do_nothing(index_elements=["key"])
        )
        await self._connection.execute(beginning)
        query = (
            select(col(IdempotencyRow.fingerprint), col(IdempotencyRow.status), col(IdempotencyRow.sealed_body))
            .where(col(IdempotencyRow.key) == key)
            .with_for_update()
        )
        stored, status, sealed = (await self._connection.execute(query)).one()
        if stored != fingerprint:
            raise IdempotencyConflict("the idempotency key was used for another request")
        if status is None or sealed is None:
            return None
        return StoredAnswer(status=status, body=self._vault.open_bytes(sealed))

    async def finish(self, key: str, status: int, body: bytes) -> None:
        """Keep the answer, sealed, for it may hold a new token. Raises NotFound for a key that never began.

        Repeated: the first answer stays. Cut off: the work is undone with it, as they share the transaction.
        """
        finishing = (
            update(IdempotencyRow)
            .where(col(IdempotencyRow.key) == key)
            .values(
                status=func.coalesce(col(IdempotencyRow.status), status),
                sealed_body=func.coalesce(col(IdempotencyRow.sealed_body), self._vault.seal_bytes(body)),
                finished_at=func.coalesce(col(IdempotencyRow.finished_at), func.now()),
            )
            .returning(col(IdempotencyRow.key))
        )
        if (await self._connection.execute(finishing)).first() is None:
            raise NotFound("the idempotency key was never begun")
