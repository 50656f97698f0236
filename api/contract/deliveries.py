"""Our CDRs that their partners do not hold yet, and what a person decides about them. All of it out of the store."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Final, Self

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.contract.listing import After, Limit, Listed, listed, number
from api.contract.writing import Afterwards, IdempotencyKey, Signal, Write
from api.errors import Conflict, UnknownObject
from api.services import Services
from canonical.identity import ObjectId
from canonical.model import Instant
from canonical.store import CdrState, DeliveryState, StoredCdr, Undelivered, UnitOfWork
from canonical.store.cdr_decisions import NotUnderWay, abandon, have_replaced, release

_LIST: Final = "deliveries"

_Tell = Callable[[ObjectId, str], Awaitable[None]]

_RESTING: Final = frozenset((DeliveryState.PARKED, DeliveryState.HELD, DeliveryState.WAITING_FOR_ITS_TURN))

_NEXT: Final[Mapping[DeliveryState, str]] = MappingProxyType(
    {
        DeliveryState.SENDING: "nothing to do",
        DeliveryState.RETRYING: "nothing to do: it is tried again; release it to have it tried at once",
        DeliveryState.HELD: "make the partner reachable, or abandon the delivery",
        DeliveryState.WAITING_FOR_ITS_TURN: "see to the CDR that goes before it",
        DeliveryState.PARKED: "mend the cause and release it, correct the CDR, or abandon its delivery",
        DeliveryState.CORRECTING: "nothing to do: another CDR is made of its session",
    }
)


class DeliveryView(BaseModel):
    """Where a CDR stands that its partner does not hold yet.

    `reason` says in words what it waits for, and whether the partner has refused it or we have held it back.
    `in_doubt`: an attempt was begun whose end nobody knows, so that the partner may hold it all the same.
    """

    connection: str
    cdr: str
    state: DeliveryState
    reason: str
    attempts: int
    in_doubt: bool
    since: Instant
    next_at: Instant | None = Field(description="When somebody looks at it again, whatever happens.")
    next_action: str

    @classmethod
    def of(cls, stands: Undelivered) -> Self:
        return cls(
            connection=stands.connection_id,
            cdr=stands.cdr.id,
            state=stands.state,
            reason=stands.reason,
            attempts=stands.attempts,
            in_doubt=stands.in_doubt,
            since=stands.since,
            next_at=stands.next_at,
            next_action=_NEXT[stands.state],
        )


class Decided(BaseModel):
    """Where the CDR stands after the decision."""

    connection: str
    cdr: str
    state: CdrState
    delivery: DeliveryView | None = Field(description="null: nobody tries any more.")


class DeliveryDecision(BaseModel):
    """Why. The reason stays with us: it is kept with the events of the CDR."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "the partner has mended its tariff"}]}
    )

    reason: Annotated[str, Field(min_length=1, max_length=1000)]


class Correction(DeliveryDecision):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "the meter's key was not registered"}]}
    )

    partner_holds_nothing: bool = Field(
        default=False, description="The partner has said that it does not hold the CDR. Needed where that is in doubt."
    )


def routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/deliveries", tags=["deliveries"])

    @router.get("")
    async def list_deliveries(
        connection: Annotated[str | None, Query(max_length=64, description="Those to one partner.")] = None,
        state: DeliveryState | None = None,
        after: After = None,
        limit: Limit = 100,
    ) -> Listed[DeliveryView]:
        """CDRs of ours that their partners do not hold yet, in the order in which they were made."""
        async with services.store.transaction() as unit:
            partner = None if connection is None else (await unit.connections.get(connection)).id
            found = await unit.undelivered.page(
                connection_id=partner, state=state, after=number(_LIST, after) or 0, limit=limit + 1
            )
        page = listed(_LIST, found, limit, lambda stands: stands.number)
        return Listed(items=tuple(map(DeliveryView.of, page.items)), next=page.next)

    @router.post("/{connection_id}/{cdr_id}/release", response_model=Decided)
    async def release_delivery(
        connection_id: str, cdr_id: str, decision: DeliveryDecision, request: Request, key: IdempotencyKey = None
    ) -> Response:
        """Send it again, and now: what was put aside, and what waits for its next attempt."""

        async def work(unit: UnitOfWork, afterwards: Afterwards) -> Decided:
            stored = await _find(services, unit, connection_id, cdr_id)
            name, of = stored.dossier.cdr.object_id, stored.connection_id
            try:
                await release(unit, name, of, decision.reason, services.clock())
            except NotUnderWay:
                raise _not_under_way(stored) from None
            afterwards.do(f"release {name.key}", _telling(services.signals.delivery_released, name, of))
            return await _decided(unit, stored)

        return await Write(services, request, key).do(work)

    @router.post("/{connection_id}/{cdr_id}/abandon", response_model=Decided)
    async def abandon_delivery(
        connection_id: str, cdr_id: str, decision: DeliveryDecision, request: Request, key: IdempotencyKey = None
    ) -> Response:
        """Stop trying: the CDR is settled outside OCPI. An attempt under way may still succeed, and then it counts."""

        async def work(unit: UnitOfWork, afterwards: Afterwards) -> Decided:
            stored = await _find(services, unit, connection_id, cdr_id)
            name, of = stored.dossier.cdr.object_id, stored.connection_id
            try:
                await abandon(unit, name, of, decision.reason, services.clock())
            except NotUnderWay:
                raise _not_under_way(stored) from None
            afterwards.do(f"abandon {name.key}", _telling(services.signals.delivery_abandoned, name, of))
            return await _decided(unit, stored)

        return await Write(services, request, key).do(work)

    @router.post("/{connection_id}/{cdr_id}/correct", response_model=Decided)
    async def correct_cdr(
        connection_id: str, cdr_id: str, order: Correction, request: Request, key: IdempotencyKey = None
    ) -> Response:
        """Make another CDR of the session, out of what the store says now, and deliver that one.

        For a CDR that the partner never took, whose place it takes, or that was credited. The old one is kept.
        """

        async def work(unit: UnitOfWork, afterwards: Afterwards) -> Decided:
            stored = await _find(services, unit, connection_id, cdr_id)
            name, of = stored.dossier.cdr.object_id, stored.connection_id
            await _check_correctable(unit, stored, order, services.clock())
            await have_replaced(unit, name, of, order.reason, services.clock())
            afterwards.do(f"correct {name.key}", _telling(services.signals.delivery_due, name, of))
            return await _decided(unit, stored)

        return await Write(services, request, key).do(work)

    return router


async def _find(services: Services, unit: UnitOfWork, connection_id: str, cdr_id: str) -> StoredCdr:
    name = ObjectId(owner=services.our_party, id=cdr_id)
    connection = await unit.connections.get(connection_id)
    stored = await unit.cdrs.get(name, connection_id=connection.id, ours=True)
    if stored is None:
        raise UnknownObject(f"CDR {cdr_id} is not one of ours for {connection.id}")
    return stored


async def _check_correctable(unit: UnitOfWork, stored: StoredCdr, order: Correction, at: Instant) -> None:
    """Raises Conflict where a second CDR might be a second debit."""
    cdr = stored.dossier.cdr
    if cdr.credit or stored.dossier.handles.session_id is None:
        raise Conflict(f"CDR {cdr.id} was not made of a session")
    stands = await unit.undelivered.get(cdr.object_id, stored.connection_id, lock=True)
    if stands is None:
        if stored.state is not CdrState.CREDITED:
            raise _not_under_way(stored)
        await unit.undelivered.take_up(cdr.object_id, stored.connection_id, at)
        return
    if stands.state not in _RESTING:
        raise Conflict(f"CDR {cdr.id} is {stands.state}: the partner may take it any moment")
    if stands.in_doubt and not order.partner_holds_nothing:
        raise Conflict(
            f"the partner may hold CDR {cdr.id}, for the end of an attempt is not known: ask it, and say so "
            "(`partner_holds_nothing`), or release the delivery, which looks first"
        )


async def _decided(unit: UnitOfWork, stored: StoredCdr) -> Decided:
    name, of = stored.dossier.cdr.object_id, stored.connection_id
    stands = await unit.undelivered.get(name, of, lock=True)
    kept = await unit.cdrs.get(name, connection_id=of, ours=True)
    return Decided(
        connection=of,
        cdr=name.id,
        state=kept.state if kept else stored.state,
        delivery=None if stands is None else DeliveryView.of(stands),
    )


def _telling(signal: _Tell, cdr: ObjectId, connection_id: str) -> Signal:
    return lambda: signal(cdr, connection_id)


def _not_under_way(stored: StoredCdr) -> Conflict:
    return Conflict(f"CDR {stored.dossier.cdr.id} is {stored.state}: it is not being delivered")
