"""Invoices, issued and received, with their files; and the ledger that they are posted in."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from api.contract.exact_json import ExactRoute
from api.contract.listing import After, Limit, Listed, cursor, listed, position
from api.contract.listing import number as place_of
from api.contract.writing import Afterwards, IdempotencyKey, Write
from api.errors import InvalidInput, UnknownObject
from api.services import Services
from canonical.event import EventKind
from canonical.identity import ObjectId, PartyId
from canonical.settlement import Invoice, LedgerEntry
from canonical.store import UnitOfWork

_BYTES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The file.",
        "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class ReceivedInvoice(BaseModel):
    """A partner's invoice, and the connection that it is about."""

    connection: str
    invoice: Invoice


class FileView(BaseModel):
    """A rendering of an invoice, as it was sealed."""

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
    """What stands on the accounts."""

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
    async def list_invoices(
        connection: Annotated[str | None, Query(max_length=64, description="Those of one connection.")] = None,
        after: After = None,
        limit: Limit = 100,
    ) -> Listed[Invoice]:
        """Invoices in both directions, in the order in which they were issued or came."""
        async with services.store.transaction() as unit:
            partner = None if connection is None else await unit.connections.get(connection)
            found = await unit.settlement.invoice_page(
                connection_id=None if partner is None else partner.id,
                after=place_of("invoices", after) or 0,
                limit=limit + 1,
            )
        return Listed(
            items=tuple(invoice for _, invoice in found[:limit]),
            next=cursor("invoices", found[limit - 1][0]) if len(found) > limit else None,
        )

    @router.get("/invoices/{number}")
    async def get_invoice(number: str, issuer: str | None = None) -> Invoice:
        """One invoice: ours, or with `issuer` (`DE*ABC`) one that we received."""
        async with services.store.transaction() as unit:
            return await _invoice(unit, number, _issuer(services, issuer))

    @router.get("/invoices/{number}/files")
    async def list_files(number: str, after: After = None, limit: Limit = 100) -> Listed[FileView]:
        """The files of an invoice that we issued, by name."""
        of = f"files {number}"
        async with services.store.transaction() as unit:
            await _invoice(unit, number, services.our_party)
            files = await unit.settlement.files(number)
        place = position(of, after) or ""
        views = [
            FileView(name=f.name, media_type=f.media_type, sha256=f.sha256, size_bytes=len(f.content))
            for f in sorted(files, key=lambda file: file.name)
            if f.name > place
        ]
        return listed(of, views, limit, lambda file: file.name)

    @router.get("/invoices/{number}/files/{name}", response_class=Response, responses=_BYTES)
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
        """The balance of every account, over everything that was ever posted."""
        async with services.store.transaction() as unit:
            balances = await unit.ledger.balances()
        return LedgerView(
            balances=tuple(
                Balance(account=account, currency=currency, amount_minor=amount)
                for (account, currency), amount in sorted(balances.items())
            ),
        )

    @router.get("/ledger/entries", tags=["ledger"])
    async def list_entries(after: After = None, limit: Limit = 100) -> Listed[LedgerEntry]:
        """Every entry, in the order in which they were posted."""
        async with services.store.transaction() as unit:
            found = await unit.ledger.page(after=place_of("ledger", after) or 0, limit=limit + 1)
        return Listed(
            items=tuple(entry for _, entry in found[:limit]),
            next=cursor("ledger", found[limit - 1][0]) if len(found) > limit else None,
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
    known = await unit.settlement.invoice(invoice.number, invoice.issuer)
    await unit.settlement.save_invoice(invoice, connection.id, issued=False)
    if known is None:
        name = ObjectId(owner=invoice.issuer, id=invoice.number)
        await unit.events.add(EventKind.INVOICE_RECEIVED, name.key, connection.id, invoice)
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
