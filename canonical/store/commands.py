"""Orders to chargers and to sessions, given by us or by partners, from the order to its last word.

Every step is a change of one row, made only where it leads on: a result is never overwritten, an order is never sent
twice. The address for a result may be a secret of its partner: it is sealed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import SecretStr
from sqlalchemy import ColumnElement, Row, and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from canonical.command import (
    Command,
    CommandKind,
    CommandOutcome,
    CommandRecord,
    CommandResponse,
    CommandResult,
    CommandState,
)
from canonical.identity import ObjectId, PartyId
from canonical.model import fold
from canonical.session import Session
from canonical.store.documents import text_of
from canonical.store.errors import NotFound
from canonical.store.tables import CommandRow
from canonical.token import TokenType
from canonical.vault import Vault

_SWEEP_LIMIT = 500
_MOST_ADMITTING = 20
_ADMITS_FOR = timedelta(minutes=15)
_CLOCKS_APART = timedelta(minutes=2)
"""A session without reference begins within so long after its order, by the partner's clock."""


@dataclass(frozen=True)
class Unsettled:
    """An order that somebody has to look after."""

    id: str
    connection_id: str
    ours: bool
    due_at: datetime


class CommandRepository:
    """Orders by id."""

    def __init__(self, connection: AsyncConnection, vault: Vault) -> None:
        self._connection = connection
        self._vault = vault

    async def add(
        self,
        record: CommandRecord,
        *,
        reply_to: str | None = None,
        session: ObjectId | None = None,
        admits_until: datetime | None = None,
    ) -> None:
        """Keep an order. `session` is the one that it is about; `reply_to` is where its result is to be sent.

        `admits_until`: so long a session may start with the token that came along. Repeated: raises, for the id is
        taken; a partner's repeat is found with `repeated`. Cut off: nothing is kept.
        """
        token = record.command.token
        adding = insert(CommandRow).values(
            id=record.id,
            connection_id=record.connection_id,
            party_key=None if record.party is None else record.party.key,
            ours=record.ours,
            kind=record.command.kind.value,
            state=record.state.value,
            settled=not record.state.is_open,
            subject=_subject(record.command, session),
            token_key=None if token is None else _token_key(token.uid, token.type),
            reference=_folded(record.command.authorization_reference),
            admits_until=admits_until,
            order_hash=None if reply_to is None else self._hash(record.command, reply_to),
            sealed_reply_to=None if reply_to is None else self._vault.seal(SecretStr(reply_to)),
            document=text_of(record.command.model_copy(update={"reply_to": None})),
            given_at=record.given_at,
            due_at=record.due_at,
            response=None if record.response is None else text_of(record.response),
            words_told=0,
            note=record.note,
        )
        await self._connection.execute(adding)

    async def get(self, command_id: str, *, lock: bool = False) -> CommandRecord:
        """`lock`: and let every other writer of it wait until the transaction ends. Raises NotFound."""
        query = select(CommandRow).where(col(CommandRow.id) == command_id)
        row = (await self._connection.execute(query.with_for_update() if lock else query)).first()
        if row is None:
            raise NotFound(f"no command {command_id}")
        return _record(row)

    async def repeated(self, connection_id: str, command: Command, *, since: datetime) -> CommandRecord | None:
        """The same order of a partner, with the same address for its result, if it came before and not long ago.

        A repeat that comes at the same moment waits until this transaction ends, and then finds what it has stored.
        There are partners with one address for all results: an order that is open, or young, is what makes a repeat.
        One that was refused is judged again.
        """
        digest = self._hash(command, command.reply_to or "")
        locked = func.pg_advisory_xact_lock(func.hashtextextended(f"command:{connection_id}:{digest}", 0))
        await self._connection.execute(select(locked))
        query = (
            select(CommandRow)
            .where(
                ~col(CommandRow.ours),
                col(CommandRow.connection_id) == connection_id,
                col(CommandRow.order_hash) == digest,
                col(CommandRow.state) != CommandState.REFUSED.value,
                or_(col(CommandRow.given_at) >= since, col(CommandRow.state).in_(_open_states())),
            )
            .order_by(col(CommandRow.number).desc())
            .limit(1)
        )
        row = (await self._connection.execute(query)).first()
        return None if row is None else _record(row)

    async def reply_to(self, command_id: str) -> str | None:
        """Where the partner wants the result."""
        query = select(col(CommandRow.sealed_reply_to)).where(col(CommandRow.id) == command_id)
        sealed = (await self._connection.execute(query)).scalar()
        return None if sealed is None else self._vault.open(sealed).get_secret_value()

    async def page(
        self,
        *,
        connection_id: str | None = None,
        ours: bool | None = None,
        state: CommandState | None = None,
        after: int = 0,
        limit: int,
    ) -> tuple[tuple[int, CommandRecord], ...]:
        """Orders in the order in which they were given, each with its place; `after` is the place to go on from."""
        query = select(CommandRow).where(col(CommandRow.number) > after)
        if connection_id is not None:
            query = query.where(col(CommandRow.connection_id) == connection_id)
        if ours is not None:
            query = query.where(col(CommandRow.ours) == ours)
        if state is not None:
            query = query.where(col(CommandRow.state) == state.value)
        rows = (await self._connection.execute(query.order_by(col(CommandRow.number)).limit(limit))).all()
        return tuple((row.number, _record(row)) for row in rows)

    async def begin_sending(self, command_id: str, at: datetime) -> bool:
        """True for the first caller alone: an order of ours goes out once, whatever becomes of its sender."""
        beginning = (
            update(CommandRow)
            .where(
                col(CommandRow.id) == command_id,
                col(CommandRow.sent_at).is_(None),
                col(CommandRow.state) == CommandState.REQUESTED.value,
            )
            .values(sent_at=at)
            .returning(col(CommandRow.id))
        )
        return (await self._connection.execute(beginning)).first() is not None

    async def answer(
        self,
        command_id: str,
        state: CommandState,
        *,
        response: CommandResponse | None = None,
        due_at: datetime | None = None,
        note: str = "",
    ) -> bool:
        """Note the first answer to an order of ours. False when there is one already, or the result came first.

        An answer that its own result has overtaken is kept beside it and changes nothing. Repeated: False, the first
        one stays. Cut off: none is noted, and the order counts as unanswered.
        """
        noting = (
            update(CommandRow)
            .where(col(CommandRow.id) == command_id, col(CommandRow.state) == CommandState.REQUESTED.value)
            .values(
                state=state.value,
                settled=not state.is_open,
                response=None if response is None else text_of(response),
                due_at=due_at or CommandRow.due_at,
                note=note,
            )
            .returning(col(CommandRow.id))
        )
        if (await self._connection.execute(noting)).first() is not None:
            return True
        if response is not None:
            overtaken = (col(CommandRow.id) == command_id, col(CommandRow.response).is_(None))
            await self._connection.execute(update(CommandRow).where(*overtaken).values(response=text_of(response)))
        return False

    async def conclude(self, command_id: str, result: CommandResult, at: datetime) -> bool:
        """Note the result of an open order. False when it has one: the first word counts.

        Ours is settled by it; a partner's is when the partner has been told. A session may start with the token of
        an order that came to nothing no longer. Repeated: False. Cut off: the order stays open.
        """
        admits = result.outcome in (CommandOutcome.ACCEPTED, CommandOutcome.TIMEOUT)
        concluding = (
            update(CommandRow)
            .where(col(CommandRow.id) == command_id, col(CommandRow.state).in_(_open_states()))
            .values(
                state=CommandState.CONCLUDED.value,
                settled=col(CommandRow.ours),
                result=text_of(result),
                concluded_at=at,
                admits_until=CommandRow.admits_until if admits else None,
            )
            .returning(col(CommandRow.id))
        )
        return (await self._connection.execute(concluding)).first() is not None

    async def add_afterword(self, command_id: str, result: CommandResult, *, tell: bool) -> bool:
        """Note what was said after the result. False when something was: the first afterword counts.

        `tell`: the partner has to hear of it too.
        """
        cancelled = result.outcome is CommandOutcome.CANCELED_RESERVATION
        noting = (
            update(CommandRow)
            .where(
                col(CommandRow.id) == command_id,
                col(CommandRow.state) == CommandState.CONCLUDED.value,
                col(CommandRow.afterword).is_(None),
            )
            .values(
                afterword=text_of(result),
                settled=col(CommandRow.settled) if not tell else False,
                admits_until=None if cancelled else CommandRow.admits_until,
            )
            .returning(col(CommandRow.id))
        )
        return (await self._connection.execute(noting)).first() is not None

    async def untold(self, command_id: str) -> tuple[CommandResult, ...]:
        """What a partner has yet to hear of the order that it gave, in turn: the result, a reservation taken back."""
        query = select(col(CommandRow.words_told), col(CommandRow.result), col(CommandRow.afterword)).where(
            col(CommandRow.id) == command_id, ~col(CommandRow.ours)
        )
        row = (await self._connection.execute(query)).first()
        if row is None or row.result is None:
            return ()
        words = [CommandResult.model_validate_json(row.result)]
        if row.afterword is not None:
            afterword = CommandResult.model_validate_json(row.afterword)
            if afterword.outcome is CommandOutcome.CANCELED_RESERVATION:
                words.append(afterword)
        return tuple(words[row.words_told :])

    async def told(self, command_id: str, at: datetime) -> None:
        """The partner has acknowledged the next word; the order is settled with the last one."""
        await self._connection.execute(
            update(CommandRow)
            .where(col(CommandRow.id) == command_id)
            .values(words_told=col(CommandRow.words_told) + 1, told_at=at)
        )
        if not await self.untold(command_id):
            await self.settle(command_id)

    async def settle(self, command_id: str, note: str | None = None) -> None:
        """Nothing is left to do, or nothing more is tried: `note` says why."""
        values: dict[str, object] = {"settled": True} if note is None else {"settled": True, "note": note}
        await self._connection.execute(update(CommandRow).where(col(CommandRow.id) == command_id).values(values))

    async def admitting(self, uid: str, token_type: TokenType, at: datetime) -> tuple[CommandRecord, ...]:
        """Orders of partners by which a session may start with this token at a moment, the newest first."""
        query = (
            select(CommandRow)
            .where(
                ~col(CommandRow.ours),
                col(CommandRow.token_key) == _token_key(uid, token_type),
                col(CommandRow.admits_until) > at,
                col(CommandRow.session_key).is_(None),
            )
            .order_by(col(CommandRow.number).desc())
            .limit(_MOST_ADMITTING)
        )
        return tuple(_record(row) for row in (await self._connection.execute(query)).all())

    async def given_up(self, uid: str, token_type: TokenType, since: datetime) -> tuple[CommandRecord, ...]:
        """Orders of partners with this token, given since a moment, that came to nothing, the newest first."""
        query = (
            select(CommandRow)
            .where(
                ~col(CommandRow.ours),
                col(CommandRow.token_key) == _token_key(uid, token_type),
                col(CommandRow.given_at) >= since,
                col(CommandRow.state) == CommandState.CONCLUDED.value,
                col(CommandRow.admits_until).is_(None),
                col(CommandRow.session_key).is_(None),
            )
            .order_by(col(CommandRow.number).desc())
            .limit(_MOST_ADMITTING)
        )
        return tuple(_record(row) for row in (await self._connection.execute(query)).all())

    async def began(self, command_id: str, session: ObjectId) -> None:
        """A session has begun by a partner's order, which is used up with it. Repeated: the first session stays."""
        await self._began(col(CommandRow.id) == command_id, session)

    async def began_by(self, connection_id: str, reference: str, session: ObjectId) -> None:
        """A partner's session has begun by an order of ours, by the reference that it carries, if there is one."""
        ours = and_(
            col(CommandRow.ours),
            col(CommandRow.connection_id) == connection_id,
            col(CommandRow.reference) == fold(reference),
        )
        await self._began(ours, session)

    async def began_unnamed(self, connection_id: str, session: Session) -> None:
        """A partner's session that carries no reference has begun by an order of ours, if just one fits.

        It fits with the contract of its token, at its place, given no longer before it than an order admits, and not
        refused.
        """
        document = col(CommandRow.document)
        evse = document["evse_uid"].astext
        query = select(col(CommandRow.id)).where(
            col(CommandRow.ours),
            col(CommandRow.connection_id) == connection_id,
            col(CommandRow.session_key).is_(None),
            col(CommandRow.state) != CommandState.REFUSED.value,
            col(CommandRow.kind).in_([kind.value for kind in CommandKind if kind.admits]),
            col(CommandRow.given_at) <= session.start + _CLOCKS_APART,
            col(CommandRow.given_at) > session.start - _ADMITS_FOR,
            func.upper(document[("token", "contract_id")].astext) == fold(session.token.contract_id),
            func.upper(document["location_id"].astext) == fold(session.location_id),
            or_(evse.is_(None), func.upper(evse) == fold(session.evse_uid)),
        )
        found = (await self._connection.execute(query.limit(2))).scalars().all()
        if len(found) == 1:
            await self._began(col(CommandRow.id) == found[0], session.object_id)

    async def _began(self, which: ColumnElement[bool], session: ObjectId) -> None:
        noting = update(CommandRow).where(which, col(CommandRow.session_key).is_(None))
        await self._connection.execute(noting.values(session_key=session.key))

    async def has_reservation(self, connection_id: str, party: PartyId | None, reservation_id: str) -> bool:
        """Whether a party has a reservation that has not come to nothing and was not ended."""
        query = select(col(CommandRow.id)).where(
            *_reservation_of(connection_id, party, reservation_id), col(CommandRow.admits_until).is_not(None)
        )
        return (await self._connection.execute(query.limit(1))).first() is not None

    async def end_reservation(
        self, connection_id: str, party: PartyId | None, reservation_id: str, *, but: str | None = None
    ) -> None:
        """From now on no session may start by this reservation, except by the order `but`, which has changed it.

        Repeated: nothing more happens.
        """
        ended = [*_reservation_of(connection_id, party, reservation_id)]
        if but is not None:
            ended.append(col(CommandRow.id) != but)
        await self._connection.execute(update(CommandRow).where(*ended).values(admits_until=None))

    async def has_set_profile(self, connection_id: str, session: ObjectId) -> bool:
        """Whether the partner set a charging profile for a session of ours with success: then it hears of changes."""
        query = select(col(CommandRow.result)).where(
            ~col(CommandRow.ours),
            col(CommandRow.connection_id) == connection_id,
            col(CommandRow.subject) == _session(session),
            col(CommandRow.kind) == CommandKind.SET_CHARGING_PROFILE.value,
            col(CommandRow.state) == CommandState.CONCLUDED.value,
        )
        results = (await self._connection.execute(query)).scalars()
        return any(
            CommandResult.model_validate_json(result).outcome is CommandOutcome.ACCEPTED for result in results if result
        )

    async def unattended(self, before: datetime, after: datetime | None = None) -> tuple[Unsettled, ...]:
        """Orders that should have been sent, concluded or told by now, given since `after` if it is named."""
        late = or_(
            col(CommandRow.due_at) < before,
            and_(col(CommandRow.ours), col(CommandRow.sent_at).is_(None), col(CommandRow.given_at) < before),
            and_(col(CommandRow.state) == CommandState.CONCLUDED.value, col(CommandRow.concluded_at) < before),
        )
        chosen: list[ColumnElement[bool]] = [~col(CommandRow.settled), late]
        if after is not None:
            chosen.append(col(CommandRow.due_at) >= after)
        query = (
            select(col(CommandRow.id), col(CommandRow.connection_id), col(CommandRow.ours), col(CommandRow.due_at))
            .where(*chosen)
            .order_by(col(CommandRow.number))
            .limit(_SWEEP_LIMIT)
        )
        rows = (await self._connection.execute(query)).all()
        return tuple(Unsettled(row.id, row.connection_id, row.ours, row.due_at) for row in rows)

    def _hash(self, command: Command, reply_to: str) -> str:
        order = text_of(command.model_copy(update={"reply_to": None}))
        return self._vault.lookup_hash(SecretStr(f"{reply_to}\n{order}"))


