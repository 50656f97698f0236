"""The keys of the operator's own systems. A key is shown once; what is kept finds it, and cannot become it."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import SecretStr
from sqlalchemy import RowMapping, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from canonical.store.errors import NotFound
from canonical.store.tables import ApiKeyRow
from canonical.vault import Vault, new_token

_USE_NOTED_EVERY = timedelta(minutes=1)
"""The last use is known to the minute: a write for every request would cost more than the request."""


@dataclass(frozen=True)
class ApiKey:
    """A key without its secret. `scopes` are words such as `charging:write`; what they open the API says."""

    id: str
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None


class ApiKeyRepository:
    """Keys by id, and by keyed hash."""

    def __init__(self, connection: AsyncConnection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    async def create(
        self, name: str, scopes: Collection[str], expires_at: datetime | None = None
    ) -> tuple[ApiKey, SecretStr]:
        """A new key and its secret, which cannot be had again. Repeated: another key. Cut off: none is made."""
        secret = SecretStr(f"roam_{new_token().get_secret_value()}")
        creating = (
            insert(ApiKeyRow)
            .values(
                id=f"key_{secrets.token_hex(6)}",
                name=name,
                lookup_hash=self._vault.lookup_hash(secret),
                scopes=sorted(set(scopes)),
                expires_at=expires_at,
            )
            .returning(*_COLUMNS)
        )
        return _key((await self._connection.execute(creating)).mappings().one()), secret

    async def admit(self, secret: SecretStr, at: datetime) -> ApiKey | None:
        """The key that a secret belongs to, unless it is expired or revoked; its use is noted.

        The search is by keyed hash: its duration tells nothing about the secret.
        """
        query = select(*_COLUMNS).where(
            col(ApiKeyRow.lookup_hash) == self._vault.lookup_hash(secret),
            col(ApiKeyRow.revoked_at).is_(None),
            or_(col(ApiKeyRow.expires_at).is_(None), col(ApiKeyRow.expires_at) > at),
        )
        row = (await self._connection.execute(query)).mappings().first()
        if row is None:
            return None
        key = _key(row)
        if key.used_at is None or at - key.used_at >= _USE_NOTED_EVERY:
            using = update(ApiKeyRow).where(col(ApiKeyRow.id) == key.id).values(used_at=at)
            await self._connection.execute(using)
        return key

    async def list(self, *, after: str = "", limit: int) -> tuple[ApiKey, ...]:
        """Keys in the order of their ids, the revoked ones too."""
        query = select(*_COLUMNS).where(col(ApiKeyRow.id) > after).order_by(col(ApiKeyRow.id)).limit(limit)
        return tuple(_key(row) for row in (await self._connection.execute(query)).mappings())

    async def get(self, key_id: str) -> ApiKey:
        """Raises NotFound."""
        query = select(*_COLUMNS).where(col(ApiKeyRow.id) == key_id)
        row = (await self._connection.execute(query)).mappings().first()
        if row is None:
            raise NotFound(f"no API key {key_id}")
        return _key(row)

    async def revoke(self, key_id: str) -> ApiKey:
        """End a key for good. Raises NotFound. Repeated: the first moment stays. Cut off: the key lives."""
        revoking = (
            update(ApiKeyRow)
            .where(col(ApiKeyRow.id) == key_id)
            .values(revoked_at=func.coalesce(col(ApiKeyRow.revoked_at), func.now()))
        )
        await self._connection.execute(revoking)
        return await self.get(key_id)


_COLUMNS = (
    col(ApiKeyRow.id),
    col(ApiKeyRow.name),
    col(ApiKeyRow.scopes),
    col(ApiKeyRow.created_at),
    col(ApiKeyRow.expires_at),
    col(ApiKeyRow.revoked_at),
    col(ApiKeyRow.used_at),
)


def _key(row: RowMapping) -> ApiKey:
    return ApiKey(
        id=row["id"],
        name=row["name"],
        scopes=tuple(row["scopes"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        used_at=row["used_at"],
    )
