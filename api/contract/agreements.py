"""What has been agreed with a partner about money: how CDRs are priced, how far they may differ, what waits."""

from typing import Annotated, Self

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.contract.exact_json import ExactRoute
from api.contract.writing import Afterwards, IdempotencyKey, Write
from api.errors import Conflict, InvalidInput
from api.services import Services
from canonical.model import Instant
from canonical.store import AlreadyExists, StoredAgreement, UnitOfWork
from settlement.agreement import Agreement, agreed


class NewAgreement(BaseModel):
    """The terms, who agreed to them on our side, and since when they hold: now, or later."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "terms": {
                        "name": "mobility-2026",
                        "money_tolerance": "0.02",
                        "unproved_energy": "QUARANTINED",
                        "latest": "P30D",
                    },
                    "agreed_by": "Erika Muster, finance",
                    "valid_from": "2026-04-01T00:00:00+02:00",
                }
            ]
        },
    )

    terms: Agreement
    agreed_by: Annotated[str, Field(min_length=1, max_length=200)]
    valid_from: Instant | None = Field(default=None, description="Sessions that begin from then on; now without it.")


class AgreementView(BaseModel):
    """An agreement. `ref` is kept with every CDR that was made or checked under it.

    Without `valid_from` nothing was agreed, and these terms are those of the deployment.
    """

    connection: str
    ref: str
    terms: Agreement
    agreed_by: str | None
    valid_from: Instant | None
    recorded_at: Instant | None

    @classmethod
    def of(cls, stored: StoredAgreement) -> Self:
        return cls(
            connection=stored.connection_id,
            ref=stored.ref,
            terms=Agreement.model_validate_json(stored.document),
            agreed_by=stored.agreed_by,
            valid_from=stored.valid_from,
            recorded_at=stored.recorded_at,
        )


class Agreements(BaseModel):
    """The agreement that holds at the moment asked about, and every one that there is, the newest first."""

    in_force: AgreementView
    all: tuple[AgreementView, ...]


def routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/partners", tags=["agreements"], route_class=ExactRoute)

    @router.put("/{connection_id}/agreement", response_model=AgreementView)
    async def put_agreement(
        connection_id: str, order: NewAgreement, request: Request, key: IdempotencyKey = None
    ) -> Response:
        """Agree anew. The terms before stay, and go on holding for sessions that began under them.

        Terms cannot begin in the past: what was billed or checked by then was billed and checked under others.
        """

        async def work(unit: UnitOfWork, _afterwards: Afterwards) -> AgreementView:
            return await _agree(services, unit, connection_id, order)

        return await Write(services, request, key).do(work)

    @router.get("/{connection_id}/agreement")
    async def get_agreement(
        connection_id: str, at: Annotated[Instant | None, Query(description="Now without it.")] = None
    ) -> Agreements:
        """What holds for a session that begins now, or began at another moment; and all that was ever agreed."""
        async with services.store.transaction() as unit:
            connection = await unit.connections.get(connection_id)
            stored = await unit.agreements.in_force(connection.id, at or services.clock())
            every = await unit.agreements.all(connection.id)
        in_force = AgreementView.of(stored) if stored else _unagreed(services, connection.id)
        return Agreements(in_force=in_force, all=tuple(AgreementView.of(each) for each in every))

    return router


async def _agree(services: Services, unit: UnitOfWork, connection_id: str, order: NewAgreement) -> AgreementView:
    """A repeat of what holds already finds it. Raises InvalidInput, Conflict."""
    connection = await unit.connections.get(connection_id, lock=True)
    now = services.clock()
    valid_from = order.valid_from or now
    if valid_from < now:
        at_that_moment = await unit.agreements.in_force(connection.id, valid_from)
        if at_that_moment and (at_that_moment.valid_from, at_that_moment.ref) == (valid_from, order.terms.ref):
            return AgreementView.of(at_that_moment)
        raise InvalidInput.of("valid_from", "is in the past: what began before now is billed as it was agreed then")
    in_force = await unit.agreements.in_force(connection.id, now)
    if order.valid_from is None and in_force is not None and in_force.ref == order.terms.ref:
        return AgreementView.of(in_force)
    try:
        stored = await unit.agreements.add(
            connection_id=connection.id,
            ref=order.terms.ref,
            document=order.terms.model_dump_json(),
            agreed_by=order.agreed_by,
            valid_from=valid_from,
        )
    except AlreadyExists as error:
        raise Conflict(str(error), fields={"valid_from": "other terms hold from this moment on"}) from error
    return AgreementView.of(stored)


def _unagreed(services: Services, connection_id: str) -> AgreementView:
    terms = agreed(None, services.policy)
    return AgreementView(
        connection=connection_id, ref=terms.ref, terms=terms, agreed_by=None, valid_from=None, recorded_at=None
    )
