"""Addresses of the operator's own systems that events are sent to, and how far each has got.

The secrets that sign are sealed. Where a webhook stands is the number of the last event that arrived: it moves only
forward, by whoever delivered, so that a repeat after a lost answer brings the same event again.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from pydantic import SecretStr
from sqlalchemy import RowMapping, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from canonical.event import EventKind
from canonical.store.errors import NotFound
from canonical.store.tables import EventRow, WebhookRow
from canonical.vault import Vault


@dataclass(frozen=True)
class Webhook:
    """`kinds` is empty for all. `failure` is why the last attempt came to nothing; None once one arrived."""

    id: str
    url: str
    kinds: tuple[EventKind, ...]
    position: int
    created_at: datetime
    delivered_at: datetime | None
    failed_at: datetime | None
    failure: str | None
    paused_at: datetime | None
    previous_secret_until: datetime | None


class WebhookRepository:
    """Webhooks by id."""

    def __init__(self, connection: AsyncConnection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    async def add(self, url: str, kinds: Collection[EventKind], secret: SecretStr, *, position: int) -> Webhook:
        """A webhook that is told what comes after `position`. Repeated: another one. Cut off: none is made."""
        adding = (
            insert(WebhookRow)
            .values(
                id=f"wh_{secrets.token_hex(8)}",
                url=url,
                kinds=sorted(kind.value for kind in set(kinds)),
                sealed_secret=self._vault.seal(secret),
                position=position,
            )
            .returning(*_COLUMNS)
        )
        return _webhook((await self._connection.execute(adding)).mappings().one())

    async def get(self, webhook_id: str) -> Webhook:
        """Raises NotFound."""
        query = select(*_COLUMNS).where(col(WebhookRow.id) == webhook_id)
        row = (await self._connection.execute(query)).mappings().first()
        if row is None:
            raise NotFound(f"no webhook {webhook_id}")
        return _webhook(row)

    async def list(self, *, after: str = "", limit: int) -> tuple[Webhook, ...]:
        """Webhooks in the order of their ids."""
        query = select(*_COLUMNS).where(col(WebhookRow.id) > after).order_by(col(WebhookRow.id)).limit(limit)
        return tuple(_webhook(row) for row in (await self._connection.execute(query)).mappings())

    async def remove(self, webhook_id: str) -> bool:
        """False when there is none. Repeated: False. Cut off: it is still there."""
        removing = delete(WebhookRow).where(col(WebhookRow.id) == webhook_id).returning(col(WebhookRow.id))
        return (await self._connection.execute(removing)).first() is not None

    async def secrets(self, webhook_id: str, at: datetime) -> tuple[SecretStr, ...]:
        """What signs now: the newest secret, then the one before while both do. Raises NotFound."""
        query = select(
            col(WebhookRow.sealed_secret), col(WebhookRow.previous_sealed_secret), col(WebhookRow.previous_until)
        ).where(col(WebhookRow.id) == webhook_id)
        row = (await self._connection.execute(query)).first()
        if row is None:
            raise NotFound(f"no webhook {webhook_id}")
        live = [row.sealed_secret]
        if row.previous_sealed_secret is not None and row.previous_until > at:
            live.append(row.previous_sealed_secret)
        return tuple(self._vault.open(sealed) for sealed in live)

    async def rotate(self, webhook_id: str, secret: SecretStr, *, overlap_until: datetime) -> Webhook:
        """Sign with a new secret, and with the one before as well until then. Raises NotFound.

        Repeated: the secret that was new is the one before. Cut off: the secret before goes on alone.
        """
        rotating = (
            update(WebhookRow)
            .where(col(WebhookRow.id) == webhook_id)
            .values(
                previous_sealed_secret=col(WebhookRow.sealed_secret),
                previous_until=overlap_until,
                sealed_secret=self._vault.seal(secret),
            )
        )
        await self._connection.execute(rotating)
        return await self.get(webhook_id)

    async def delivered(self, webhook_id: str, number: int, at: datetime) -> None:
        """The event of this number arrived. Repeated or reordered: never moves back. Cut off: it is sent again."""
        noting = (
            update(WebhookRow)
            .where(col(WebhookRow.id) == webhook_id, col(WebhookRow.position) < number)
            .values(position=number, delivered_at=at, failed_at=None, failure=None)
        )
        await self._connection.execute(noting)

    async def failed(self, webhook_id: str, reason: str, at: datetime) -> None:
        """An attempt came to nothing. Repeated: the last reason counts."""
        await self._set(webhook_id, failed_at=at, failure=reason)

    async def pause(self, webhook_id: str, at: datetime) -> None:
        """Send nothing more until it is resumed. Repeated: the last moment counts."""
        await self._set(webhook_id, paused_at=at)

    async def resume(self, webhook_id: str) -> Webhook:
        """Go on where it stopped. Raises NotFound. Repeated: nothing more happens."""
        await self._set(webhook_id, paused_at=None, failed_at=None, failure=None)
        return await self.get(webhook_id)

    async def behind(self, before: datetime | None = None, *, failing: bool = True) -> tuple[str, ...]:
        """Webhooks that are not paused, and that an event waits for, if it is given from before a moment.

        `failing` ones are being tried already: they are left out where waking them would only fill their history.
        """
        newest = (
            select(func.max(col(EventRow.number)))
            .where(
                col(EventRow.number) > col(WebhookRow.position),
                *(() if before is None else (col(EventRow.at) < before,)),
                (func.cardinality(col(WebhookRow.kinds)) == 0)
                | (col(EventRow.kind) == func.any(col(WebhookRow.kinds))),
            )
            .correlate(WebhookRow)
            .scalar_subquery()
        )
        query = select(col(WebhookRow.id)).where(col(WebhookRow.paused_at).is_(None), newest.is_not(None))
        if not failing:
            query = query.where(col(WebhookRow.failed_at).is_(None))
        return tuple((await self._connection.execute(query)).scalars())

    async def _set(self, webhook_id: str, **values: object) -> None:
        await self._connection.execute(update(WebhookRow).where(col(WebhookRow.id) == webhook_id).values(values))


_COLUMNS = (
    col(WebhookRow.id),
    col(WebhookRow.url),
    col(WebhookRow.kinds),
    col(WebhookRow.position),
    col(WebhookRow.created_at),
    col(WebhookRow.delivered_at),
    col(WebhookRow.failed_at),
    col(WebhookRow.failure),
    col(WebhookRow.paused_at),
    col(WebhookRow.previous_until),
)


def _webhook(row: RowMapping) -> Webhook:
    return Webhook(
        id=row["id"],
        url=row["url"],
        kinds=tuple(EventKind(kind) for kind in row["kinds"]),
        position=row["position"],
        created_at=row["created_at"],
        delivered_at=row["delivered_at"],
        failed_at=row["failed_at"],
        failure=row["failure"],
        paused_at=row["paused_at"],
        previous_secret_until=row["previous_until"],
    )
