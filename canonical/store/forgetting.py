"""Forgetting a driver: his key is destroyed, and living rows lose his name.

Rows that never change keep their bytes, and so their hashes stay valid; what was sealed in them reads as a pseudonym
from then on. The pseudonyms that living rows get are the same ones, so that a session still fits its CDR.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from canonical.identity import PartyId
from canonical.store.drivers import Duty
from canonical.store.errors import NotFound
from canonical.store.retention import RetentionPolicy
from canonical.store.sealing import DriverKey, reveal
from canonical.store.transaction import Transaction
from canonical.token import TokenType
from canonical.vault import Vault

_BATCH: Final = 5000
_SHORT: Final = 6


@dataclass(frozen=True)
class KnownDriver:
    """A driver whose key is there. `names` are (kind, issuer, name), with the kinds `contract` and `card`."""

    key: DriverKey
    names: tuple[tuple[str, str, str], ...]
    last: Mapping[Duty, date]

    def of_kind(self, kind: str) -> tuple[str, ...]:
        return tuple(name for each, _, name in self.names if each == kind)

    @property
    def issuer(self) -> str:
        return next((issuer for _, issuer, _ in self.names), "")

    @property
    def spoken(self) -> tuple[str, ...]:
        return tuple(name for _, _, name in self.names)

    def needed_until(self, policy: RetentionPolicy, today: date) -> dict[Duty, date]:
        """Which duties still need to know who it was, and until when."""
        ends = {duty: policy.duty(duty).ends(on) for duty, on in self.last.items() if duty is not Duty.FEED}
        return {duty: end for duty, end in ends.items() if end is not None and end >= today}


@dataclass(frozen=True)
class Affected:
    """What forgetting a driver touches, by table, and what is still going on with him."""

    counts: Mapping[str, int]
    under_way: tuple[str, ...] = ()


class ForgettingRepository:
    """Drivers whose keys are there, and what would be lost with a key."""

    def __init__(self, connection: Transaction, vault: Vault, key_gone: Callable[[], None]) -> None:
        """`key_gone` is called when a key is destroyed, before that is committed."""
        self._connection = connection
        self._key_gone = key_gone
        self._vault = vault
        self._drivers = connection.drivers

    async def find(
        self, issuer: PartyId, *, uid: str | None = None, contract_id: str | None = None
    ) -> tuple[KnownDriver, ...]:
        """Drivers known by a name, and whoever is known by nothing but a card of theirs. Changes nothing."""
        found: dict[int, KnownDriver] = {}
        for number in sorted(await self._drivers.numbers(issuer, uid=uid, contract_id=contract_id)):
            found[number] = await self._known(number)
        for card in {card for known in found.values() for card in known.of_kind("card")}:
            for number in sorted(await self._drivers.numbers(issuer, uid=card) - set(found)):
                other = await self._known(number)
                if not other.of_kind("contract"):
                    found[number] = other
        return tuple(found.values())

    async def affected(self, known: KnownDriver) -> Affected:
        """What forgetting would change, and what is still going on. Changes nothing."""
        counts = {"cdr": await self._count(f"cdr WHERE {_CDRS}", str(known.key.number))}
        token, session, command = [await self._of(known, table) for table in ("token", "session", "command")]
        authorization, cases = await self._of(known, "token_authorization"), await self._cases(known)
        counts |= {"token": len(token), "session": len(session), "token_authorization": len(authorization)}
        counts |= {"command": len(command), "review_case": len(cases)}
        ours_valid = "number = ANY($1::bigint[]) AND source = '' AND document ->> 'valid' = 'true'"
        waiting = "module = 'tokens' AND object_key = ANY($1::text[]) AND settled_at IS NULL AND refused_at IS NULL"
        going_on = (
            ("token of ours is still valid", await self._count(f"token WHERE {ours_valid}", token)),
            ("change of a token has yet to be told", await self._count(f"outbox WHERE {waiting}", _token_keys(known))),
            (
                "session is not over",
                await self._count("session WHERE number = ANY($1::bigint[]) AND NOT is_final", session),
            ),
            ("command is open", await self._count("command WHERE number = ANY($1::bigint[]) AND NOT settled", command)),
        )
        return Affected(counts, tuple(f"{count} × {what}" for what, count in going_on if count))

    async def forget(self, known: KnownDriver, reason: str) -> None:
        """Destroy the key of a driver and take his name out of what lives. There is no way back.

        Repeated: nothing more happens. At the same time: once. What arrives of him in the same seconds may be
        forgotten with him; what comes later makes him a new driver. Cut off: he is not forgotten. Raises NotFound.
        """
        await self._shred(known, reason)
        await self._take_out_of_sessions(known)
        await self._take_out_of_commands(known)
        await self._take_out_of_cases(known)
        await self._take_out_of_answers(known)
        keys = _token_keys(known)
        authorizations, tokens = await self._of(known, "token_authorization"), await self._of(known, "token")
        for statement, values in (
            ("DELETE FROM token_authorization WHERE number = ANY($1::bigint[])", authorizations),
            ("DELETE FROM token WHERE number = ANY($1::bigint[])", tokens),
            ("DELETE FROM told WHERE module = 'tokens' AND object_key = ANY($1::text[])", keys),
            ("DELETE FROM outbox WHERE module = 'tokens' AND object_key = ANY($1::text[])", keys),
            ("DELETE FROM sighting WHERE module = 'tokens' AND object_key = ANY($1::text[])", keys),
        ):
            await self._connection.ask(statement, values)

    async def let_go_of(self, known: KnownDriver, reason: str) -> None:
        """As `forget`, for a driver who is due: living rows named him no longer before his time had passed."""
        await self._shred(known, reason)

    async def drivers_due(self, policy: RetentionPolicy, today: date, after: int, limit: int) -> tuple[int, ...]:
        """Drivers behind a number of whom nothing is kept any more by which they would have to be known.

        Sessions and tokens of theirs would still be there for some time after the last word about them.
        """
        longest = max(policy.feed_days, policy.operations_days, policy.traffic_days)
        over = [policy.duty(duty).over_before(today) for duty in (Duty.VOUCHER, Duty.LETTER)]
        values = (*over, today - timedelta(days=longest), after, limit)
        return tuple(row[0] for row in await self._connection.look(_DUE_DRIVERS, *values))

    async def known(self, number: int) -> KnownDriver | None:
        """A driver by the number of his key; None for one who is a customer still: he has a token here."""
        known = await self._known(number)
        tokens = "token WHERE source IN (SELECT '' UNION SELECT key FROM connection) AND key = ANY($1::text[])"
        return None if await self._count(tokens, _token_keys(known)) else known

    async def _shred(self, known: KnownDriver, reason: str) -> None:
        number = known.key.number
        if not await self._connection.ask(_SHRED, number, reason):
            raise NotFound(f"driver {number} is not known, or was forgotten already")
        self._key_gone()
        await self._connection.ask("DELETE FROM driver_name WHERE driver_number = $1", number)
        await self._connection.ask(
            f"DELETE FROM representation WHERE family = 'cdr' AND number IN (SELECT number FROM cdr WHERE {_CDRS})",  # noqa: S608
            str(number),
        )
        # Heard when it is committed: no process goes on with a key that it remembers.
        await self._connection.ask("SELECT pg_notify('roam_admission', '')")

    async def _known(self, number: int) -> KnownDriver:
        """Raises NotFound."""
        rows = await self._connection.look(
            "SELECT voucher_on, letter_on, feed_on FROM driver_key WHERE number = $1 AND shredded_at IS NULL", number
        )
        key = (await self._drivers.by_number((number,))).get(number)
        if not rows or key is None:
            raise NotFound(f"driver {number} is not known, or was forgotten already")
        last = {duty: on for duty, on in zip((Duty.VOUCHER, Duty.LETTER, Duty.FEED), rows[0], strict=True) if on}
        return KnownDriver(key, await self._drivers.names(key), last)

    async def _of(self, known: KnownDriver, table: str) -> list[int]:
        """The numbers of a driver's rows in a living table."""
        token, owner = _TOKEN_IN[table]
        contracts = known.of_kind("contract")
        which = "contract_id" if contracts else "uid"
        statement = (
            f"SELECT number FROM {table} WHERE upper({token} ->> '{which}') = ANY($1::text[])"  # noqa: S608
            f" AND upper({token} #>> '{{{owner},country_code}}') || '*' ||"
            f" upper({token} #>> '{{{owner},party_id}}') = $2"
        )
        rows = await self._connection.look(statement, list(contracts or known.of_kind("card")), known.issuer)
        return [row[0] for row in rows]

    async def _count(self, what: str, *values: object) -> int:
        return int((await self._connection.look(f"SELECT count(*) FROM {what}", *values))[0][0])  # noqa: S608

    async def _take_out_of_sessions(self, known: KnownDriver) -> None:
        numbers = await self._of(known, "session")
        rows = await self._connection.look("SELECT number, key, document FROM session WHERE number = ANY($1)", numbers)
        for number, _, document in rows:
            change = "UPDATE session SET document = $2::jsonb WHERE number = $1"
            await self._connection.ask(change, number, _erased(document, known))
        await self._connection.ask(
            "DELETE FROM representation WHERE family = 'session' AND number = ANY($1::bigint[])", numbers
        )
        keys = [row[1] for row in rows]
        await self._connection.ask("DELETE FROM told WHERE module = 'sessions' AND object_key = ANY($1::text[])", keys)

    async def _take_out_of_commands(self, known: KnownDriver) -> None:
        columns = ("document", "response", "result", "afterword")
        rows = await self._connection.look(
            f"SELECT number, {', '.join(columns)} FROM command WHERE number = ANY($1)",  # noqa: S608
            await self._of(known, "command"),
        )
        changes = ", ".join(f"{name} = ${place}::jsonb" for place, name in enumerate(columns, 2))
        for number, *documents in rows:
            erased = [None if each is None else _erased(each, known) for each in documents]
            change = f"UPDATE command SET token_key = NULL, order_hash = NULL, {changes} WHERE number = $1"  # noqa: S608
            await self._connection.ask(change, number, *erased)

    async def _cases(self, known: KnownDriver) -> Sequence[Sequence[str]]:
        """Cases that name the driver. Too short a name would be found in every other one."""
        patterns = [f"%{_literal(name)}%" for name in known.spoken if len(name) >= _SHORT]
        query = "SELECT id, subject, document FROM review_case WHERE upper(document::text) LIKE ANY($1::text[])"
        return await self._connection.look(query, patterns)

    async def _take_out_of_cases(self, known: KnownDriver) -> None:
        for case_id, subject, document in await self._cases(known):
            told = reveal(known.key.conceal_name(subject, known.spoken), {known.key.number: None})
            change = "UPDATE review_case SET subject = $2, document = $3::jsonb WHERE id = $1"
            await self._connection.ask(change, case_id, told, _erased(document, known))

    async def _take_out_of_answers(self, known: KnownDriver) -> None:
        """An answer that named him is not given again: whoever repeats that request now has it done again."""
        after = ""
        named = [name.encode() for name in known.spoken if len(name) >= _SHORT]
        while rows := await self._connection.look(_ANSWERS, after, _BATCH):
            after = rows[-1][0]
            gone = [key for key, sealed in rows if any(n in self._vault.open_bytes(sealed).upper() for n in named)]
            if gone:
                await self._connection.ask("DELETE FROM idempotency WHERE key = ANY($1::text[])", gone)


