"""Raw bytes of every message that moves money or trust, with their digests. Append-only."""

import hashlib
import json
import zlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Row, select
from sqlmodel import col

from canonical.store.errors import NotFound
from canonical.store.tables import EvidenceRow
from canonical.store.transaction import Transaction

_LEVEL, _WINDOW, _MEMORY = 1, 12, 5
"""Messages are short: to make ready for long ones would take ten times as long as to compress them."""

_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"})


class Direction(StrEnum):
    """IN: a partner called us. OUT: we called a partner."""

    IN = "IN"
    OUT = "OUT"


@dataclass(frozen=True)
class EvidenceRecord:
    """One request and its answer, byte for byte. `object_key` is the folded key of the object it is about.

    `status` is the HTTP status of the answer, None when none came. `id` is given by the store. The writer
    takes secrets out of bodies; headers that carry them are left out by the store.
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
)
_PLACES = ", ".join(f"${place}" + ("::jsonb" if name == "headers" else "") for place, name in enumerate(_COLUMNS, 1))
ADD_EVIDENCE = f"INSERT INTO evidence ({', '.join(_COLUMNS)}) VALUES ({_PLACES}) RETURNING number"  # noqa: S608
"""For the driver, with `values_of`."""


def values_of(record: EvidenceRecord) -> tuple[object, ...]:
    """A record as it is stored: compressed quickly (what takes longer hardly makes it smaller), without secrets."""
    headers = {n: v for n, v in record.headers.items() if n.lower() not in _SECRET_HEADERS}
    return (
        record.direction.value,
        record.connection_id,
        record.module,
        record.method,
        record.url_or_path,
        record.status,
        json.dumps(headers),
        _compressed(record.body),
        record.body_sha256,
        _compressed(record.answer),
        record.answer_sha256,
        record.adapter,
        record.object_key,
        record.at,
    )


def _compressed(content: bytes) -> bytes:
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY)
    return compressor.compress(content) + compressor.flush()


class EvidenceRepository:
    """What went over the wire."""

    def __init__(self, connection: Transaction) -> None:
        self._connection = connection

    async def add(self, record: EvidenceRecord) -> int:
        """Keep a record; returns its id.

        Repeated: kept again, since every exchange is a fact of its own. Reordered: ids tell the order of
        keeping, `at` that of happening. Cut off: nothing is kept.
        """
        rows = await self._connection.ask(ADD_EVIDENCE, *values_of(record))
        return int(rows[0][0])

    async def note(self, record: EvidenceRecord) -> None:
        """As `add`, where nobody asks for the number."""
        await self._connection.write(ADD_EVIDENCE, *values_of(record))

    async def get(self, evidence_id: int) -> EvidenceRecord:
        """Raises NotFound."""
        row = (
            await self._connection.execute(select(EvidenceRow).where(col(EvidenceRow.number) == evidence_id))
        ).first()
        if row is None:
            raise NotFound(f"no evidence {evidence_id}")
        return _record(row)

    async def for_object(self, object_key: str) -> tuple[EvidenceRecord, ...]:
        """Everything that was exchanged about one object, in the order in which it was kept."""
        query = select(EvidenceRow).where(col(EvidenceRow.object_key) == object_key).order_by(col(EvidenceRow.number))
        return tuple(_record(row) for row in (await self._connection.execute(query)).all())


def _record(row: Row[EvidenceRow]) -> EvidenceRecord:
    return EvidenceRecord(
        direction=Direction(row.direction),
        connection_id=row.connection_id,
        module=row.module,
        method=row.method,
        url_or_path=row.url_or_path,
        status=row.status,
        headers=json.loads(row.headers),
        body=zlib.decompress(row.body),
        answer=zlib.decompress(row.answer),
        adapter=row.adapter,
        object_key=row.object_key,
        at=row.at,
        id=row.number,
    )
