"""What the charging backend tells of a session, step by step, and what we make of it.

Every step runs in one transaction under the session's lock. A repeat of a step is answered with the session as it
stands; a step that contradicts what was told before is a conflict.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from adapters.contract import Module
from api.contract.admission import Holder, TokenName, find, issuers_word, may_start, ordered, promised
from api.contract.telling import tell
from api.contract.writing import Afterwards
from api.errors import Conflict, InvalidInput, TokenNotAllowed, UnknownLocation, UnknownObject
from api.services import Services
from canonical.cdr import BillingContext, ChargePoint, Discount, SignedMeterData
from canonical.event import EventKind
from canonical.identity import ObjectId
from canonical.location import Connector, Evse, Location
from canonical.partner import Side
from canonical.session import AuthMethod, MeterReading, Session, SessionStatus, VehicleState
from canonical.store import UnitOfWork
from canonical.store.events import kind_of_session_change
from canonical.tariff import Tariff
from canonical.token import Allowed, TokenType
from settlement.agreement import agreed
from settlement.cdr_generator import led_from_start, running_cost
from settlement.pricing.breakdown import Unpriceable
from settlement.pricing.policy import PricingPolicy
from settlement.pricing.segmentation import periods
from settlement.tariff_choice import choose

_LOG = logging.getLogger("roamwork.api.charging")


@dataclass(frozen=True)
class Start:
    """A session that begins, as the backend tells it."""

    id: str
    token: TokenName
    auth_method: AuthMethod
    authorization_reference: str | None
    location_id: str
    evse_uid: str
    connector_id: str
    start: datetime
    status: SessionStatus
    meter_id: str | None
    currency: str | None
    billing_record: str | None
    discounts: tuple[Discount, ...] = ()


class Charging:
    """The steps of a session, within one transaction."""

    def __init__(self, services: Services, unit: UnitOfWork, afterwards: Afterwards) -> None:
        self._services = services
        self._unit = unit
        self._afterwards = afterwards

    async def start(self, order: Start) -> Session:
        """Begin a session: seal what its bill will be based on. A repeat finds it begun.

        Raises UnknownLocation, TokenNotAllowed, InvalidInput, Conflict.
        """
        name = ObjectId(owner=self._services.our_party, id=order.id)
        await self._unit.sessions.lock(name)
        known = await self._unit.sessions.get(name)
        if known is not None:
            return _same_start(known, order)
        location, evse, connector = await self._place(order)
        if location.time_zone is None:
            raise InvalidInput.of("location_id", "the location has no time zone, which its tariffs are read in")
        holder = await self._holder(order)
        tariff = await self._tariff(connector, holder, order.start)
        currency = tariff.currency if tariff else order.currency
        if currency is None:
            raise InvalidInput.of("currency", "is needed where the connector has no tariff")
        await self._unit.sessions.seal(
            BillingContext(
                session=name,
                connection_id=holder.connection.id,
                charge_point=_snapshot(location, evse, connector),
                time_zone=location.time_zone,
                tariff_at_start=tariff.version() if tariff else None,
                billing_record=order.billing_record,
                discounts=order.discounts,
                sealed_at=self._services.clock(),
            )
        )
        session = Session(
            owner=name.owner,
            id=name.id,
            start=order.start,
            energy_kwh=Decimal(0),
            token=holder.token.ref(),
            auth_method=AuthMethod.COMMAND if holder.order else order.auth_method,
            authorization_reference=order.authorization_reference or await self._reference(holder, order),
            location_id=location.id,
            evse_uid=evse.uid,
            connector_id=connector.id,
            place=location.cut_to(evse, connector),
            meter_id=order.meter_id,
            currency=currency,
            status=order.status,
            last_updated=self._services.clock(),
        )
        await self._unit.sessions.put(session)
        await self._unit.events.add(EventKind.SESSION_STARTED, name.key, holder.connection.id, session)
        if holder.order is not None:
            await self._unit.commands.began(holder.order.id, name)
        await tell(self._services, self._unit, self._afterwards, holder.connection, Module.SESSIONS, name.key)
        signals, connection_id = self._services.signals, holder.connection.id
        self._afterwards.do(
            f"session_started {name}",
            lambda: signals.session_started(name, connection_id, Side.CPO, session.status),
        )
        return session

    async def read_meter(self, session_id: str, reading: MeterReading) -> Session:
        """Take in one reading. Readings may come late and in any order, but not against each other."""
        session, context = await self._running(session_id)
        if session.status.is_final:
            if reading in await self._unit.sessions.readings(session.object_id):
                return session
            raise Conflict(f"session {session.id} has ended")
        if reading.at < session.start:
            raise InvalidInput.of("at", "is before the start of the session")
        if not await self._keep_reading(session, reading):
            return session
        return await self._store(await self._measured(session, context, end=None), context, before=session)

    async def change_state(self, session_id: str, status: SessionStatus, at: datetime) -> Session:
        """Move a session on: a reservation becomes active or ends, a mistake becomes invalid."""
        session, context = await self._running(session_id)
        if session.status is status:
            return session
        _check_move(session, status)
        changed = session.model_copy(update={"status": status, "end": at if status.is_final else None})
        if status.is_final:
            _check_end(session, at)
            if session.status is SessionStatus.RESERVATION and status is SessionStatus.COMPLETED:
                await self._keep_reserved(session)
            changed = await self._measured(changed, context, end=at)
        return await self._store(changed, context, before=session)

    async def stop(self, session_id: str, reading: MeterReading, signed: SignedMeterData | None) -> Session:
        """End a session with its last reading. A repeat finds it ended."""
        session, context = await self._running(session_id)
        if session.status.is_final:
            if session.status is SessionStatus.COMPLETED and session.end == reading.at:
                return session
            raise Conflict(f"session {session.id} ended otherwise")
        _check_end(session, reading.at)
        await self._keep_reading(session, reading)
        if signed is not None:
            await self._unit.sessions.keep_signed(session.object_id, signed)
        ended = session.model_copy(update={"status": SessionStatus.COMPLETED, "end": reading.at})
        return await self._store(await self._measured(ended, context, end=reading.at), context, before=session)

    async def _place(self, order: Start) -> tuple[Location, Evse, Connector]:
        name = ObjectId(owner=self._services.our_party, id=order.location_id)
        location = await self._unit.locations.get(name)
        if location is None:
            raise UnknownLocation(f"location_id: {order.location_id} is not known")
        evse = location.evse(order.evse_uid)
        if evse is None:
            raise UnknownLocation(f"evse_uid: {order.evse_uid} is not known at this location")
        connector = evse.connector(order.connector_id)
        if connector is None:
            raise UnknownLocation(f"connector_id: {order.connector_id} is not known at this EVSE")
        return location, evse, connector

    async def _holder(self, order: Start) -> Holder:
        """Who pays. A provider's own order for this place is the best of permissions, and comes first."""
        name, now = order.token, self._services.clock()
        by_order = await ordered(self._unit, name, order.location_id, order.evse_uid, now)
        if by_order is not None:
            return by_order
        holder = await find(self._unit, name)
        if holder is None:
            holder = await promised(self._unit, name, order.location_id, order.evse_uid, now)
            if holder is not None:
                return holder
            raise TokenNotAllowed("this token is not known: ask for an authorization first")
        allowed = await may_start(self._unit, holder, order.start)
        if allowed is not Allowed.ALLOWED:
            raise TokenNotAllowed(f"this token is {allowed}")
        return holder

    async def _reference(self, holder: Holder, order: Start) -> str | None:
        """By which the provider finds the session: that of its order, else that of its word to our question.

        What a provider gave as reference has to come back to it (OCPI 2.2.1 sessions, authorization_reference), also
        when the backend did not pass it on.
        """
        if holder.order is not None:
            return holder.order.command.authorization_reference
        if order.auth_method is not AuthMethod.AUTH_REQUEST:
            return None
        said = await issuers_word(self._unit, holder, order.start)
        return said.authorization_reference if said is not None and said.allowed is Allowed.ALLOWED else None

    async def _tariff(self, connector: Connector, holder: Holder, at: datetime) -> Tariff | None:
        """The tariff for this driver. What is doubtful about the choice is logged."""
        in_force = [
            tariff
            for tariff_id in connector.tariff_ids
            if (tariff := await self._unit.tariffs.in_force(ObjectId(owner=self._services.our_party, id=tariff_id), at))
        ]
        token = holder.token
        ad_hoc = token.type is TokenType.AD_HOC_USER
        chosen = choose(in_force, at, ad_hoc=ad_hoc, profile=token.default_profile_type)
        for finding in chosen.findings:
            _LOG.warning("%s: %s", finding.code, finding.message)
        return chosen.tariff

    async def _running(self, session_id: str) -> tuple[Session, BillingContext]:
        """A session of ours and what was sealed at its start, with every other writer waiting."""
        name = ObjectId(owner=self._services.our_party, id=session_id)
        session = await self._unit.sessions.held(name)
        context = await self._unit.sessions.context(name)
        if session is None or context is None:
            raise UnknownObject(f"session {session_id} is not known")
        return session, context

    async def _keep_reading(self, session: Session, reading: MeterReading) -> bool:
        """False when it was told before. Raises Conflict when it contradicts another reading."""
        readings = await self._unit.sessions.readings(session.object_id)
        if reading in readings:
            return False
        for other in readings:
            if other.at == reading.at:
                raise Conflict(f"another reading was told for {reading.at.isoformat()}")
            if (other.at < reading.at) != (other.energy_kwh <= reading.energy_kwh) and (
                other.energy_kwh != reading.energy_kwh
            ):
                raise Conflict(f"the meter runs backwards between this reading and {other.at.isoformat()}")
        return await self._unit.sessions.add_reading(session.object_id, reading)

    async def _keep_reserved(self, session: Session) -> None:
        """A reservation that ends as one was nothing else, also where the backend told no reading of it."""
        if not await self._unit.sessions.readings(session.object_id):
            reserved = MeterReading(at=session.start, energy_kwh=Decimal(0), state=VehicleState.RESERVED)
            await self._unit.sessions.add_reading(session.object_id, reserved)

    async def _measured(self, session: Session, context: BillingContext, *, end: datetime | None) -> Session:
        """The session with energy, periods and cost so far, by the tariff that was sealed at its start."""
        kept = await self._unit.sessions.readings(session.object_id)
        if not kept:
            return session
        readings = led_from_start(kept, session)
        until = end or readings[-1].at
        sealed = context.tariff_at_start
        tariff = await self._unit.tariffs.version(sealed) if sealed else None
        stored = await self._unit.agreements.in_force(context.connection_id, session.start)
        agreement = agreed(stored.document if stored else None, self._services.policy)
        return session.model_copy(
            update={
                "energy_kwh": readings[-1].energy_kwh,
                "charging_periods": _periods(session, readings, until, tariff, context, agreement.pricing),
                "total_cost": running_cost(
                    readings,
                    tariff,
                    context.time_zone,
                    until,
                    agreement.pricing,
                    (*context.discounts, *agreement.discounts),
                ),
            }
        )

    async def _store(self, session: Session, context: BillingContext, *, before: Session | None = None) -> Session:
        """Store the new state, queue it for the partner, and wake the session's process if its status changed.

        `before` is what `_running` has given; None: the session is new.
        """
        newest = max(self._services.clock(), session.last_updated)
        session = session.model_copy(update={"last_updated": newest})
        outcome = await self._unit.sessions.put(session, held=before)
        connection = await self._unit.connections.get(context.connection_id)
        kind = kind_of_session_change(outcome.before, session)
        await self._unit.events.add(kind, session.object_id.key, connection.id, session)
        name, status = session.object_id, session.status
        only_measured = before is None or before.status is status
        await tell(
            self._services,
            self._unit,
            self._afterwards,
            connection,
            Module.SESSIONS,
            name.key,
            after=self._services.readings_told_within if only_measured else timedelta(),
        )
        if before is not None and before.status is not status:
            signals = self._services.signals
            self._afterwards.do(
                f"session_changed {name} {status}",
                lambda: signals.session_changed(name, connection.id, Side.CPO, status),
            )
        return session


