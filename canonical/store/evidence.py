"""Raw bytes of every message that moves money or trust, with their digests. Append-only."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Row, select
from sqlmodel import col

from canonical.store.drivers import Driver, Drivers, Duty, Keyring, token_named
from canonical.store.errors import NotFound
from canonical.store.sealing import DriverKey, Part, packed
from canonical.store.tables import EvidenceRow
from canonical.store.transaction import Transaction

_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"})

_OF_NO_DRIVER = frozenset({"credentials", "hubclientinfo", "invoicereconciliation", "locations", "tariffs", "versions"})
"""Modules (OCPI 2.2.1, 2.3.0) whose messages tell of no driver. All others are sealed, whether or not it is known whom
they tell of."""

_NAMED_BY_CARD = "tokens"
"""The module in which an address names a driver's card."""


class Direction(StrEnum):
    """IN: a partner called us. OUT: we called a partner."""

    IN = "IN"
    OUT = "OUT"


@dataclass(frozen=True)
class EvidenceRecord:
    """One request and its answer, byte for byte. `object_key` is the folded key of the object it is about.

    `status` is the HTTP status of the answer, None when none came. `id` is given by the store. The writer
    takes secrets out of bodies; headers that carry them are left out by the store. `at` is when the exchange began,
    `finished_at` when the answer was there; `partner` is the party at the other end, `adapter` what read and wrote the
    bytes, and `rule_set` the very code that it consisted of.

    `driver` is whom the message is about; `told_of` are the elements of a list in the answer, each with the driver whom
    it is about. They are for the writer alone: nobody reads them again.
    """

    direction: Direction
    connection_id: str
    module: str
    method: str
    url_or_path: str
    status: int | None
    headers: dict[str, str]
    body: bytes
    answer: bytes
    adapter: str | None
    object_key: str | None
    at: datetime
    id: int | None = None
    finished_at: datetime | None = None
    partner: str | None = None
    rule_set: str | None = None
    answer_headers: dict[str, str] | None = None
    driver: Driver | None = None
    told_of: tuple[tuple[Driver, bytes], ...] = ()

    @property
    def body_sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()

    @property
    def answer_sha256(self) -> str:
        return hashlib.sha256(self.answer).hexdigest()


_COLUMNS = (
    "direction",
    "connection_id",
    "module",
    "method",
    "url_or_path",
    "status",
    "headers",
    "body",
    "body_sha256",
    "answer",
    "answer_sha256",
    "adapter",
    "object_key",
    "at",
    "finished_at",
    "partner",
    "rule_set",
    "answer_headers",
)
_JSON = ("headers", "answer_headers")
_PLACES = ", ".join(f"${place}" + ("::jsonb" if name in _JSON else "") for place, name in enumerate(_COLUMNS, 1))
ADD_EVIDENCE = f"INSERT INTO evidence ({', '.join(_COLUMNS)}) VALUES ({_PLACES}) RETURNING number"  # noqa: S608
"""For the driver, with `values_of`."""


async def values_of(record: EvidenceRecord, drivers: Drivers | Keyring) -> tuple[object, ...]:
    """A record as it is stored: compressed, without secrets, and sealed under the keys of whom it tells of.

    The digests of what is sealed are those of the stored bytes: a digest of the message would let anybody try out
    who was meant. Raises StoreUnavailable.
    """
    key: DriverKey | None = None
    body: tuple[Part, ...] = ((None, record.body),)
    answer: tuple[Part, ...] = ((None, record.answer),)
    url, headers, object_key = record.url_or_path, _harmless(record.headers), record.object_key
    answer_headers = None if record.answer_headers is None else _harmless(record.answer_headers)
    if record.module not in _OF_NO_DRIVER:
        driver = record.driver or Driver.unknown(record.at)
        whose = await drivers.keys((driver, *(each for each, _ in record.told_of)), Duty.LETTER)
        key = whose[driver]
        body, answer = ((key, record.body),), _by_driver(record.answer, key, record.told_of, whose)
        url = key.seal_text(url) if record.module == _NAMED_BY_CARD else key.conceal_name(url, driver.names)
        object_key = None if object_key is None else key.conceal_name(object_key, driver.names)
        headers = key.conceal(headers, driver.names)
        answer_headers = None if answer_headers is None else key.conceal(answer_headers, driver.names)
    stored_body, stored_answer = packed(body), packed(answer)
    return (
        record.direction.value,
        record.connection_id,
        record.module,
        record.method,
        url,
        record.status,
        headers,
        stored_body,
        record.body_sha256 if key is None else hashlib.sha256(stored_body).hexdigest(),
        stored_answer,
        record.answer_sha256 if key is None else hashlib.sha256(stored_answer).hexdigest(),
        record.adapter,
        object_key,
        record.at,
        record.finished_at,
        record.partner,
        record.rule_set,
        answer_headers,
    )


