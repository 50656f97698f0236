"""Invoices, issued and received, with their files; and the ledger that they are posted in."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from api.contract.exact_json import ExactRoute
from api.contract.writing import Afterwards, IdempotencyKey, Write
from api.errors import InvalidInput, UnknownObject
from api.services import Services
from canonical.identity import PartyId
from canonical.settlement import Invoice, LedgerEntry
from canonical.store import UnitOfWork


class ReceivedInvoice(BaseModel):
    """A partner's invoice, and the connection that it is about."""

    connection: str
    invoice: Invoice


class FileView(BaseModel):
    name: str
    media_type: str
    sha256: str
    size_bytes: int


class Balance(BaseModel):
    """In minor units; debit is positive."""

    account: str
    currency: str
    amount_minor: int


class LedgerView(BaseModel):
    entries: tuple[LedgerEntry, ...]
    balances: tuple[Balance, ...]


def routes(services: Services) -> APIRouter:
    router = APIRouter(tags=["invoices"], route_class=ExactRoute)

    @router.post("/invoices/received", status_code=201, response_model=Invoice)
    async def receive_invoice(received: ReceivedInvoice, request: Request, key: IdempotencyKey = None) -> Response:
        """Hand in a partner's invoice: it is compared with what we agreed to, and then posted."""

        async def work(unit: UnitOfWork, afterwards: Afterwards) -> Invoice:
            return await _receive(services, unit, afterwards, received)

        return await Write(services, request, key).do(work, status=201)

    @router.get("/invoices")
    async def list_invoices(connection: Annotated[str, Query(max_length=64)]) -> list[Invoice]:
        """The invoices of one connection, in both directions."""
        async with services.store.transaction() as unit:
            return list(await unit.settlement.invoices((await unit.connections.get(connection)).id))

    @router.get("/invoices/{number}")
    async def get_invoice(number: str, issuer: str | None = None) -> Invoice:
        """One invoice: ours, or with `issuer` (`DE*ABC`) one that we received."""
        async with services.store.transaction() as unit:
            return await _invoice(unit, number, _issuer(services, issuer))

    @router.get("/invoices/{number}/files")
    async def list_files(number: str) -> list[FileView]:
        """The files of an invoice that we issued."""
        async with services.store.transaction() as unit:
            await _invoice(unit, number, services.our_party)
            files = await unit.settlement.files(number)
        return [
            FileView(name=f.name, media_type=f.media_type, sha256=f.sha256, size_bytes=len(f.content)) for f in files
        ]

    @router.get("/invoices/{number}/files/{name}", response_class=Response)
    async def get_file(number: str, name: str) -> Response:
        """One file, byte for byte as it was sealed."""
        async with services.store.transaction() as unit:
            files = await unit.settlement.files(number)
        found = next((f for f in files if f.name == name), None)
        if found is None:
            raise UnknownObject(f"invoice {number} has no file {name}")
        return Response(found.content, media_type=found.media_type, headers={"ETag": f'"{found.sha256}"'})

    @router.get("/ledger", tags=["ledger"])
    async def get_ledger() -> LedgerView:
        """Every entry that was posted, and the balance of every account."""
        async with services.store.transaction() as unit:
            entries = await unit.ledger.entries()
            balances = await unit.ledger.balances()
        return LedgerView(
            entries=entries,
            balances=tuple(
                Balance(account=account, currency=currency, amount_minor=amount)
                for (account, currency), amount in sorted(balances.items())
            ),
        )

    return router


async def _receive(services: Services, unit: UnitOfWork, afterwards: Afterwards, received: ReceivedInvoice) -> Invoice:
    """Raises NotFound, InvalidInput when the invoice is not from this partner or not for us."""
    connection = await unit.connections.get(received.connection)
    invoice = received.invoice
    if not connection.owns(invoice.issuer):
        raise InvalidInput.of("invoice.issuer", f"{invoice.issuer} is not a party of this connection")
    if invoice.recipient.key != services.our_party.key:
        raise InvalidInput.of("invoice.recipient", "is not us")
    await unit.settlement.save_invoice(invoice, connection.id, issued=False)
    afterwards.do(
        f"invoice_received {invoice.number}",
        lambda: services.signals.invoice_received(connection.id, invoice.statement_id, invoice.number),
    )
    return invoice


async def _invoice(unit: UnitOfWork, number: str, issuer: PartyId) -> Invoice:
    invoice = await unit.settlement.invoice(number, issuer)
    if invoice is None:
        raise UnknownObject(f"invoice {number} is not known")
    return invoice


def _issuer(services: Services, text: str | None) -> PartyId:
    if text is None:
        return services.our_party
    try:
        return PartyId.parse(text)
    except ValueError:
        raise InvalidInput.of("issuer", "must be a party id such as DE*ABC") from None
