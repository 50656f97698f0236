"""Sessions as our charging backend reports them, and as partners report those of our drivers."""

from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.contract.authorizations import TokenSelector
from api.contract.charging import Charging, Start
from api.contract.exact_json import ExactRoute
from api.contract.listing import After, From, Limit, Listed, page_of
from api.contract.shared_objects import Owner, find
from api.contract.writing import Afterwards, IdempotencyKey, Write
from api.errors import UnknownObject
from api.services import Services
from canonical.cdr import Discount, SignedMeterData
from canonical.identity import ObjectId
from canonical.model import Identifier, Instant, Number
from canonical.money import Currency
from canonical.session import AuthMethod, MeterReading, Session, SessionStatus, VehicleState
from canonical.store import CdrState, UnitOfWork
from canonical.store.session_watch import word_for

_MARCH = "2026-03-28T21:00:00Z"
Energy = Annotated[Number, Field(ge=0, description="kWh delivered since the start.", examples=["12.345"])]
_ON_THE_WAY = (CdrState.GENERATED, CdrState.RECEIVED, CdrState.UNDELIVERABLE, CdrState.REPLACED)
"""A CDR that is there, but not yet where it has to be."""
SessionId = Annotated[str, Field(min_length=1, max_length=36)]


class SessionStart(BaseModel):
    """A session, or a reservation, begins. `billing_record` is your own key, and comes back on the CDR."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "id": "S-1001",
                    "token": {"uid": "04A1B2C3D4E5F6", "type": "RFID"},
                    "auth_method": "WHITELIST",
                    "location_id": "L1",
                    "evse_uid": "E1",
                    "connector_id": "1",
                    "start": _MARCH,
                    "billing_record": "2026/4711",
                }
            ]
        },
    )

    id: SessionId
    token: TokenSelector
    auth_method: AuthMethod
    authorization_reference: Identifier | None = None
    location_id: Identifier
    evse_uid: Identifier
    connector_id: Identifier
    start: Instant
    status: Literal[SessionStatus.ACTIVE, SessionStatus.RESERVATION] = SessionStatus.ACTIVE
    meter_id: str | None = None
    currency: Currency | None = Field(default=None, description="Only where the connector has no tariff.")
    billing_record: Annotated[str, Field(max_length=255)] | None = None
    discounts: Annotated[
        tuple[Discount, ...],
        Field(max_length=16, description="What the driver's subscription takes off, beside what the agreement grants."),
    ] = ()

    def order(self) -> Start:
        return Start(
            id=self.id,
            token=self.token.name(),
            auth_method=self.auth_method,
            authorization_reference=self.authorization_reference,
            location_id=self.location_id,
            evse_uid=self.evse_uid,
            connector_id=self.connector_id,
            start=self.start,
            status=self.status,
            meter_id=self.meter_id,
            currency=self.currency,
            billing_record=self.billing_record,
            discounts=self.discounts,
        )


class StateChange(BaseModel):
    """From `at` on the session has another status."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"at": _MARCH, "status": "ACTIVE"}]})

    at: Instant
    status: SessionStatus


