"""What lies sealed by which key, and sealing it again by the key of now.

Only what the vault seals itself. What is sealed by a driver's key goes with that key: it is sealed here once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from canonical.store.transaction import Transaction
from canonical.vault import Vault

SEALED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "access_token": ("sealed",),
        "outbound_token": ("sealed",),
        "webhook": ("sealed_secret", "previous_sealed_secret"),
        "command": ("sealed_reply_to",),
        "idempotency": ("sealed_body",),
        "driver_key": ("sealed_key",),
    }
)
"""Tables, and their columns that hold bytes of the vault."""

_BATCH: Final = 500


@dataclass(frozen=True)
class SealedBy:
    """How many values of a column were sealed by one key. Its id is safe to show."""

    table: str
    column: str
    key_id: str
    values: int


class ResealingRepository:
    """Sealed values by their keys."""

    def __init__(self, connection: Transaction, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    async def overview(self) -> tuple[SealedBy, ...]:
        """Every column with sealed values, by key. Reads all of them once."""
        found = []
        for table, columns in SEALED.items():
            for column in columns:
                counts = await self._connection.ask(
                    f"SELECT encode(substr({column}, 1, 4), 'hex'), count(*) FROM {table}"  # noqa: S608  ours
                    f" WHERE {column} IS NOT NULL GROUP BY 1 ORDER BY 1"
                )
                found += [SealedBy(table, column, key_id, count) for key_id, count in counts]
        return tuple(found)

    async def reseal(self, table: str, column: str) -> int:
        """Seal some values by the key of now; their number. Repeated until it is 0: all of them.

        At the same time: each takes others. What somebody else writes meanwhile is sealed by the key of now anyway.
        Raises VaultError for a value whose key is not known any more: then nothing of this call is kept.
        """
        rows = await self._connection.ask(
            f"SELECT ctid::text, {column} FROM {table}"  # noqa: S608  names of ours
            f" WHERE substr({column}, 1, 4) <> $1 LIMIT {_BATCH} FOR UPDATE SKIP LOCKED",
            self._vault.key_id,
        )
        if rows:
            await self._connection.ask(
                f"UPDATE {table} SET {column} = r.sealed"  # noqa: S608  names of ours
                " FROM unnest($1::text[], $2::bytea[]) AS r (place, sealed)"
                f" WHERE {table}.ctid = r.place::tid RETURNING 1",
                [place for place, _ in rows],
                [self._vault.resealed(sealed) for _, sealed in rows],
            )
        return len(rows)

    async def finds_what_it_found(self) -> bool:
        """Whether tokens that are kept are still found by their hashes: the first secret of all is among the known.

        True also where there is no token to try it on. Raises VaultError when the newest cannot be opened.
        """
        rows = await self._connection.ask("SELECT lookup_hash, sealed FROM access_token ORDER BY number DESC LIMIT 1")
        return all(self._vault.lookup_hash(self._vault.open(sealed)) == kept for kept, sealed in rows)
