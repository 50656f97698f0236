"""Whose key is whose: one key for each driver, made when he is first heard of, destroyed when he is forgotten.

A driver is a contract of an issuer; every card of the contract leads to it. Nothing here says in clear who he is: he is
found by keyed hashes, his names are sealed under his own key, and that key under the deployment's. Without the row of
the key everything sealed with it is noise, wherever a copy of it lies.

Keys are looked up, and made, outside of the transaction that needs them, and stay whatever becomes of it: a key without
anything sealed does no harm. Where every round trip counts, a transaction's `Keyring` brings a key along with what the
transaction reads anyway, and makes one together with what is sealed: both are kept, or neither.
"""

import json
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, Final

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


@dataclass
class _Brought:
    """What came along with a statement: the keys that go by a name, or a number for a new one."""

    asked: Driver
    changes: int
    found: Mapping[str, tuple[int, bytes, dict[Duty, date | None], set[str]]]
    free: int | None


@dataclass
class _Own:
    """A key that a transaction has brought along or made, with what is to be written of it."""

    driver: Driver
    known: _Known
    changes: int
    made: tuple[tuple[str, Sequence[object]], ...]
    noted: set[Duty]


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

_MAKE: Final = """
INSERT INTO driver_key (number, lookup_hash, sealed_key, voucher_on, letter_on, feed_on) VALUES ($1, $2, $3, $4, $5, $6)
"""
_NAME: Final = """
INSERT INTO driver_name (driver_number, lookup_hash, sealed)
SELECT $1, n.lookup_hash, n.sealed FROM unnest($2::text[], $3::bytea[]) AS n (lookup_hash, sealed)
"""
_NOTE_ALL: Final = """
UPDATE driver_key SET voucher_on = greatest(voucher_on, $2), letter_on = greatest(letter_on, $3),
    feed_on = greatest(feed_on, $4)
WHERE number = $1 AND shredded_at IS NULL
"""

_OPEN: Final = "SELECT number, sealed_key FROM driver_key WHERE number = ANY($1::bigint[])"


class Drivers:
    """The keys of all drivers, and for some seconds in memory those that were used last."""

    def __init__(self, direct: Direct, vault: Vault, told: Callable[[], bool]) -> None:
        """`told` says whether the database tells this process when a key is destroyed."""
        self._direct = direct
        self._vault = vault
        self._known: dict[Driver, _Known] = {}
        self._cards: set[tuple[str, str]] = set()
        self._keys: dict[int, tuple[int, DriverKey | None]] = {}
        self._changes = 0
        self._doubtful: set[Driver] = set()
        self._told = told

    async def key(self, driver: Driver, *duties: Duty) -> DriverKey:
        """The key under which something of this driver is to be sealed, which is kept for these reasons.

        Made if there is none. At the same time: all get the same one. Raises StoreUnavailable.
        """
        known = self.remembered(driver, duties)
        if known is not None:
            return known
        return (await self.keys((driver,), *duties))[driver]

    async def keys(self, drivers: Iterable[Driver], *duties: Duty) -> dict[Driver, DriverKey]:
        """As `key`, for many drivers in as many round trips as for one."""
        known = {driver: self.remembered(driver, duties) for driver in drivers}
        found = {driver: key for driver, key in known.items() if key is not None}
        if len(found) < len(known):
            found |= await self._looked_up([each for each in known if each not in found], duties, _month_end())
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
        self._cards.clear()
        self._keys.clear()

    def remembered(self, driver: Driver, duties: Sequence[Duty]) -> DriverKey | None:
        """The key, if this process knows it and these duties are noted of it. Changes nothing."""
        known = self._known.get(driver)
        if known is None or time.monotonic_ns() > known.until:
            return None
        until = _month_end()
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
        self._doubtful.difference_update(drivers)
        return {driver: known[name].key for driver, name in hashes.items()}

    # For a transaction's keyring

    @property
    def changes(self) -> int:
        """How often keys may have been destroyed."""
        return self._changes

    def may_remember(self, driver: Driver) -> bool:
        """Whether a look would most likely be for nothing. A card stands for whoever has it."""
        return driver in self._known or (
            driver.contract_id is None and (driver.issuer, driver.uid or "") in self._cards
        )

    def hash_of(self, driver: Driver) -> str:
        return self._hash(*_primary(driver))

    def chosen(self, driver: Driver, brought: _Brought) -> _Own | None:
        """The key of a driver among those that were brought along, or a new one; None: it has to be looked for."""
        if driver in self._doubtful or brought.asked.issuer != driver.issuer:
            return None
        if brought.asked.contract_id != driver.contract_id and brought.asked.uid != driver.uid:
            return None
        lookup, names = self.hash_of(driver), self._names(driver)
        if lookup in brought.found:
            number, sealed, noted, hashes = brought.found[lookup]
            if not hashes.issuperset(name for name, _ in names):
                return None
            key = DriverKey(number, self._vault.open_bytes(sealed))
            return _Own(driver, _Known(key, hashes, noted, self._until()), brought.changes, (), set())
        if brought.free is None:
            return None
        secret = secrets.token_bytes(KEY_BYTES)
        key = DriverKey(brought.free, secret)
        known = _Known(key, {name for name, _ in names}, dict.fromkeys(Duty), self._until())
        named = (key.number, [name for name, _ in names], [key.seal(sealed) for _, sealed in names])
        made = ((_MAKE, (key.number, lookup, self._vault.seal_bytes(secret))), (_NAME, named))
        return _Own(driver, known, brought.changes, made, set())

    def learn(self, driver: Driver, known: _Known, changes: int) -> None:
        """Remember a key that stands, unless it may have been destroyed since."""
        if changes == self._changes:
            self._remember({driver: known})

    def doubt(self, driver: Driver) -> None:
        """Make no key for this driver before one was looked for."""
        self._doubtful.add(driver)

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
            self._cards.clear()
        self._known |= found
        self._cards.update((driver.issuer, driver.uid) for driver in found if driver.uid is not None)

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


