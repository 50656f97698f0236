"""The operator's and the provider's own systems at work: sessions by their script, orders, questions, settlements.

They know nothing but what the two contract APIs answer, and write down in the journal what they have been told.
"""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from typing import Final

from canonical.session import VehicleState
from deploy.chaos.desk import Desk, Json, RefusedError, SilentError, until
from deploy.chaos.evidence import Asked, Journal, Rotation, Script, Told, ToldCommand, ToldSession
from deploy.chaos.orders import Orders
from deploy.chaos.plan import CPO, Drive, Reading
from deploy.chaos.wares import CARD_TOKENS, PLACES, TARIFFS, token

_CONNECTED_WITHIN_S: Final = 240.0
_SHARED_WITHIN_S: Final = 120.0
_NUDGE_EVERY_S: Final = 15.0
_DRIVER_WAITS_S: Final = 12.0
"""How long a driver waits for an order from an app, before a card is held to the charger, or the cable is pulled."""
_QUESTIONS: Final = 3
_CREDIT_WITHIN_S: Final = 60.0


class Traffic:
    """Both companies' backends."""

    def __init__(self, cpo: Desk, emsp: Desk, journal: Journal) -> None:
        self.cpo = cpo
        self.emsp = emsp
        self.journal = journal
        self._orders = Orders(cpo, journal)
        self._released = 0
        self._to_credit: list[tuple[Drive, ToldSession]] = []

    # --- the relation -------------------------------------------------------------------------------------

    async def hand_in(self) -> None:
        """Tariffs, locations, cards."""
        for tariff_id, tariff in TARIFFS.items():
            await self.cpo.put(f"/tariffs/{tariff_id}", tariff, f"tariff {tariff_id}")
        for location_id, location in PLACES.items():
            await self.cpo.put(f"/locations/{location_id}", location, f"location {location_id}")
        for uid, card in CARD_TOKENS.items():
            await self.emsp.put(f"/tokens/{uid}", card, f"card {uid}", type="RFID")

    async def register(self) -> None:
        """The provider invites, the operator registers. Raises SilentError when they do not get connected."""
        order: Json = {"id": self.emsp.connection, "name": "Klaproos Laden", "sides": ["EMSP"], "mode": "invite"}
        invited = await self.emsp.post("/connections", order, "invitation")
        order = {
            "id": self.cpo.connection,
            "name": "Rijder Mobiliteit",
            "sides": ["CPO"],
            "mode": "register",
            "versions_url": invited["versions_url"],
            "token": invited["registration_token"],
        }
        await self.cpo.post("/connections", order, "registration")
        for desk in (self.cpo, self.emsp):
            await self._connected(desk)

    async def share(self) -> None:
        """Wait until the provider has the locations and tariffs, and the operator the cards."""
        for what, desk, count in (
            ("locations", self.emsp, len(PLACES)),
            ("tariffs", self.emsp, len(TARIFFS)),
            ("tokens", self.cpo, len(CARD_TOKENS)),
        ):
            if not await until(lambda d=desk, w=what, n=count: _holds(d, w, n), _SHARED_WITHIN_S):  # type: ignore[misc]
                raise SilentError(f"{what} did not reach {desk.site.name} in {_SHARED_WITHIN_S:.0f} s")

    async def renew(self, site: str) -> None:
        """Ask for new credentials; a connection that is busy with others is asked again later."""
        desk = self.cpo if site == CPO else self.emsp
        rotation = Rotation(f"renewal {len(self.journal.rotations) + 1}", site, datetime.now(UTC))
        self.journal.rotations.append(rotation)
        try:
            await desk.post(f"/connections/{desk.connection}/renew", {}, rotation.key)
            rotation.answered = True
        except (RefusedError, SilentError) as error:
            self.journal.refused.append(f"{rotation.key} at {site}: {error}")
        self.journal.note(rotation)

    async def _connected(self, desk: Desk) -> None:
        async def look() -> bool:
            return bool((await desk.get(f"/connections/{desk.connection}"))["state"] == "CONNECTED")

        for attempt in range(round(_CONNECTED_WITHIN_S / _NUDGE_EVERY_S)):
            if await until(look, _NUDGE_EVERY_S):
                return
            try:
                await desk.post(f"/connections/{desk.connection}/nudge", {}, f"nudge {desk.site.name} {attempt}")
            except RefusedError as refused:
                self.journal.refused.append(f"nudge of {desk.connection}: {refused}")
        raise SilentError(f"{desk.site.name} is not connected after {_CONNECTED_WITHIN_S:.0f} s")

    # --- sessions -----------------------------------------------------------------------------------------

    async def drive(self, drive: Drive) -> None:
        """One session from its beginning to its end. What goes wrong is in the journal."""
        told = ToldSession(
            id=drive.id,
            script=drive.script,
            token_uid=drive.token_uid,
            location_id=drive.location_id,
            start=drive.start,
            end=drive.end.at,
            energy_kwh=drive.end.energy_kwh if drive.script.bills else drive.end.energy_kwh * 0,
        )
        self.journal.sessions[drive.id] = told
        try:
            await self._play(drive, told)
        except (RefusedError, SilentError) as error:
            told.told, told.note = Told.ABANDONED, str(error)
        self.journal.note(told)

    async def _play(self, drive: Drive, told: ToldSession) -> None:
        if drive.own_token:
            whitelist = "NEVER" if drive.script is Script.ASKED else "ALLOWED"
            document = token(f"NL-RYD-{drive.id}", whitelist=whitelist)
            await self.emsp.put(f"/tokens/{drive.token_uid}", document, f"token {drive.id}", type=_type(drive))
        begin, go_on, end = _steps(drive.script)
        await begin(self, drive, told)
        await self._show(drive, "CHARGING")
        await go_on(self, drive, told)
        await end(self, drive, told)
        told.told, told.stopped_at = Told.STOPPED, datetime.now(UTC)
        self.journal.note(told)
        await self._show(drive, "AVAILABLE")

    async def by_card(self, drive: Drive, told: ToldSession) -> None:
        await self._start(drive, told, "WHITELIST")

    async def by_question(self, drive: Drive, told: ToldSession, *, status: str = "ACTIVE") -> None:
        """The operator asks the provider; once more where a yes was that of an order which has run out meanwhile."""
        for attempt in range(1, _QUESTIONS + 1):
            await self._ask(drive, told, f"question {drive.id} {attempt}")
            try:
                await self._start(drive, told, "AUTH_REQUEST", status=status, attempt=attempt)
            except RefusedError as refused:
                if refused.status != HTTPStatus.CONFLICT or attempt == _QUESTIONS:
                    raise
                self.journal.refused.append(f"start of {drive.id} after a yes: {refused}")
            else:
                return

    async def _ask(self, drive: Drive, told: ToldSession, key: str) -> None:
        asked = Asked(key, drive.token_uid, drive.id)
        self.journal.asked.append(asked)
        order: Json = {
            "token": {"uid": drive.token_uid, "type": _type(drive)},
            "location_id": drive.location_id,
            "evse_uid": drive.evse_uid,
        }
        answer = await self.cpo.post("/authorizations", order, asked.key)
        asked.allowed, asked.reference = answer["allowed"], answer["authorization_reference"]
        self.journal.note(asked)
        if asked.allowed != "ALLOWED":
            raise RefusedError(HTTPStatus.OK, f"the provider was asked for {drive.token_uid} and said {asked.allowed}")
        told.authorization_reference = asked.reference

    async def by_order(self, drive: Drive, told: ToldSession) -> None:
        """The provider orders a start. If no order arrives, the driver asks at the charger."""
        order: Json = {"kind": "START_SESSION", "evse_uid": drive.evse_uid, "connector_id": "1"}
        arrived = await self._ordered(drive, told, order | _what(drive))
        if arrived is None:
            await self.by_question(drive, told)
            return
        await self._start_ordered(drive, told)
        await self._orders.conclude(arrived, "ACCEPTED")

    async def by_reservation(self, drive: Drive, told: ToldSession) -> None:
        """The provider orders a reservation; the driver comes, and charges."""
        expires = (datetime.now(UTC) + timedelta(hours=2)).replace(microsecond=0)
        order: Json = {
            "kind": "RESERVE_NOW",
            "evse_uid": drive.evse_uid,
            "reservation_id": f"R-{drive.id}",
            "expires": expires.isoformat(),
        }
        arrived = await self._ordered(drive, told, order | _what(drive))
        if arrived is None:
            await self.by_question(drive, told)
            return
        await self._start_ordered(drive, told, status="RESERVATION")
        await self._orders.conclude(arrived, "ACCEPTED")
        await asyncio.sleep(drive.after_s)
        await self._change(drive, drive.start, "ACTIVE")

    async def as_reservation(self, drive: Drive, told: ToldSession) -> None:
        await self._start(drive, told, "WHITELIST", status="RESERVATION")
        held = Reading(drive.start, Decimal(0), VehicleState.RESERVED, pause_s=0.0)
        await self._read(drive, held, f"reservation {drive.id}")
        told.readings += 1

    async def charge(self, drive: Drive, told: ToldSession) -> None:
        """Every reading but the last. One is told twice now and then, as by a charger with a buffer."""
        for number, reading in enumerate(drive.readings[:-1]):
            await asyncio.sleep(reading.pause_s)
            for copy in range(2 if reading.told_twice else 1):
                await self._read(drive, reading, f"reading {drive.id} {number} {copy}")
            told.readings += 1

    async def wait(self, drive: Drive, _told: ToldSession) -> None:
        await asyncio.sleep(drive.readings[0].pause_s)

    async def stop(self, drive: Drive, _told: ToldSession) -> None:
        await asyncio.sleep(drive.end.pause_s)
        body = {"at": _iso(drive.end.at), "energy_kwh": str(drive.end.energy_kwh)}
        await self.cpo.post(f"/sessions/{drive.id}/stop", body, f"stop {drive.id}")

    async def stop_by_order(self, drive: Drive, told: ToldSession) -> None:
        """The provider orders the stop, once it knows the session; else the driver pulls the cable."""
        known = await until(
            lambda: self.emsp.find(f"/sessions/{drive.id}", connection=self.emsp.connection), _DRIVER_WAITS_S
        )
        arrived = await self._order(drive, {"kind": "STOP_SESSION", "session_id": drive.id}) if known else None
        await self.stop(drive, told)
        if arrived:
            await self._orders.conclude(arrived, "ACCEPTED")

    async def expire(self, drive: Drive, _told: ToldSession) -> None:
        await self._change(drive, drive.end.at, "COMPLETED")

    async def declare_invalid(self, drive: Drive, _told: ToldSession) -> None:
        await self._change(drive, drive.end.at, "INVALID")

    async def credit(self, drive: Drive, told: ToldSession) -> None:
        """Stop, and take the CDR back when the provider holds it; if that takes long, at the end of all faults."""
        await self.stop(drive, told)
        told.told = Told.STOPPED
        told.credited_by = await until(lambda: self._credited(drive), _CREDIT_WITHIN_S)
        if told.credited_by is None:
            self._to_credit.append((drive, told))

    async def credit_the_rest(self) -> None:
        """Raises SilentError."""
        for drive, told in self._to_credit:
            told.credited_by = await until(lambda d=drive: self._credited(d), _CREDIT_WITHIN_S)  # type: ignore[misc]
            if told.credited_by is None:
                raise SilentError(f"the CDR of {drive.id} could not be credited in {_CREDIT_WITHIN_S:.0f} s")
            self.journal.note(told)

    async def _credited(self, drive: Drive) -> str | None:
        """Id of the credit. None: not now, for the provider does not hold the CDR yet, as far as is known."""
        # The list is asked for the instant at which this session ends: few others do.
        query = {"since": _iso(drive.end.at), "until": _iso(drive.end.at + timedelta(seconds=1))}
        views = await self.cpo.all("/cdrs", connection=self.cpo.connection, **query)
        taken = (view["cdr"] for view in views if view["state"] in ("DELIVERED", "INVOICED"))
        cdr_id = next((cdr["id"] for cdr in taken if cdr["session_id"] == drive.id), None)
        if cdr_id is None:
            return None
        try:
            view = await self.cpo.post(f"/cdrs/{cdr_id}/credit", {"reason": "another driver"}, f"credit {drive.id}")
        except RefusedError as refused:
            if refused.status != HTTPStatus.CONFLICT:
                raise
            return None
        return str(view["cdr"]["id"])

    async def _start_ordered(self, drive: Drive, told: ToldSession, *, status: str = "ACTIVE") -> None:
        """By the provider's order; when that has run out before the backend was heard, the driver asks."""
        try:
            await self._start(drive, told, "COMMAND", status=status)
        except RefusedError as refused:
            if refused.status != HTTPStatus.CONFLICT:
                raise
            self.journal.refused.append(f"start by order of {drive.id}: {refused}")
            await self.by_question(drive, told, status=status)

    async def _start(
        self, drive: Drive, told: ToldSession, auth_method: str, *, status: str = "ACTIVE", attempt: int = 1
    ) -> None:
        told.told, told.asked_at = Told.ASKED, datetime.now(UTC)
        self.journal.note(told)
        body = {
            "id": drive.id,
            "token": {"uid": drive.token_uid, "type": _type(drive)},
            "auth_method": auth_method,
            "authorization_reference": told.authorization_reference,
            "location_id": drive.location_id,
            "evse_uid": drive.evse_uid,
            "connector_id": "1",
            "start": _iso(drive.start),
            "status": status,
        }
        await self.cpo.post("/sessions", body, f"start {drive.id} {auth_method} {attempt}")
        told.told = Told.STARTED

    async def _read(self, drive: Drive, reading: Reading, key: str) -> None:
        body = {"at": _iso(reading.at), "energy_kwh": str(reading.energy_kwh), "state": reading.state.value}
        await self.cpo.post(f"/sessions/{drive.id}/readings", body, key)

    async def _change(self, drive: Drive, at: datetime, status: str) -> None:
        body = {"at": _iso(at), "status": status}
        await self.cpo.post(f"/sessions/{drive.id}/state", body, f"{status} {drive.id}")

    async def _show(self, drive: Drive, status: str) -> None:
        if drive.shows_status:
            path = f"/locations/{drive.location_id}/evses/{drive.evse_uid}"
            body = {"status": status, "last_updated": datetime.now(UTC).isoformat()}
            await self.cpo.patch(path, body, f"{status} {drive.id} evse")

    # --- orders of the provider -------------------------------------------------------------------------------

    async def _ordered(self, drive: Drive, told: ToldSession, order: Json) -> Json | None:
        """Give an order that admits, by a reference that the session then bears."""
        arrived = await self._order(drive, order | {"authorization_reference": f"A-{drive.id}"})
        if arrived:
            told.authorization_reference = f"A-{drive.id}"
        return arrived

    async def _order(self, drive: Drive, order: Json) -> Json | None:
        """Give an order at the provider; how it arrives at the operator, or None if it does not in a driver's time."""
        kind = str(order["kind"])
        command = ToldCommand(f"{kind} {drive.id}", kind, drive.id, reservation_id=order.get("reservation_id"))
        self.journal.commands.append(command)
        self._orders.expect(command)
        try:
            record = await self.emsp.post("/commands", {"connection": self.emsp.connection, **order}, command.key)
        except RefusedError as refused:  # while credentials are renewed, for one
            self.journal.refused.append(f"{command.key}: {refused}")
            return None
        command.id, command.state = record["id"], record["state"]
        self.journal.note(command)
        return await self._orders.arrival(command, _DRIVER_WAITS_S)

    async def look_at_orders(self) -> None:
        """See what the operator's backend has been ordered. Runs until it is cancelled."""
        await self._orders.watch()

    async def send_again(self) -> None:
        """What waits for its next attempt is released by hand, by who does not want to wait for an hour."""
        for waiting in await self.cpo.all("/deliveries"):
            cdr_id = waiting["cdr"]
            self._released += 1
            with contextlib.suppress(RefusedError):  # it has gone out meanwhile
                place = f"/deliveries/{self.cpo.connection}/{cdr_id}/release"
                await self.cpo.post(place, {"reason": "not to be waited for"}, f"release {cdr_id} {self._released}")

    async def hear_of_orders(self) -> None:
        """What became of each order, as the provider knows it now."""
        for command in self.journal.commands:
            if command.id is not None:
                command.state = (await self.emsp.get(f"/commands/{command.id}"))["state"]
                self.journal.note(command)


Step = Callable[[Traffic, Drive, ToldSession], "asyncio.Future[None]"]


def _steps(script: Script) -> tuple[Step, Step, Step]:
    """How a session begins, goes on, and ends."""
    t = Traffic
    steps = {
        Script.WHITELIST: (t.by_card, t.charge, t.stop),
        Script.ASKED: (t.by_question, t.charge, t.stop),
        Script.ORDERED: (t.by_order, t.charge, t.stop_by_order),
        Script.RESERVED: (t.by_reservation, t.charge, t.stop),
        Script.EXPIRED: (t.as_reservation, t.wait, t.expire),
        Script.MISTAKEN: (t.by_card, t.wait, t.declare_invalid),
        Script.CREDITED: (t.by_card, t.charge, t.credit),
    }
    return steps[script]  # type: ignore[return-value]


async def _holds(desk: Desk, what: str, count: int) -> bool:
    return len(await desk.all(f"/{what}", connection=desk.connection)) >= count


def _type(drive: Drive) -> str:
    return "APP_USER" if drive.own_token else "RFID"


def _what(drive: Drive) -> Json:
    """The part of an order that says with which token and where."""
    return {"token": {"uid": drive.token_uid, "type": _type(drive)}, "location_id": drive.location_id}


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
