"""What left us of a CDR of ours, and what the partner answered to every attempt to deliver it."""

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from canonical.identity import ObjectId
from canonical.model import Finding
from canonical.store.cdrs.repository import number_of
from canonical.store.sealing import DriverKey, numbers_in
from canonical.store.tables import CdrEmissionRow, CdrReceiptRow, CdrRow
from canonical.store.transaction import Transaction


@dataclass(frozen=True)
class CdrEmission:
    """A CDR of ours as an adapter wrote it: digest of the bytes, what our own check says to what can be read back
    from them, and everything that the version had no words for.
    """

    adapter: str
    version: str
    body_sha256: str
    outcome: str
    findings: tuple[Finding, ...]
    losses: tuple[Finding, ...]
    at: datetime


@dataclass(frozen=True)
class CdrReceipt:
    """A partner's answer to one delivery. `proved`: the partner gave the CDR back, and it was equal.

    `ocpi_status` None: it refused without a word of OCPI.
    """

    http_status: int
    ocpi_status: int | None
    url: str | None
    version_accepted: str | None
    outcome: str
    findings: tuple[Finding, ...]
    proved: bool
    at: datetime


class CdrDeliveryRepository:
    """Deliveries of our CDRs. Whatever names the driver is sealed like the CDR itself."""

    def __init__(self, connection: Transaction) -> None:
        self._connection = connection

    async def add_emission(self, cdr: ObjectId, connection_id: str, emission: CdrEmission) -> None:
        """Keep what our CDR became in the words of an adapter, before it is sent. Raises NotFound.

        Repeated: the same bytes by the same adapter are one emission, and the first word on it stays. Reordered: kept
        in order of writing. Cut off: not kept, and then nothing was sent either.
        """
        number = await number_of(self._connection, cdr, connection_id, ours=True)
        key = await self._key_of(number)
        await self._connection.execute(
            insert(CdrEmissionRow)
            .values(
                cdr_number=number,
                adapter=emission.adapter,
                version=emission.version,
                body_sha256=emission.body_sha256 if key is None else key.seal_text(emission.body_sha256),
                outcome=emission.outcome,
                findings=_dumped(emission.findings, key),
                losses=_dumped(emission.losses, key),
                at=emission.at,
            )
            .on_conflict_do_nothing(index_elements=["cdr_number", "adapter", "body_sha256"])
        )

    async def emissions(self, cdr: ObjectId, connection_id: str) -> tuple[CdrEmission, ...]:
        """What our CDR became on its way out, in order of writing. Raises NotFound."""
        number = await number_of(self._connection, cdr, connection_id, ours=True)
        query = (
            select(
                col(CdrEmissionRow.adapter),
                col(CdrEmissionRow.version),
                col(CdrEmissionRow.body_sha256),
                col(CdrEmissionRow.outcome),
                col(CdrEmissionRow.findings),
                col(CdrEmissionRow.losses),
                col(CdrEmissionRow.at),
            )
            .where(col(CdrEmissionRow.cdr_number) == number)
            .order_by(col(CdrEmissionRow.number))
        )
        rows = (await self._connection.execute(query)).all()
        sealed = (text for row in rows for text in (row.body_sha256, row.findings, row.losses))
        opened = await self._connection.drivers.reveal(*sealed)
        return tuple(
            CdrEmission(
                adapter=row.adapter,
                version=row.version,
                body_sha256=body_sha256,
                outcome=row.outcome,
                findings=_loaded(findings),
                losses=_loaded(losses),
                at=row.at,
            )
            for row, body_sha256, findings, losses in zip(rows, opened[::3], opened[1::3], opened[2::3], strict=True)
        )

    async def add_receipt(self, cdr: ObjectId, connection_id: str, receipt: CdrReceipt) -> None:
        """Keep a partner's answer to a delivery of our CDR. Raises NotFound.

        Repeated: kept again, as every attempt has its own answer. Reordered: kept in order of arrival. Cut off:
        not kept; the bytes of the exchange are in the evidence.
        """
        number = await number_of(self._connection, cdr, connection_id, ours=True)
        await self._connection.execute(
            insert(CdrReceiptRow).values(
                cdr_number=number,
                http_status=receipt.http_status,
                ocpi_status=receipt.ocpi_status,
                url=receipt.url,
                version_accepted=receipt.version_accepted,
                outcome=receipt.outcome,
                findings=_dumped(receipt.findings, await self._key_of(number)),
                proved=receipt.proved,
                at=receipt.at,
            )
        )

    async def receipts(self, cdr: ObjectId, connection_id: str) -> tuple[CdrReceipt, ...]:
        """All answers to deliveries of our CDR, in order of arrival. Raises NotFound."""
        number = await number_of(self._connection, cdr, connection_id, ours=True)
        query = (
            select(
                col(CdrReceiptRow.http_status),
                col(CdrReceiptRow.ocpi_status),
                col(CdrReceiptRow.url),
                col(CdrReceiptRow.version_accepted),
                col(CdrReceiptRow.outcome),
                col(CdrReceiptRow.findings),
                col(CdrReceiptRow.proved),
                col(CdrReceiptRow.at),
            )
            .where(col(CdrReceiptRow.cdr_number) == number)
            .order_by(col(CdrReceiptRow.number))
        )
        rows = (await self._connection.execute(query)).all()
        opened = await self._connection.drivers.reveal(*(row.findings for row in rows))
        return tuple(
            CdrReceipt(
                http_status=row.http_status,
                ocpi_status=row.ocpi_status,
                url=row.url,
                version_accepted=row.version_accepted,
                outcome=row.outcome,
                findings=_loaded(findings),
                proved=row.proved,
                at=row.at,
            )
            for row, findings in zip(rows, opened, strict=True)
        )

    async def _key_of(self, number: int) -> DriverKey | None:
        """The key under which a CDR is sealed; None where it is not, or nobody has its key any more."""
        query = select(col(CdrRow.document)[("cdr", "token", "contract_id")].astext).where(col(CdrRow.number) == number)
        numbers = numbers_in(((await self._connection.execute(query)).scalar(),))
        return next(iter((await self._connection.drivers.by_number(numbers)).values()), None)


def _dumped(findings: tuple[Finding, ...], key: DriverKey | None) -> str:
    """Findings may show what differs in the token, or in what a sender added: sealed like the CDR itself."""
    text = json.dumps([finding.model_dump(mode="json") for finding in findings], separators=(",", ":"))
    return text if key is None else key.conceal(text, (), ("expected", "stated", "message"))


def _loaded(document: str) -> tuple[Finding, ...]:
    return tuple(Finding.model_validate(finding) for finding in json.loads(document))
