"""A site opened for looking: its database twice, as rows and as the store opens them, and its Temporal."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import asyncpg
from pydantic import SecretStr
from temporalio.client import Client

from canonical.identity import PartyId
from canonical.store import Store
from canonical.store.log import SigningKey
from canonical.vault import Vault
from deploy.chaos.evidence import Site
from deploy.composition import log_name
from deploy.temporal_client import connect_to


@dataclass(frozen=True)
class Books:
    """The database of one site. Rows are read as they stand; `store` opens what is sealed in them."""

    site: Site
    sql: asyncpg.Connection
    store: Store
    vault: Vault

    @property
    def signing_key(self) -> SigningKey:
        return SigningKey(SecretStr(self.site.evidence_key), log_name(PartyId.parse(self.site.party)))

    def about(self, what: str) -> str:
        """`cpo session DE*ABC/S1`."""
        return f"{self.site.name} {what}"


@asynccontextmanager
async def opened(site: Site) -> AsyncIterator[Books]:
    """Its database. Raises StoreUnavailable, OSError or asyncpg's errors while it is not there."""
    vault = Vault(SecretStr(site.secret_key))
    async with AsyncExitStack() as stack:
        sql = await asyncpg.connect(site.database_url.replace("+asyncpg", ""))
        stack.push_async_callback(sql.close)
        store = await Store.connect(site.database_url, vault, pool_size=2)
        stack.push_async_callback(store.close)
        yield Books(site, sql, store, vault)


async def temporal_of(site: Site) -> Client:
    """Raises RuntimeError while it is not there."""
    return await connect_to(site.temporal_address, site.temporal_namespace, Vault(SecretStr(site.secret_key)))
