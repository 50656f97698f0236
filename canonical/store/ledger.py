"""The ledger: balanced entries, in minor units, that nobody can change.

The database itself checks at commit that the postings of every entry sum to zero in every currency.
"""

from collections import Counter, defaultdict

from sqlalchemy import BigInteger, cast, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from canonical.settlement import LedgerEntry, Posting
from canonical.store.documents import sha256_of, text_of
from canonical.store.errors import AlreadyExists, Unbalanced
from canonical.store.tables import LedgerEntryRow, LedgerPostingRow


class LedgerRepository:
    """Entries by key."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def post(self, entry: LedgerEntry) -> bool:
        """Post an entry. False when it is posted already. Raises AlreadyExists for other content, Unbalanced.

        Repeated: False. At the same time: one posts, the other gets False. Cut off: nothing is posted.
        """
        _require_balance(entry)
        text_of(entry)
        digest = sha256_of(entry)
        posting = (
            insert(LedgerEntryRow)
            .values(
                key=entry.key,
                event=entry.event,
                at=entry.at,
                text=entry.text,
                legs=len(entry.postings),
                sha256=digest,
            )
            .on_conflict_do_nothing(index_elements=["key"])
            .returning(col(LedgerEntryRow.number))
        )
        number = (await self._connection.execute(posting)).scalar()
        if number is None:
            await self._require_same(entry.key, digest)
            return False
        legs = [
            {
                "entry_number": number,
                "position": position,
                "account": leg.account,
                "currency": leg.currency,
                "amount_minor": leg.amount_minor,
            }
            for position, leg in enumerate(entry.postings)
        ]
        await self._connection.execute(insert(LedgerPostingRow), legs)
        return True

    async def entries(self) -> tuple[LedgerEntry, ...]:
        """All entries in the order in which they were posted."""
        return tuple(entry for _, entry in await self.page(limit=None))

    async def page(self, *, after: int = 0, limit: int | None) -> tuple[tuple[int, LedgerEntry], ...]:
        """Entries behind one of them, each after its number, in the order in which they were posted."""
        heads = (
            select(
                col(LedgerEntryRow.number),
                col(LedgerEntryRow.key),
                col(LedgerEntryRow.event),
                col(LedgerEntryRow.at),
                col(LedgerEntryRow.text),
            )
            .where(col(LedgerEntryRow.number) > after)
            .order_by(col(LedgerEntryRow.number))
            .limit(limit)
        )
        found = (await self._connection.execute(heads)).all()
        postings: defaultdict[int, list[Posting]] = defaultdict(list)
        legs = (
            select(
                col(LedgerPostingRow.entry_number),
                col(LedgerPostingRow.account),
                col(LedgerPostingRow.amount_minor),
                col(LedgerPostingRow.currency),
            )
            .where(
                col(LedgerPostingRow.entry_number) > after,
                col(LedgerPostingRow.entry_number) <= (found[-1].number if found else after),
            )
            .order_by(col(LedgerPostingRow.entry_number), col(LedgerPostingRow.position))
        )
        for number, account, amount_minor, currency in (await self._connection.execute(legs)).all():
            postings[number].append(Posting(account=account, amount_minor=amount_minor, currency=currency))
        return tuple(
            (number, LedgerEntry(key=key, event=event, at=at, postings=tuple(postings[number]), text=text))
            for number, key, event, at, text in found
            if number in postings
        )

    async def balances(self) -> dict[tuple[str, str], int]:
        """Balance of every (account, currency), in minor units; debit is positive."""
        total = cast(func.sum(col(LedgerPostingRow.amount_minor)), BigInteger)
        query = (
            select(col(LedgerPostingRow.account), col(LedgerPostingRow.currency), total)
            .group_by(col(LedgerPostingRow.account), col(LedgerPostingRow.currency))
            .order_by(col(LedgerPostingRow.account), col(LedgerPostingRow.currency))
        )
        rows = (await self._connection.execute(query)).all()
        return {(account, currency): amount for account, currency, amount in rows}

    async def _require_same(self, key: str, digest: str) -> None:
        query = select(col(LedgerEntryRow.sha256)).where(col(LedgerEntryRow.key) == key)
        if (await self._connection.execute(query)).scalar_one() != digest:
            raise AlreadyExists(f"ledger entry {key} was posted with other content")


def _require_balance(entry: LedgerEntry) -> None:
    sums: Counter[str] = Counter()
    for posting in entry.postings:
        sums[posting.currency] += posting.amount_minor
    off = {currency: amount for currency, amount in sums.items() if amount}
    if off:
        raise Unbalanced(f"ledger entry {entry.key} is off by {off}")