_CDRS: Final = "split_part(document #>> '{cdr,token,contract_id}', ':', 2) = $1"

_TOKEN_IN: Final = {
    "token": ("document", "owner"),
    "session": ("(document -> 'token')", "issuer_party"),
    "token_authorization": ("(document -> 'token')", "owner"),
    "command": ("(document -> 'token')", "owner"),
}
"""Where a living row names a token, and how that names its issuer."""

_SHRED: Final = """
UPDATE driver_key SET sealed_key = NULL, lookup_hash = NULL, shredded_at = now(), shredded_for = $2
WHERE number = $1 AND shredded_at IS NULL RETURNING number
"""

_DUE_DRIVERS: Final = """
SELECT number FROM driver_key
WHERE shredded_at IS NULL AND coalesce(voucher_on, '-infinity') < $1 AND coalesce(letter_on, '-infinity') < $2
    AND coalesce(feed_on, '-infinity') < $3 AND created_at < $3::date AND number > $4
ORDER BY number LIMIT $5
"""

_ANSWERS: Final = (
    "SELECT key, sealed_body FROM idempotency WHERE key > $1 AND sealed_body IS NOT NULL ORDER BY key LIMIT $2"
)


def _erased(document: str, known: KnownDriver) -> str:
    """A living document with the pseudonyms that will be read where it was sealed."""
    compact = json.dumps(json.loads(document), separators=(",", ":"), ensure_ascii=False)
    return reveal(known.key.conceal(compact, known.spoken), {known.key.number: None})


def _token_keys(known: KnownDriver) -> list[str]:
    return [f"{issuer}/{each}/{name}" for kind, issuer, name in known.names if kind == "card" for each in TokenType]


def _literal(name: str) -> str:
    """For LIKE."""
    return name.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