def _open_states() -> tuple[str, ...]:
    return tuple(state.value for state in CommandState if state.is_open)


def _subject(command: Command, session: ObjectId | None) -> str | None:
    if session is not None:
        return _session(session)
    return None if command.reservation_id is None else _reservation(command.reservation_id)


def _folded(text: str | None) -> str | None:
    return None if text is None else fold(text)


def _session(session: ObjectId) -> str:
    return f"SESSION/{session.key}"


def _reservation_of(connection_id: str, party: PartyId | None, reservation_id: str) -> tuple[ColumnElement[bool], ...]:
    """Its id is unique for the one who made it alone."""
    return (
        ~col(CommandRow.ours),
        col(CommandRow.connection_id) == connection_id,
        col(CommandRow.party_key).is_not_distinct_from(None if party is None else party.key),
        col(CommandRow.subject) == _reservation(reservation_id),
        col(CommandRow.kind) == CommandKind.RESERVE_NOW.value,
    )


def _reservation(reservation_id: str) -> str:
    return f"RESERVATION/{fold(reservation_id)}"


def _token_key(uid: str, token_type: TokenType) -> str:
    return f"{token_type}/{fold(uid)}"


def _record(row: Row[CommandRow]) -> CommandRecord:
    return CommandRecord(
        id=row.id,
        connection_id=row.connection_id,
        party=None if row.party_key is None else PartyId.parse(row.party_key),
        ours=row.ours,
        command=Command.model_validate_json(row.document),
        state=CommandState(row.state),
        given_at=row.given_at,
        due_at=row.due_at,
        response=None if row.response is None else CommandResponse.model_validate_json(row.response),
        result=None if row.result is None else CommandResult.model_validate_json(row.result),
        concluded_at=row.concluded_at,
        afterword=None if row.afterword is None else CommandResult.model_validate_json(row.afterword),
        told_at=row.told_at,
        session_key=row.session_key,
        note=row.note,
    )