class Stop(BaseModel):
    """The session's last reading, with signed meter data where the meter gives it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"at": _MARCH, "energy_kwh": "23.456"}]})

    at: Instant
    energy_kwh: Energy
    signed_data: SignedMeterData | None = None

    def reading(self) -> MeterReading:
        return MeterReading(at=self.at, energy_kwh=Decimal(self.energy_kwh), state=VehicleState.PARKED)


class Standing(BaseModel):
    """Where a session stands on its way to a CDR that both sides hold: RESERVED, PENDING, ACTIVE, ENDED, BILLED (there
    is a CDR), CLOSED (it was delivered, or accepted by our check), or NOT_BILLED, QUARANTINED, INVALID.

    `cdr` is the id of its CDR, `reason` why there is none, and `attention` says that a person has something to do.
    """

    state: str = Field(examples=["BILLED"])
    cdr: str | None = None
    reason: str | None = None
    attention: bool = False


class SessionView(Session):
    """A session, and what has become of it."""

    standing: Standing


def routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/sessions", tags=["sessions"], route_class=ExactRoute)

    @router.post("", status_code=201, response_model=Session)
    async def start_session(start: SessionStart, request: Request, key: IdempotencyKey = None) -> Response:
        """Begin a session. What its bill is based on is sealed now: the charge point, its zone, its tariff, its
        discounts.

        A token that may not charge is refused with the problem `token-not-allowed`.
        """

        async def work(unit: UnitOfWork, afterwards: Afterwards) -> Session:
            return await Charging(services, unit, afterwards).start(start.order())

        return await Write(services, request, key).do(work, status=201)

    @router.post("/{session_id}/readings", response_model=Session)
    async def read_meter(
        session_id: str, reading: MeterReading, request: Request, key: IdempotencyKey = None
    ) -> Response:
        """Report the meter, and what the vehicle does from then on. Late and repeated readings are welcome."""

        async def work(unit: UnitOfWork, afterwards: Afterwards) -> Session:
            return await Charging(services, unit, afterwards).read_meter(session_id, reading)

        return await Write(services, request, key).do(work)

    @router.post("/{session_id}/state", response_model=Session)
    async def change_state(
        session_id: str, change: StateChange, request: Request, key: IdempotencyKey = None
    ) -> Response:
        """Move a session on. COMPLETED and INVALID are final."""

        async def work(unit: UnitOfWork, afterwards: Afterwards) -> Session:
            charging = Charging(services, unit, afterwards)
            return await charging.change_state(session_id, change.status, change.at)

        return await Write(services, request, key).do(work)

    @router.post("/{session_id}/stop", response_model=Session)
    async def stop_session(session_id: str, stop: Stop, request: Request, key: IdempotencyKey = None) -> Response:
        """End a session. Its CDR is made and delivered from here without further doing."""

        async def work(unit: UnitOfWork, afterwards: Afterwards) -> Session:
            charging = Charging(services, unit, afterwards)
            return await charging.stop(session_id, stop.reading(), stop.signed_data)

        return await Write(services, request, key).do(work)

    @router.get("/{session_id}")
    async def get_session(session_id: str, connection: From = "", owner: Owner = None) -> SessionView:
        """A session as it stands: one of ours, or one that a partner has reported for our drivers."""
        async with services.store.transaction() as unit:
            session = await find(
                services,
                unit,
                connection,
                owner,
                session_id,
                lambda name, source: unit.sessions.get(name, source=source),
            )
            if session is None:
                raise UnknownObject(f"session {session_id} is not known")
            standing = await _standing(unit, session, connection)
        return SessionView(**dict(session), standing=standing)

    @router.get("")
    async def list_sessions(connection: From = "", after: After = None, limit: Limit = 100) -> Listed[Session]:
        """Our sessions, or those that a partner has reported for our drivers."""
        async with services.store.transaction() as unit:
            return await page_of(unit.sessions, "sessions", connection, after, limit)

    return router


async def _standing(unit: UnitOfWork, session: Session, source: str) -> Standing:
    """As the session's process tells it in the Temporal UI, out of what is stored."""
    became = await unit.session_watch.became(session.object_id, source=source)
    word, attention = word_for(session.status), became.attention
    if became.cdr_key is None:
        if not became.reason:
            return Standing(state=word, attention=attention)
        unbillable = await unit.cases.open_about("session-unbillable", session.object_id.key)
        return Standing(state="NOT_BILLED", reason=became.reason, attention=bool(unbillable))
    name = ObjectId.parse(became.cdr_key)
    stored = await unit.cdrs.get(name, connection_id=source or None, ours=not source)
    if stored is None:
        return Standing(state=word, attention=attention)
    if stored.state is CdrState.QUARANTINED:
        return Standing(state="QUARANTINED", cdr=stored.dossier.cdr.id, attention=True)
    state = "BILLED" if stored.state in _ON_THE_WAY else "CLOSED"
    return Standing(state=state, cdr=stored.dossier.cdr.id, attention=stored.state is CdrState.UNDELIVERABLE)
