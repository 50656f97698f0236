"""The log with everything that is done with it: extended, looked through, and taken from for one CDR."""

from collections.abc import AsyncIterator, Sequence

from canonical.store.log.audit import audit
from canonical.store.log.bundle import Bundle
from canonical.store.log.checkpoint import Checkpoint
from canonical.store.log.export import export
from canonical.store.log.fault import Audit, Fault
from canonical.store.log.log import LogRepository
from canonical.store.log.note import PublicKey, SigningKey
from canonical.store.transaction import Transaction
from canonical.vault import Vault


class FinancialLog(LogRepository):
    """`audit` and `export` begin a transaction of their own kind: nothing else may have been asked in it before."""

    def __init__(self, connection: Transaction, vault: Vault) -> None:
        super().__init__(connection)
        self._vault = vault

    def audit(self, keys: Sequence[PublicKey], found: Audit, held: Sequence[Checkpoint] = ()) -> AsyncIterator[Fault]:
        """See `canonical.store.log.audit`."""
        return audit(self._connection, keys, found, held)

    async def export(
        self,
        key: SigningKey,
        cdr: str,
        *,
        connection_id: str | None = None,
        since: str | None = None,
        papers: bool = True,
        with_keys: bool = False,
    ) -> Bundle:
        """See `canonical.store.log.export`."""
        return await export(
            self._connection,
            key,
            cdr,
            connection_id=connection_id,
            since=since,
            papers=papers,
            opened_with=self._vault if with_keys else None,
        )
