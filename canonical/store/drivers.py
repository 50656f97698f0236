"""Whose key is whose: one key for each driver, made when he is first heard of, destroyed when he is forgotten.

A driver is a contract of an issuer; every card of the contract leads to it. Nothing here says in clear who he is: he is
found by keyed hashes, his names are sealed under his own key, and that key under the deployment's. Without the row of
the key everything sealed with it is noise, wherever a copy of it lies.

Keys are looked up, and made, outside of the transaction that needs them: a key that its transaction would take back
must not seal anything. A key without anything sealed does no harm.
"""

import json
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Final

from pydantic import SecretStr

from canonical.cdr import Cdr, CdrDossier
from canonical.command import Command, CommandRecord
from canonical.identity import PartyId
from canonical.model import fold
from canonical.session import Session
from canonical.store.direct import Direct
from canonical.store.sealing import KEY_BYTES, DriverKey, Keys, numbers_in, numbers_in_packed, reveal, unpacked
from canonical.token import Authorization, Token, TokenRef, TokenType
from canonical.vault import Vault

_REMEMBERED_S: Final = 5
"""The longest that a destroyed key lives on in the memory of a process that nobody could tell."""
_REMEMBERED_TOLD_S: Final = 60
"""The same where the database tells when a key is destroyed; then it is forgotten at once."""
_MOST: Final = 50_000
"""More drivers than this at once forget each other; nothing grows without end."""


class Duty(StrEnum):
    """Why a driver's identity is needed: something of him was kept, in one of these classes (see `retention`)."""

    VOUCHER = "VOUCHER"
    LETTER = "LETTER"
    FEED = "FEED"


_COLUMN: Final = {Duty.VOUCHER: "voucher_on", Duty.LETTER: "letter_on", Duty.FEED: "feed_on"}


@dataclass(frozen=True)
class Driver:
    """How a record names a driver: by the contract, by a card of it, or both. `issuer` is the folded party."""

    issuer: str
    contract_id: str | None
    uid: str | None

    @classmethod
    def of(cls, token: Token | TokenRef) -> "Driver":
        party = token.owner if isinstance(token, Token) else token.issuer_party
        return cls(party.key, fold(token.contract_id), None if token.uid is None else fold(token.uid))

    @classmethod
    def by_card(cls, issuer: PartyId, uid: str) -> "Driver":
        """Somebody with a card of whose contract nothing is known."""
        return cls(issuer.key, None, fold(uid))

    @classmethod
    def unknown(cls, at: datetime) -> "Driver":
        """Whoever was meant by messages of a month that nobody could read, or that named nobody known."""
        return cls("", f"unknown in {at:%Y-%m}", None)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name in (self.uid, self.contract_id) if name is not None) if self.issuer else ()


def driver_of(value: object) -> Driver | None:
    """Whose record it is; None for one that tells of no driver."""
    match value:
        case Token() | TokenRef():
            return Driver.of(value)
        case Session() | Cdr():
            return Driver.of(value.token)
        case CdrDossier():
            return Driver.of(value.cdr.token)
        case Authorization() | Command():
            return None if value.token is None else Driver.of(value.token)
        case CommandRecord():
            return driver_of(value.command)
        case _:
            return None


def token_named(key: str) -> tuple[PartyId, str] | None:
    """Issuer and uid in the key of a token, `NL*MOB/RFID/04AB…`; None for another key."""
    parts = key.split("/", 2)
    if len(parts) != 3 or parts[1] not in set(TokenType) or not parts[2]:
        return None
    try:
        return PartyId.parse(parts[0]), parts[2]
    except ValueError:
        return None


@dataclass
class _Known:
    key: DriverKey
    names: set[str]
    noted: dict[Duty, date | None]
    until: int

    def is_noted(self, duty: Duty, until: date) -> bool:
        noted = self.noted[duty]
        return noted is not None and noted >= until


_FIND: Final = """
WITH asked AS (SELECT * FROM unnest($1::text[], $2::bytea[]) AS a (lookup_hash, sealed_key)),
made AS (
    INSERT INTO driver_key (lookup_hash, sealed_key, voucher_on, letter_on, feed_on)
    SELECT a.lookup_hash, a.sealed_key, $3::date, $4::date, $5::date FROM asked a
    WHERE NOT EXISTS (SELECT FROM driver_key k WHERE k.lookup_hash = a.lookup_hash)
    ORDER BY a.lookup_hash
    ON CONFLICT (lookup_hash) DO NOTHING
    RETURNING lookup_hash, number, sealed_key
),
given AS (SELECT * FROM unnest($6::text[], $7::text[], $8::bytea[]) AS g (driver_hash, lookup_hash, sealed)),
named AS (
    INSERT INTO driver_name (driver_number, lookup_hash, sealed)
    SELECT m.number, g.lookup_hash, g.sealed FROM given g JOIN made m ON m.lookup_hash = g.driver_hash
    ON CONFLICT DO NOTHING
)
SELECT m.lookup_hash, m.number, m.sealed_key, $3::date, $4::date, $5::date,
    ARRAY(SELECT g.lookup_hash FROM given g WHERE g.driver_hash = m.lookup_hash)
FROM made m
UNION ALL
SELECT k.lookup_hash, k.number, k.sealed_key, k.voucher_on, k.letter_on, k.feed_on,
    ARRAY(SELECT n.lookup_hash FROM driver_name n WHERE n.driver_number = k.number)
FROM driver_key k JOIN asked a ON a.lookup_hash = k.lookup_hash
"""
"""The database sees to it that a driver has one key, however many ask for him at the same time."""