class Keyring:
    """The keys with which one transaction seals. As `Drivers`, without round trips of their own for one driver who was
    expected.

    A key that it makes is written together with what it seals, and remembered when both are committed. Whoever makes
    one for the same driver at the same time is overtaken: the database lets a driver have one key only. The same where
    a driver was expected by a card, and has a key by another card of his.
    """

    along: Final = """
WITH k AS MATERIALIZED (
    SELECT ARRAY(
        SELECT ROW(
            k.lookup_hash, k.number, k.sealed_key, k.voucher_on, k.letter_on, k.feed_on,
            ARRAY(SELECT o.lookup_hash::text FROM driver_name o WHERE o.driver_number = k.number)
        )
        FROM driver_name n JOIN driver_key k ON k.number = n.driver_number WHERE n.lookup_hash = {place}
    ) AS keys
)
SELECT k.keys, CASE WHEN cardinality(k.keys) = 0 THEN nextval('driver_key_number_seq') END, q.*
FROM k LEFT JOIN (SELECT true, s.* FROM ({statement}) s) q ON true
"""
    """What is asked instead of a statement, to learn of the expected driver as well: his keys, or a free number, and
    then whether there is a row, and the row."""

    def __init__(self, drivers: Drivers) -> None:
        self._drivers = drivers
        self._expected: Driver | None = None
        self._brought: _Brought | None = None
        self._own: _Own | None = None

    def expect(self, driver: Driver) -> None:
        """Something will be sealed for this driver, or for the one who has this card: his key comes along with the next
        look, unless it is remembered."""
        if not self._drivers.may_remember(driver):
            self._expected = driver

    def asked(self) -> str | None:
        """The hash of the name that is to be looked for now; None: nobody is expected."""
        return None if self._expected is None else self._drivers.hash_of(self._expected)

    def bring(self, keys: Sequence[Sequence[Any]], free: int | None) -> None:
        """What was found under that name."""
        if self._expected is not None:
            found = {
                name: (number, sealed, {Duty.VOUCHER: voucher, Duty.LETTER: letter, Duty.FEED: feed}, set(names))
                for name, number, sealed, voucher, letter, feed, names in keys
            }
            self._brought = _Brought(self._expected, self._drivers.changes, found, free)
            self._expected = None

    async def key(self, driver: Driver, *duties: Duty) -> DriverKey:
        """See `Drivers.key`."""
        return (await self.keys((driver,), *duties))[driver]

    async def keys(self, drivers: Iterable[Driver], *duties: Duty) -> dict[Driver, DriverKey]:
        """See `Drivers.keys`."""
        asked = tuple(dict.fromkeys(drivers))
        known = {each: self._drivers.remembered(each, duties) or self._kept(each, duties) for each in asked}
        found = {driver: key for driver, key in known.items() if key is not None}
        if len(found) < len(asked):
            found |= await self._drivers.keys([each for each in asked if each not in found], *duties)
        return found

    def to_write(self) -> tuple[tuple[str, Sequence[object]], ...]:
        """Statements for what is new since the last time."""
        own = self._own
        if own is None or not own.noted:
            return ()
        noted = [own.known.noted[duty] if duty in own.noted else None for duty in Duty]
        made, own.made = own.made, ()
        own.noted = set()
        if not made:
            return ((_NOTE_ALL, (own.known.key.number, *noted)),)
        (make, values), name = made
        return ((make, (*values, *noted)), name)

    def committed(self) -> None:
        """What was written stands."""
        if self._own is not None:
            self._drivers.learn(self._own.driver, self._own.known, self._own.changes)

    def overtaken(self) -> None:
        """What was made cannot be written: the driver has another key."""
        if self._own is not None:
            self._drivers.doubt(self._own.driver)

    def _kept(self, driver: Driver, duties: Sequence[Duty]) -> DriverKey | None:
        if self._own is None and self._brought is not None:
            self._own = self._drivers.chosen(driver, self._brought)
            self._brought = None
        own, until = self._own, _month_end()
        if own is None or own.driver != driver:
            return None
        for duty in duties:
            if not own.known.is_noted(duty, until):
                own.known.noted[duty] = until
                own.noted.add(duty)
        return own.known.key


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
