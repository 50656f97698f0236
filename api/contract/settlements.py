"""The month's end: claim, the partner's verdict, approval, invoice; and the same from the other side."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.contract.exact_json import ExactRoute
from api.contract.writing import Afterwards, IdempotencyKey, Write
from api.errors import Conflict, InvalidInput, UnknownObject
from api.services import Services
from canonical.event import EventKind
from canonical.identity import ObjectId, PartyId
from canonical.partner import Connection, Side
from canonical.settlement import Invoice, Month, ReconciliationReport, Statement
from canonical.store import UnitOfWork
from settlement.statement import statement_id


class SettlementOrder(BaseModel):
    """Settle a calendar month with one partner."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"connection": "mobility", "month": "2026-03"}]}
    )

    connection: str
    month: Month


class SettlementStarted(BaseModel):
    """The id of the process that looks after the month."""

    workflow_id: str


class SettlementView(BaseModel):
    """What there is of a cycle so far."""

    connection: str
    month: Month
    state: str | None
    statement: Statement | None
    report: ReconciliationReport | None
    invoices: tuple[Invoice, ...]


class Approval(BaseModel):
    """A person of finance lets the invoice go out, without what is disputed."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"by": "A. Finance"}]})

    by: Annotated[str, Field(min_length=1, max_length=200)]


class Taken(BaseModel):
    """It is in the store, and the process knows."""

    statement_id: str


class ReceivedStatement(BaseModel):
    """A partner's claim, and the connection that it is about."""

    connection: str
    statement: Statement


def routes(services: Services) -> APIRouter:
    router = APIRouter(tags=["settlement"], route_class=ExactRoute)

    @router.post("/settlements", status_code=202, response_model=SettlementStarted)
    async def settle(order: SettlementOrder, request: Request, key: IdempotencyKey = None) -> Response:
        """Start the settlement of a month. Started twice, it is still one."""
        connection = await _connection(services, order.connection, Side.CPO)

        async def work(_unit: UnitOfWork, _afterwards: Afterwards) -> SettlementStarted:
            return SettlementStarted(workflow_id=await services.signals.settle(connection.id, order.month))

        return await Write(services, request, key).do(work, status=202)

    @router.get("/settlements/{connection}/{month}")
    async def get_settlement(connection: str, month: Month) -> SettlementView:
        """The papers of a cycle: statement, the partner's report, invoices."""
        partner = await _connection(services, connection, Side.CPO)
        state = await services.signals.cycle_state(partner.id, month)
        async with services.store.transaction() as unit:
            statement = await unit.settlement.statement(statement_id(services.our_party, partner.id, month))
            report = await _report(unit, statement, partner) if statement else None
            invoices = await unit.settlement.invoices(partner.id)
        if statement is None and state is None:
            raise UnknownObject(f"there is no settlement of {month} with {partner.id}")
        return SettlementView(
            connection=partner.id,
            month=month,
            state=state,
            statement=statement,
            report=report,
            invoices=tuple(i for i in invoices if i.month == month),
        )

    @router.post("/settlements/{connection}/{month}/report", status_code=202, response_model=Taken)
    async def take_report(
        connection: str,
        month: Month,
        report: ReconciliationReport,
        request: Request,
        key: IdempotencyKey = None,
    ) -> Response:
        """Hand in the partner's verdict on our statement. Repeat it when the process was not ready for it."""
        partner = await _connection(services, connection, Side.CPO)

        async def work(unit: UnitOfWork, _afterwards: Afterwards) -> Taken:
            await _keep_report(services, unit, partner, month, report)
            return Taken(statement_id=report.statement_id)

        answer = await Write(services, request, key).do(work, status=202)
        await services.signals.counterparty_report(report.statement_id, partner.id, month)
        return answer

    @router.post("/settlements/{connection}/{month}/approval", status_code=202, response_model=SettlementView)
    async def approve(
        connection: str, month: Month, approval: Approval, request: Request, key: IdempotencyKey = None
    ) -> Response:
        """Approve: the invoice is numbered, posted and rendered. Refused with `not-now` before its time."""
        partner = await _connection(services, connection, Side.CPO)

        async def work(_unit: UnitOfWork, _afterwards: Afterwards) -> SettlementView:
            await services.signals.approve(partner.id, month, approval.by)
            return await get_settlement(connection, month)

        return await Write(services, request, key).do(work, status=202)

    @router.post("/statements", status_code=202, response_model=Taken)
    async def take_statement(received: ReceivedStatement, request: Request, key: IdempotencyKey = None) -> Response:
        """Hand in a partner's statement: it is compared with what we hold, by component."""
        partner = await _connection(services, received.connection, Side.EMSP)
        statement = received.statement
        _check_parties(services, partner, statement)

        async def work(unit: UnitOfWork, _afterwards: Afterwards) -> Taken:
            known = await unit.settlement.statement(statement.id)
            await unit.settlement.save_statement(statement, partner.id)
            if known is None:
                name = ObjectId(owner=statement.issuer, id=statement.id)
                await unit.events.add(EventKind.STATEMENT_RECEIVED, name.key, partner.id, statement)
            return Taken(statement_id=statement.id)

        answer = await Write(services, request, key).do(work, status=202)
        await services.signals.reconcile(partner.id, statement.id)
        return answer

    @router.get("/statements/{statement_id}/report")
    async def get_report(statement_id: str) -> ReconciliationReport:
        """Our verdict on a partner's statement."""
        async with services.store.transaction() as unit:
            report = await unit.settlement.report(statement_id, services.our_party)
        if report is None:
            raise UnknownObject(f"there is no report on statement {statement_id} yet")
        return report

    return router


async def _connection(services: Services, connection_id: str, side: Side) -> Connection:
    """Raises NotFound, Conflict when we play the other side on it."""
    async with services.store.transaction() as unit:
        connection = await unit.connections.get(connection_id)
    if side not in connection.our_sides:
        raise Conflict(f"on connection {connection.id} we are not the {side}")
    return connection


async def _report(unit: UnitOfWork, statement: Statement, connection: Connection) -> ReconciliationReport | None:
    party = connection.partner_party()
    return await unit.settlement.report(statement.id, party) if party else None


async def _keep_report(
    services: Services,
    unit: UnitOfWork,
    connection: Connection,
    month: str,
    report: ReconciliationReport,
) -> None:
    """Raises UnknownObject, InvalidInput when the report is about something else or by somebody else."""
    statement = await unit.settlement.statement(statement_id(services.our_party, connection.id, month))
    if statement is None:
        raise UnknownObject(f"there is no statement of {month} for {connection.id}")
    if report.statement_id != statement.id:
        raise InvalidInput.of("statement_id", f"must be {statement.id}")
    _check_party(connection, report.checked_by, "checked_by")
    await unit.settlement.save_report(report)


def _check_parties(services: Services, connection: Connection, statement: Statement) -> None:
    _check_party(connection, statement.issuer, "statement.issuer")
    if statement.recipient.key != services.our_party.key:
        raise InvalidInput.of("statement.recipient", "is not us")


def _check_party(connection: Connection, party: PartyId, field: str) -> None:
    if not connection.owns(party):
        raise InvalidInput.of(field, f"{party} is not a party of this connection")
