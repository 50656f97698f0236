"""The tokens of a connection, in both directions. None of them is ever stored in clear.

A token they call us with is found by its keyed hash and kept sealed, because `GET credentials` has to
return it. A token we call them with is kept sealed. A new token lives beside the old one until the partner
has used it, so that a lost answer locks nobody out. A token that a partner offers is kept at once, and used only from
when the exchange is answered.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import uuid4

from pydantic import SecretStr
from sqlalchemy import func, literal, null, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from canonical.model import fold
from canonical.partner import Connection, LinkState, Offer
from canonical.store.errors import NotFound
from canonical.store.tables import AccessTokenRow, ConnectionRow, OutboundTokenRow
from canonical.vault import Vault, new_token


class AccessPurpose(StrEnum):
    """What an inbound token is good for: the handshake alone, or everything that follows."""

    REGISTRATION = "REGISTRATION"
    ACCESS = "ACCESS"


@dataclass(frozen=True)
class Admitted:
    """Who calls: the connection that a token belongs to, and what the token is good for.

    `used`: its use has been noted, so noting it again would change nothing.
    """

    connection: Connection
    purpose: AccessPurpose
    token_id: int
    issued_at: datetime
    used: bool = False


@dataclass(frozen=True)
class HeldToken:
    """A token that a partner gave us, and that has not been retired. With an `offer` it is not in use yet."""

    number: int
    token: SecretStr
    kept_at: datetime
    offer: Offer | None = None


@dataclass(frozen=True)
class Standing:
    """When the newest live token of each kind came about (UTC). None: there is none.

    `proved_at` is when the partner first used the newest token by which it calls us; None: it has not.
    """

    invited_at: datetime | None = None
    issued_at: datetime | None = None
    proved_at: datetime | None = None
    received_at: datetime | None = None


class AccessRepository:
    """Tokens of both directions."""

    def __init__(self, connection: AsyncConnection, vault: Vault, changed: Callable[[], None] = lambda: None) -> None:
        """`changed` is told when a token was retired or used: what is remembered of it is wrong from then on."""
        self._connection = connection
        self._vault = vault
        self._changed = changed

    async def issue(self, connection_id: str, purpose: AccessPurpose, request_key: str) -> SecretStr:
        """A token that the partner calls us with, live at once, beside the older ones.

        Repeated with the same `request_key`: the same token again. At the same time: one token is made, both
        get it. Cut off: none is made.
        """
        token = new_token()
        issuing = (
            insert(AccessTokenRow)
            .values(
                connection_id=fold(connection_id),
                purpose=purpose.value,
                request_key=request_key,
                lookup_hash=self._vault.lookup_hash(token),
                sealed=self._vault.seal(token),
            )
            .on_conflict_do_nothing(index_elements=["connection_id", "purpose", "request_key"])
        )
        await self._connection.execute(issuing)
        issued = select(col(AccessTokenRow.sealed)).where(
            col(AccessTokenRow.connection_id) == fold(connection_id),
            col(AccessTokenRow.purpose) == purpose.value,
            col(AccessTokenRow.request_key) == request_key,
        )
        return self._vault.open((await self._connection.execute(issued)).scalar_one())

    async def has_issued(self, connection_id: str, purpose: AccessPurpose, request_key: str) -> bool:
        """Whether a request has got its token: then what it asked for is done."""
        query = select(col(AccessTokenRow.number)).where(
            col(AccessTokenRow.connection_id) == fold(connection_id),
            col(AccessTokenRow.purpose) == purpose.value,
            col(AccessTokenRow.request_key) == request_key,
        )
        return (await self._connection.execute(query)).first() is not None

    async def admit(self, token: SecretStr) -> Admitted | None:
        """Whose token it is, or None. The search is by keyed hash: its duration tells nothing about the token."""
        query = (
            select(
                col(AccessTokenRow.number),
                col(AccessTokenRow.purpose),
                col(AccessTokenRow.issued_at),
                col(AccessTokenRow.used_at),
                col(ConnectionRow.document),
            )
            .join(ConnectionRow, col(ConnectionRow.key) == col(AccessTokenRow.connection_id))
            .where(
                col(AccessTokenRow.lookup_hash) == self._vault.lookup_hash(token),
                col(AccessTokenRow.retired_at).is_(None),
            )
        )
        row = (await self._connection.execute(query)).first()
        if row is None:
            return None
        number, purpose, issued_at, used_at, document = row
        return Admitted(
            connection=Connection.model_validate_json(document),
            purpose=AccessPurpose(purpose),
            token_id=number,
            issued_at=issued_at,
            used=used_at is not None,
        )

    async def confirm_use(self, token_id: int) -> None:
        """Note that the partner has used a token. First use of an ACCESS token retires all older ones.

        That is what makes it safe to renew at any time: until then the older ones are as good.
        Repeated: nothing more happens. Reordered: only older tokens are retired, never a newer one. Cut off:
        the older tokens stay live until the next use.
        """
        using = (
            update(AccessTokenRow)
            .where(
                col(AccessTokenRow.number) == token_id,
                col(AccessTokenRow.used_at).is_(None),
                col(AccessTokenRow.retired_at).is_(None),
            )
            .values(used_at=func.now())
            .returning(col(AccessTokenRow.connection_id), col(AccessTokenRow.purpose))
        )
        row = (await self._connection.execute(using)).first()
        if row is not None:
            self._changed()
        if row is None or row.purpose != AccessPurpose.ACCESS.value:
            return
        await self._connection.execute(
            update(AccessTokenRow)
            .where(
                col(AccessTokenRow.connection_id) == row.connection_id,
                col(AccessTokenRow.number) < token_id,
                col(AccessTokenRow.retired_at).is_(None),
            )
            .values(retired_at=func.now())
        )

    async def live(self, connection_id: str, purpose: AccessPurpose) -> SecretStr | None:
        """The newest live token of a purpose that the partner may call us with."""
        query = (
            select(col(AccessTokenRow.sealed))
            .where(
                col(AccessTokenRow.connection_id) == fold(connection_id),
                col(AccessTokenRow.purpose) == purpose.value,
                col(AccessTokenRow.retired_at).is_(None),
            )
            .order_by(col(AccessTokenRow.number).desc())
            .limit(1)
        )
        sealed = (await self._connection.execute(query)).scalar()
        return None if sealed is None else self._vault.open(sealed)

    async def standing(self, connection_id: str) -> Standing:
        """How old the tokens of a connection are, in both directions."""
        inbound = (
            select(col(AccessTokenRow.purpose), col(AccessTokenRow.issued_at), col(AccessTokenRow.used_at))
            .where(col(AccessTokenRow.connection_id) == fold(connection_id), col(AccessTokenRow.retired_at).is_(None))
            .order_by(col(AccessTokenRow.number))
        )
        newest = {row.purpose: row for row in (await self._connection.execute(inbound)).all()}
        invitation, access = newest.get(AccessPurpose.REGISTRATION.value), newest.get(AccessPurpose.ACCESS.value)
        outbound = select(func.max(col(OutboundTokenRow.kept_at))).where(
            col(OutboundTokenRow.connection_id) == fold(connection_id),
            col(OutboundTokenRow.offer).is_(None),
            col(OutboundTokenRow.retired_at).is_(None),
        )
        return Standing(
            invited_at=None if invitation is None else invitation.issued_at,
            issued_at=None if access is None else access.issued_at,
            proved_at=None if access is None else access.used_at,
            received_at=(await self._connection.execute(outbound)).scalar(),
        )

    async def due_for_renewal(self, before: datetime) -> tuple[str, ...]:
        """Connected partners whose newest token was issued before a moment, by the ids of their connections."""
        query = (
            select(col(ConnectionRow.document))
            .join(AccessTokenRow, col(AccessTokenRow.connection_id) == col(ConnectionRow.key))
            .where(
                col(ConnectionRow.state) == LinkState.CONNECTED.value,
                col(AccessTokenRow.purpose) == AccessPurpose.ACCESS.value,
                col(AccessTokenRow.retired_at).is_(None),
            )
            .group_by(col(ConnectionRow.number))
            .having(func.max(col(AccessTokenRow.issued_at)) < before)
            .order_by(col(ConnectionRow.number))
        )
        rows = (await self._connection.execute(query)).scalars()
        return tuple(Connection.model_validate_json(document).id for document in rows)

    async def withdraw_invitations(self, connection_id: str) -> None:
        """Retire the registration tokens of a connection: a new one takes their place. Repeatable."""
        self._changed()
        await self._connection.execute(
            update(AccessTokenRow)
            .where(
                col(AccessTokenRow.connection_id) == fold(connection_id),
                col(AccessTokenRow.purpose) == AccessPurpose.REGISTRATION.value,
                col(AccessTokenRow.retired_at).is_(None),
            )
            .values(retired_at=func.now())
        )

    async def revoke_all(self, connection_id: str) -> None:
        """Retire every token of a connection, in both directions: the relation has ended.

        Repeated: nothing more happens. Reordered: a token that is issued or kept later is live. Cut off: all
        stay live.
        """
        self._changed()
        for row in (AccessTokenRow, OutboundTokenRow):
            await self._connection.execute(
                update(row)
                .where(
                    col(row.connection_id) == fold(connection_id),
                    col(row.retired_at).is_(None),
                )
                .values(retired_at=func.now())
            )

    async def keep_outbound(self, connection_id: str, token: SecretStr, *, request_key: str) -> None:
        """Keep a token that we call the partner with; from now on it is the one that we use.

        Repeated with the same `request_key`: the token of the last call replaces that of the one before, for a
        partner may answer a repeated request with a fresh token. Reordered: a late repeat of an older request
        never overtakes a newer request's token. Cut off: the token before stays in use.
        """
        sealed = self._vault.seal(token)
        keeping = insert(OutboundTokenRow).values(
            connection_id=fold(connection_id), request_key=request_key, sealed=sealed
        )
        await self._connection.execute(
            keeping.on_conflict_do_update(
                index_elements=["connection_id", "request_key"],
                set_={"sealed": sealed, "kept_at": func.now(), "retired_at": None},
            )
        )

    async def keep_offered(self, connection_id: str, token: SecretStr, offer: Offer) -> None:
        """Keep a token that the partner offers, out of use: the one before it goes on to be used.

        Repeated: kept once more, and the last one counts. Cut off: nothing is kept.
        """
        await self._connection.execute(
            insert(OutboundTokenRow).values(
                connection_id=fold(connection_id),
                request_key=str(uuid4()),
                sealed=self._vault.seal(token),
                offer=offer.model_dump_json(),
            )
        )

    async def take_up(self, connection_id: str, number: int) -> bool:
        """From now on an offered token is the one that we use. False when it is no offer any more.

        What was offered before it is no offer either; it stays behind it. Repeated: False, and nothing more happens.
        Reordered: an older offer never overtakes a newer token. Cut off: the token before stays in use.
        """
        taking = (
            update(OutboundTokenRow)
            .where(
                col(OutboundTokenRow.connection_id) == fold(connection_id),
                col(OutboundTokenRow.number) <= number,
                col(OutboundTokenRow.offer).is_not(None),
                col(OutboundTokenRow.retired_at).is_(None),
            )
            .values(offer=null(), kept_at=func.now())
            .returning(col(OutboundTokenRow.number))
        )
        return number in (await self._connection.execute(taking)).scalars().all()

    async def has_outbound(self, connection_id: str, request_key: str) -> bool:
        """Whether the token that a request brought is kept: then the request need not be made again."""
        query = select(col(OutboundTokenRow.number)).where(
            col(OutboundTokenRow.connection_id) == fold(connection_id),
            col(OutboundTokenRow.request_key) == request_key,
        )
        return (await self._connection.execute(query)).first() is not None

    async def can_call(self, connection_id: str) -> bool:
        """Whether there is a token that we call the partner with."""
        query = select(col(OutboundTokenRow.number)).where(
            col(OutboundTokenRow.connection_id) == fold(connection_id), col(OutboundTokenRow.retired_at).is_(None)
        )
        return (await self._connection.execute(query.limit(1))).first() is not None

    async def held(self, connection_id: str) -> tuple[HeldToken, ...]:
        """Every token that we may call the partner with, the newest first: the partner may yet want an older one.

        Last come those that it has offered: it may have made one good without our answer.
        """
        query = (
            select(
                col(OutboundTokenRow.number),
                col(OutboundTokenRow.sealed),
                col(OutboundTokenRow.kept_at),
                col(OutboundTokenRow.offer),
            )
            .where(
                col(OutboundTokenRow.connection_id) == fold(connection_id),
                col(OutboundTokenRow.retired_at).is_(None),
            )
            .order_by(col(OutboundTokenRow.offer).is_not(None), col(OutboundTokenRow.number).desc())
        )
        rows = (await self._connection.execute(query)).all()
        return tuple(
            HeldToken(
                number, self._vault.open(sealed), kept_at, None if offer is None else Offer.model_validate_json(offer)
            )
            for number, sealed, kept_at, offer in rows
        )

    async def settle_on(self, connection_id: str, number: int) -> None:
        """The partner takes this token: those before it are retired.

        Repeated: nothing more happens. Reordered: a newer token is never retired. Cut off: all stay live.
        """
        await self._connection.execute(
            update(OutboundTokenRow)
            .where(
                col(OutboundTokenRow.connection_id) == fold(connection_id),
                col(OutboundTokenRow.number) < number,
                col(OutboundTokenRow.retired_at).is_(None),
            )
            .values(retired_at=func.now())
        )

    async def prefer_again(self, connection_id: str, number: int, *, request_key: str) -> bool:
        """Put an older token before the newer ones, which stay live. False when it is retired: a newer one was taken.

        Repeated: False, and nothing more happens. Reordered: in front of what had come by then. Cut off: the newer one
        stays in front.
        """
        older = select(col(OutboundTokenRow.connection_id), literal(request_key), col(OutboundTokenRow.sealed)).where(
            col(OutboundTokenRow.connection_id) == fold(connection_id),
            col(OutboundTokenRow.number) == number,
            col(OutboundTokenRow.retired_at).is_(None),
        )
        putting = (
            insert(OutboundTokenRow)
            .from_select(["connection_id", "request_key", "sealed"], older)
            .on_conflict_do_nothing(index_elements=["connection_id", "request_key"])
            .returning(col(OutboundTokenRow.number))
        )
        if (await self._connection.execute(putting)).first() is None:
            return False
        await self._connection.execute(
            update(OutboundTokenRow).where(col(OutboundTokenRow.number) == number).values(retired_at=func.now())
        )
        return True

    async def outbound(self, connection_id: str) -> SecretStr:
        """The token that we call the partner with. Raises NotFound."""
        query = (
            select(col(OutboundTokenRow.sealed))
            .where(
                col(OutboundTokenRow.connection_id) == fold(connection_id),
                col(OutboundTokenRow.offer).is_(None),
                col(OutboundTokenRow.retired_at).is_(None),
            )
            .order_by(col(OutboundTokenRow.number).desc())
            .limit(1)
        )
        sealed = (await self._connection.execute(query)).scalar()
        if sealed is None:
            raise NotFound(f"no token to call connection {connection_id} with")
        return self._vault.open(sealed)