_NOTE: Final = """
WITH living AS (
    SELECT number FROM driver_key WHERE number = ANY($1::bigint[]) AND shredded_at IS NULL ORDER BY number FOR UPDATE
),
named AS (
    INSERT INTO driver_name (driver_number, lookup_hash, sealed)
    SELECT l.number, n.lookup_hash, n.sealed
    FROM unnest($3::bigint[], $4::text[], $5::bytea[]) AS n (number, lookup_hash, sealed)
    JOIN living l ON l.number = n.number
    ON CONFLICT DO NOTHING
)
UPDATE driver_key SET {0} = greatest({0}, $2) WHERE number IN (SELECT number FROM living)
"""

_OPEN: Final = "SELECT number, sealed_key FROM driver_key WHERE number = ANY($1::bigint[])"


class Drivers:
    """The keys of all drivers, and for some seconds in memory those that were used last."""

    def __init__(self, direct: Direct, vault: Vault, told: Callable[[], bool]) -> None:
        """`told` says whether the database tells this process when a key is destroyed."""
        self._direct = direct
        self._vault = vault
        self._known: dict[Driver, _Known] = {}
        self._keys: dict[int, tuple[int, DriverKey | None]] = {}
        self._changes = 0
        self._told = told

    async def key(self, driver: Driver, *duties: Duty) -> DriverKey:
        """The key under which something of this driver is to be sealed, which is kept for these reasons.

        Made if there is none. At the same time: all get the same one. Raises StoreUnavailable.
        """
        known = self._remembered(driver, duties, _month_end())
        if known is not None:
            return known
        return (await self.keys((driver,), *duties))[driver]

    async def keys(self, drivers: Iterable[Driver], *duties: Duty) -> dict[Driver, DriverKey]:
        """As `key`, for many drivers in as many round trips as for one."""
        until = _month_end()
        found: dict[Driver, DriverKey] = {}
        missing: list[Driver] = []
        for driver in dict.fromkeys(drivers):
            key = self._remembered(driver, duties, until)
            if key is None:
                missing.append(driver)
            else:
                found[driver] = key
        if missing:
            found |= await self._looked_up(missing, duties, until)
        return found

    async def reveal(self, *texts: str | None) -> tuple[str, ...]:
        """Stored texts, opened where there is a key, with pseudonyms where there is none. None reads as empty."""
        keys = await self._by_number(numbers_in(texts))
        return tuple(reveal(text or "", keys) for text in texts)

    async def unpack(self, *messages: bytes) -> tuple[bytes, ...]:
        """Stored messages as they went over the wire, with pseudonyms for what nobody can open any more."""
        numbers: set[int] = set()
        for message in messages:
            numbers |= numbers_in_packed(message)
        keys = await self._by_number(numbers)
        return tuple(unpacked(message, keys) for message in messages)

    async def numbers(self, issuer: PartyId, *, uid: str | None = None, contract_id: str | None = None) -> set[int]:
        """Drivers who are known by a name. More than one where a card was given to another contract."""
        names = [
            self._hash(kind, issuer.key, fold(name))
            for kind, name in (("card", uid), ("contract", contract_id))
            if name is not None
        ]
        query = "SELECT DISTINCT driver_number FROM driver_name WHERE lookup_hash = ANY($1::text[])"
        return {row[0] for row in await self._direct.fetch(query, names)}

    async def by_number(self, numbers: Iterable[int]) -> dict[int, DriverKey]:
        """Keys that are there."""
        keys = await self._by_number(set(numbers))
        return {number: key for number, key in keys.items() if key is not None}

    async def names(self, key: DriverKey) -> tuple[tuple[str, str, str], ...]:
        """Everything that a driver is known by: kind (`card` or `contract`), issuer, and the name."""
        query = "SELECT sealed FROM driver_name WHERE driver_number = $1 ORDER BY lookup_hash"
        rows = await self._direct.fetch(query, key.number)
        return tuple(tuple(json.loads(key.open(row[0]))) for row in rows)

    def forget(self) -> None:
        """A key may have been destroyed: nothing is remembered."""
        self._changes += 1
        self._known.clear()
        self._keys.clear()

    def _remembered(self, driver: Driver, duties: Sequence[Duty], until: date) -> DriverKey | None:
        known = self._known.get(driver)
        if known is None or time.monotonic_ns() > known.until:
            return None
        return known.key if all(known.is_noted(duty, until) for duty in duties) else None

    async def _looked_up(
        self, drivers: Sequence[Driver], duties: Sequence[Duty], until: date
    ) -> dict[Driver, DriverKey]:
        seen, now = self._changes, time.monotonic_ns()
        hashes = {driver: self._hash(*_primary(driver)) for driver in drivers}
        remembered = ((hashes[each], self._known[each]) for each in drivers if each in self._known)
        known = {name: each for name, each in remembered if now <= each.until}
        # Once more for those whom somebody else has added between our look and our insert.
        while len(known) < len(set(hashes.values())):
            wanted = {name: driver for driver, name in hashes.items() if name not in known}
            rows = await self._direct.fetch(_FIND, *self._fresh(wanted, hashes, duties, until))
            for name, number, sealed, voucher, letter, feed, names in rows:
                noted = {Duty.VOUCHER: voucher, Duty.LETTER: letter, Duty.FEED: feed}
                key = DriverKey(number, self._vault.open_bytes(sealed))
                known[name] = _Known(key, set(names), noted, self._until())
        for duty in duties:
            await self._note([(known[name], driver) for driver, name in hashes.items()], duty, until)
        if seen == self._changes:
            self._remember({driver: known[name] for driver, name in hashes.items()})
        return {driver: known[name].key for driver, name in hashes.items()}

    def _fresh(
        self, wanted: Iterable[str], hashes: Mapping[Driver, str], duties: Sequence[Duty], until: date
    ) -> tuple[object, ...]:
        """Keys, with names that are sealed under them, for whoever has none."""
        keys = {name: secrets.token_bytes(KEY_BYTES) for name in sorted(wanted)}
        ciphers = {name: DriverKey(0, key) for name, key in keys.items()}
        names = [
            (lookup, other, ciphers[lookup].seal(sealed))
            for driver, lookup in hashes.items()
            if lookup in keys
            for other, sealed in self._names(driver)
        ]
        noted = [until if duty in duties else None for duty in (Duty.VOUCHER, Duty.LETTER, Duty.FEED)]
        sealed_keys = [self._vault.seal_bytes(key) for key in keys.values()]
        return (list(keys), sealed_keys, *noted, *(list(column) for column in zip(*names, strict=True)))

    def _names(self, driver: Driver) -> list[tuple[str, bytes]]:
        """Everything that a record calls a driver: the hash by which it is found, and what is sealed."""
        return [
            (self._hash(kind, driver.issuer, name), json.dumps([kind, driver.issuer, name]).encode())
            for kind, name in (("contract", driver.contract_id), ("card", driver.uid))
            if name is not None
        ]

    async def _note(self, found: Sequence[tuple[_Known, Driver]], duty: Duty, until: date) -> None:
        """Something of these drivers is kept in a class, this month; and names that are new. Repeated: once."""
        named = [
            (known, lookup, known.key.seal(sealed))
            for known, driver in found
            for lookup, sealed in self._names(driver)
            if lookup not in known.names
        ]
        numbers = [known.key.number for known, _, _ in named]
        changed = {known.key.number for known, _ in found if not known.is_noted(duty, until)} | set(numbers)
        if not changed:
            return
        hashes, sealed = [lookup for _, lookup, _ in named], [name for _, _, name in named]
        await self._direct.fetch(_NOTE.format(_COLUMN[duty]), sorted(changed), until, numbers, hashes, sealed)
        for known, lookup, _ in named:
            known.names.add(lookup)
        for known, _ in found:
            known.noted[duty] = until

    def _remember(self, found: dict[Driver, _Known]) -> None:
        if len(self._known) + len(found) > _MOST:
            self._known.clear()
        self._known |= found

    async def _by_number(self, numbers: set[int]) -> Keys:
        now = time.monotonic_ns()
        known = {n: self._keys[n][1] for n in numbers if n in self._keys and now <= self._keys[n][0]}
        missing = sorted(numbers - set(known))
        if missing:
            seen = self._changes
            rows = await self._direct.fetch(_OPEN, missing)
            opened = {
                number: None if sealed is None else DriverKey(number, self._vault.open_bytes(sealed))
                for number, sealed in rows
            }
            if seen == self._changes:
                if len(self._keys) + len(opened) > _MOST:
                    self._keys.clear()
                self._keys |= {number: (self._until(), key) for number, key in opened.items()}
            known |= opened
        return known

    def _until(self) -> int:
        return time.monotonic_ns() + (_REMEMBERED_TOLD_S if self._told() else _REMEMBERED_S) * 10**9

    def _hash(self, kind: str, issuer: str, name: str) -> str:
        return self._vault.lookup_hash(SecretStr(f"driver\n{kind}\n{issuer}\n{name}"))


def _primary(driver: Driver) -> tuple[str, str, str]:
    """The name that decides which driver it is: the contract, for a card may be given to another."""
    if driver.contract_id is not None:
        return "contract", driver.issuer, driver.contract_id
    return "card", driver.issuer, driver.uid or ""


def _month_end() -> date:
    """The last day of this month: so that what is noted of a driver changes once a month and not with every record."""
    today = datetime.now(UTC).date()
    first_of_next = date(today.year + today.month // 12, today.month % 12 + 1, 1)
    return date.fromordinal(first_of_next.toordinal() - 1)