def _by_driver(
    content: bytes, rest: DriverKey, told_of: Iterable[tuple[Driver, bytes]], keys: Mapping[Driver, DriverKey]
) -> tuple[Part, ...]:
    """A list taken apart: each element under the key of its own driver, and what is between them under another."""
    parts: list[Part] = []
    place = 0
    for driver, element in told_of:
        found = content.find(element, place) if element else -1
        if found >= 0:
            parts += [(rest, content[place:found]), (keys[driver], element)]
            place = found + len(element)
    return (*parts, (rest, content[place:]))


def _harmless(headers: dict[str, str]) -> str:
    return json.dumps({n: v for n, v in headers.items() if n.lower() not in _SECRET_HEADERS})


class EvidenceRepository:
    """What went over the wire."""

    def __init__(self, connection: Transaction) -> None:
        self._connection = connection

    async def add(self, record: EvidenceRecord) -> int:
        """Keep a record; returns its id.

        Repeated: kept again, since every exchange is a fact of its own. Reordered: ids tell the order of
        keeping, `at` that of happening. Cut off: nothing is kept.
        """
        rows = await self._connection.ask(ADD_EVIDENCE, *await values_of(record, self._connection.keyring))
        return int(rows[0][0])

    async def note(self, record: EvidenceRecord, *, name: str | None = None) -> None:
        """As `add`, where nobody asks for the number, but what is written directly behind it, by `name`."""
        await self._connection.write(ADD_EVIDENCE, *await values_of(record, self._connection.keyring), name=name)

    async def get(self, evidence_id: int) -> EvidenceRecord:
        """Raises NotFound."""
        row = (
            await self._connection.execute(select(EvidenceRow).where(col(EvidenceRow.number) == evidence_id))
        ).first()
        if row is None:
            raise NotFound(f"no evidence {evidence_id}")
        return await self._record(row)

    async def for_object(self, object_key: str) -> tuple[EvidenceRecord, ...]:
        """Everything that was exchanged about one object, in the order in which it was kept."""
        names = (object_key, *await self._sealed(object_key))
        query = select(EvidenceRow).where(col(EvidenceRow.object_key).in_(names)).order_by(col(EvidenceRow.number))
        return tuple([await self._record(row) for row in (await self._connection.execute(query)).all()])

    async def _sealed(self, object_key: str) -> tuple[str, ...]:
        """The key of a token as it is stored, where its driver is known."""
        name = token_named(object_key)
        if name is None:
            return ()
        issuer, uid = name
        drivers = self._connection.drivers
        numbers = await drivers.numbers(issuer, uid=uid)
        return tuple(key.seal_text(object_key) for key in (await drivers.by_number(numbers)).values())

    async def _record(self, row: Row[EvidenceRow]) -> EvidenceRecord:
        drivers = self._connection.drivers
        body, answer = await drivers.unpack(row.body, row.answer)
        url, headers, object_key, answer_headers = await drivers.reveal(
            row.url_or_path, row.headers, row.object_key, row.answer_headers
        )
        return _record(row, (body, answer), (url, headers, object_key, answer_headers))


def _record(row: Row[EvidenceRow], messages: tuple[bytes, bytes], texts: tuple[str, str, str, str]) -> EvidenceRecord:
    (body, answer), (url, headers, object_key, answer_headers) = messages, texts
    return EvidenceRecord(
        direction=Direction(row.direction),
        connection_id=row.connection_id,
        module=row.module,
        method=row.method,
        url_or_path=url,
        status=row.status,
        headers=json.loads(headers),
        body=body,
        answer=answer,
        adapter=row.adapter,
        object_key=object_key or None,
        at=row.at,
        id=row.number,
        finished_at=row.finished_at,
        partner=row.partner,
        rule_set=row.rule_set,
        answer_headers=json.loads(answer_headers) if answer_headers else None,
    )