def _same_start(known: Session, order: Start) -> Session:
    if (known.start, (known.token.uid or "").upper()) != (order.start, order.token.uid.upper()):
        raise Conflict(f"session {known.id} was started otherwise")
    return known


def _check_move(session: Session, status: SessionStatus) -> None:
    order = (SessionStatus.RESERVATION, SessionStatus.PENDING, SessionStatus.ACTIVE)
    if session.status.is_final:
        raise Conflict(f"session {session.id} has ended as {session.status}")
    if status in order and order.index(status) < order.index(session.status):
        raise Conflict(f"session {session.id} is {session.status} and does not go back to {status}")


def _check_end(session: Session, at: datetime) -> None:
    if at < session.start:
        raise InvalidInput.of("at", "is before the start of the session")


def _periods(
    session: Session,
    readings: Sequence[MeterReading],
    until: datetime,
    tariff: Tariff | None,
    context: BillingContext,
    policy: PricingPolicy,
) -> object:
    """The periods so far. Where they cannot be told the session keeps those it had: its CDR will say why."""
    try:
        return periods(readings, until, tariff, context.time_zone, policy)
    except Unpriceable:
        return session.charging_periods


def _snapshot(location: Location, evse: Evse, connector: Connector) -> ChargePoint:
    """The charge point as it is now: a later rename does not change a bill."""
    return ChargePoint(
        location_id=location.id,
        name=location.name,
        address=location.address,
        city=location.city,
        postal_code=location.postal_code,
        state=location.state,
        country=location.country,
        coordinates=location.coordinates,
        evse_uid=evse.uid,
        # Every CDR has to name it; where the EVSE has no public name, its technical one is better than none.
        evse_id=evse.evse_id or evse.uid,
        connector_id=connector.id,
        connector_standard=connector.standard,
        connector_format=connector.format,
        connector_power_type=connector.power_type,
    )
