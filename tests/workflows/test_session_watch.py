"""Sessions of which nothing is heard: found by the sweep, asked for at the operator, told to a person; on the real
store and over HTTP.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text
from temporalio.testing import ActivityEnvironment

from activities.resync import ResyncActivities
from activities.session_watch import Looked, LookOrder, SessionWatchActivities
from activities.sweep import SweepActivities, SweepOrder
from adapters.contract import Module
from adapters.transport.http import PartnerHttp
from canonical.identity import ObjectId
from canonical.partner import Side
from canonical.session import ChargingPeriod, Session, SessionStatus, Volume, VolumeDimension
from canonical.settlement import CaseState
from canonical.store import SessionPatience, Store
from canonical.store.session_watch import MOST_OF_A_PARTNER
from tests.adapters.transport import objects
from tests.adapters.transport.partner import Partner, enveloped, running_partner
from tests.api.recorder import Recorder
from tests.store.samples import cdr, connection, context, dossier, session
from tests.workflows.test_activities import LOCAL, resources
from tests.workflows.test_pulls import HERE, Shelf, connected, pulling

PATIENCE = SessionPatience()
HOUR = timedelta(hours=1)
Json = dict[str, Any]


@dataclass
class Watch:
    """Our side, with a clock that the test sets: the database's is that of the machine."""

    store: Store
    partner: Partner
    http: PartnerHttp
    wake: Recorder
    began: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    later: timedelta = timedelta(0)

    def shelf(self, module: str, *items: Json) -> Shelf:
        shelf = Shelf(self.partner, f"/s/{module}", list(items))
        self.partner.answers["GET", shelf.path] = shelf
        return shelf

    async def theirs(self, id_: str = "S1", **changed: object) -> Session:
        """A session that the operator has told us of just now."""
        values = {"start": self.began, "last_updated": self.began} | changed
        told = session(id_).model_copy(update=values)
        async with self.store.transaction() as work:
            await work.sessions.put(told, source=HERE)
        return told

    async def ours(self, id_: str = "S1", **changed: object) -> Session:
        values = {"start": self.began, "last_updated": self.began} | changed
        told = session(id_).model_copy(update=values)
        async with self.store.transaction() as work:
            await work.connections.add(connection())
            await work.sessions.put(told)
            await work.sessions.seal(context().model_copy(update={"session": told.object_id}))
        return told

    def listed(self, id_: str = "S1", **changed: object) -> Json:
        """The same as it stands on the operator's list."""
        at = self.began.strftime("%Y-%m-%dT%H:%M:%SZ")
        return {**objects.SESSION, "id": id_, "start_date_time": at, "last_updated": at, **changed}

    def at(self, moment: timedelta) -> str:
        return (self.began + moment).strftime("%Y-%m-%dT%H:%M:%SZ")

    async def sweep(self, later: timedelta) -> list[tuple[Any, ...]]:
        """Whom the sweep asks to look, so much later."""
        self.later = later
        self.wake.told.clear()
        await SweepActivities(self._resources(), self.wake).wake_unattended(SweepOrder())
        return self.wake.of("look")

    async def look(self, later: timedelta, id_: str = "S1", side: Side = Side.EMSP) -> Looked | None:
        """The look that the sweep asks for, so much later; None when it asks for none."""
        found = [told for told in await self.sweep(later) if told[0] == f"DE*RCO/{id_}"]
        if not found:
            return None
        ((key, connection_id, told_side, _),) = found
        assert told_side is side
        return await self.looked(LookOrder(key, connection_id, side))

    async def looked(self, order: LookOrder) -> Looked:
        made = self._resources()
        watch = SessionWatchActivities(made, ResyncActivities(made, self.wake))
        return await ActivityEnvironment().run(watch.look, order)

    async def settle(self, order: LookOrder) -> None:
        made = self._resources()
        await SessionWatchActivities(made, ResyncActivities(made, self.wake)).settle(order)

    async def cases(self, state: CaseState = CaseState.OPEN) -> list[str]:
        async with self.store.transaction() as work:
            return [case.kind for case in await work.cases.list(state=state)]

    async def back_to_now(self) -> None:
        """As if all that was later had been before now: what is stored from here on is stored after it."""
        async with self.store._begin() as opened:
            await opened.execute(text("UPDATE session_watch SET looked_at = looked_at - interval '9 hours'"))
        self.began = datetime.now(UTC)

    def _resources(self):
        now = self.began + self.later
        return replace(resources(self.store, self.http), clock=lambda: now, page_limit=2)


@pytest_asyncio.fixture
async def watch(store: Store) -> AsyncIterator[Watch]:
    async with running_partner() as partner, PartnerHttp(LOCAL) as http:
        await pulling(store, connected(partner))
        yield Watch(store, partner, http, Recorder(store))


class TestSilence:
    async def test_a_session_that_is_heard_of_is_left_alone(self, watch: Watch) -> None:
        shelf = watch.shelf("sessions", watch.listed())
        await watch.theirs()
        assert await watch.sweep(PATIENCE.silent_after / 2) == []
        assert shelf.asked == []

    async def test_what_the_operator_says_is_stored_as_if_it_had_been_pushed(self, watch: Watch) -> None:
        await watch.theirs()
        ended = watch.at(timedelta(minutes=40))
        told = watch.listed(status="COMPLETED", kwh=7, end_date_time=ended, last_updated=ended)
        shelf = watch.shelf("sessions", told)
        found = await watch.look(PATIENCE.silent_after + HOUR)
        assert found is not None
        assert (found.state, found.status, found.attention) == ("ENDED", SessionStatus.COMPLETED, False)
        assert shelf.asked[0]["date_from"].startswith(watch.at(timedelta(0))[:19])
        assert [told[-1] for told in watch.wake.of("session_changed")] == [SessionStatus.COMPLETED]
        async with watch.store.transaction() as work:
            held = await work.sessions.get(ObjectId.parse("DE*RCO/S1"), source=HERE)
        assert held is not None
        assert held.energy_kwh == 7

    async def test_an_older_state_than_ours_changes_nothing(self, watch: Watch) -> None:
        held = await watch.theirs(last_updated=watch.began + timedelta(minutes=5))
        watch.shelf("sessions", watch.listed(status="PENDING"))
        await watch.look(PATIENCE.silent_after + HOUR)
        async with watch.store.transaction() as work:
            assert await work.sessions.get(held.object_id, source=HERE) == held

    async def test_it_is_asked_for_once_in_a_period_and_ever_more_seldom(self, watch: Watch) -> None:
        watch.shelf("sessions")
        await watch.theirs()
        asked = [hour for hour in (1, 2, 3, 4, 7, 8, 15, 16) if await watch.look(hour * HOUR + timedelta(minutes=5))]
        assert asked == [1, 2, 4, 8, 16]

    async def test_after_three_looks_in_vain_a_person_is_told_until_the_operator_speaks(self, watch: Watch) -> None:
        watch.shelf("sessions")
        await watch.theirs()
        states = []
        for hour in (1, 2, 4):
            found = await watch.look(hour * HOUR + timedelta(minutes=5))
            assert found is not None
            states.append((found.state, found.attention))
        assert states == [("ACTIVE", False), ("ACTIVE", False), ("SILENT", True)]
        assert "says nothing new" in found.waiting_for
        assert await watch.cases() == []

        await watch.back_to_now()
        await watch.theirs(energy_kwh=Decimal(9))
        found = await watch.look(timedelta(minutes=1))
        assert found is not None
        assert (found.state, found.attention) == ("ACTIVE", False)
        assert await watch.sweep(timedelta(minutes=2)) == []

    async def test_one_answer_serves_all_sessions_that_are_on_the_list(self, watch: Watch) -> None:
        for number in range(3):
            await watch.theirs(f"S{number}")
        shelf = watch.shelf("sessions", *(watch.listed(f"S{number}") for number in range(3)))
        later = PATIENCE.silent_after + timedelta(minutes=5)
        found = await watch.sweep(later)
        assert len(found) == 3
        watch.later = timedelta(0)  # what is listed counts as heard, by the database's clock
        assert {(await watch.looked(LookOrder(told[0], HERE, Side.EMSP))).state for told in found} == {"ACTIVE"}
        assert shelf.asked == []

    async def test_an_operator_that_does_not_answer_is_asked_no_more_than_that(self, watch: Watch) -> None:
        watch.partner.answers["GET", "/s/sessions"] = enveloped(http=503)
        await watch.theirs()
        found = await watch.look(PATIENCE.silent_after + HOUR)
        assert found is not None
        assert (found.state, found.attention) == ("ACTIVE", False)
        assert "it did not answer" in found.waiting_for
        assert len(watch.partner.seen) == 1

    async def test_an_operator_without_a_list_cannot_be_asked(self, watch: Watch) -> None:
        async with watch.store.transaction() as work:
            known = await work.connections.get(HERE)
            endpoints = tuple(e for e in known.endpoints if e.module != Module.SESSIONS)
            await work.connections.save(known.model_copy(update={"endpoints": endpoints}))
        await watch.theirs()
        found = await watch.look(PATIENCE.silent_after + HOUR)
        assert found is not None
        assert "it offers no list" in found.waiting_for

    async def test_many_silent_sessions_of_one_partner_do_not_make_a_storm(self, watch: Watch) -> None:
        for number in range(MOST_OF_A_PARTNER + 5):
            await watch.theirs(f"S{number}")
        later = PATIENCE.silent_after + timedelta(minutes=5)
        assert len(await watch.sweep(later)) == MOST_OF_A_PARTNER
        assert len(await watch.sweep(later + timedelta(minutes=10))) == 5

    async def test_our_own_silent_backend_is_a_case_that_closes_when_it_speaks(self, watch: Watch) -> None:
        await watch.ours()
        for hour in (1, 2, 4):
            found = await watch.look(hour * HOUR + timedelta(minutes=5), side=Side.CPO)
        assert found is not None
        assert (found.state, found.attention, await watch.cases()) == ("SILENT", True, ["session-silent"])
        assert watch.partner.seen == []

        await watch.back_to_now()
        async with watch.store.transaction() as work:
            await work.sessions.put(session().model_copy(update={"start": watch.began, "last_updated": watch.began}))
        found = await watch.look(timedelta(minutes=1), side=Side.CPO)
        assert found is not None
        assert (found.state, found.attention, await watch.cases()) == ("ACTIVE", False, [])
        assert await watch.cases(CaseState.CLOSED) == ["session-silent"]

    async def test_a_reservation_may_be_silent(self, watch: Watch) -> None:
        await watch.theirs(status=SessionStatus.RESERVATION)
        assert await watch.sweep(timedelta(days=5)) == []


class TestNeverEnded:
    @pytest.mark.parametrize("side", Side)
    async def test_it_is_a_case_once(self, watch: Watch, side: Side) -> None:
        long_ago = datetime.now(UTC) - PATIENCE.endless_after - HOUR
        await (watch.ours if side is Side.CPO else watch.theirs)(start=long_ago)
        found = await watch.look(timedelta(minutes=1), side=side)
        assert found is not None
        assert (found.state, found.attention, await watch.cases()) == ("OVERDUE", True, ["session-never-ended"])
        assert await watch.sweep(timedelta(minutes=11)) == []
        assert watch.partner.seen == []

    async def test_it_is_still_so_when_it_is_silent_as_well(self, watch: Watch) -> None:
        watch.shelf("sessions")
        await watch.theirs(start=watch.began - PATIENCE.endless_after - HOUR)
        for later in (timedelta(minutes=1), PATIENCE.silent_after + HOUR):
            found = await watch.look(later)
        assert found is not None
        assert (found.state, await watch.cases()) == ("OVERDUE", ["session-never-ended"])

    async def test_its_end_closes_the_case(self, watch: Watch) -> None:
        await watch.theirs(start=watch.began - PATIENCE.endless_after - HOUR)
        await watch.look(timedelta(minutes=1))
        order = LookOrder("DE*RCO/S1", HERE, Side.EMSP)
        async with watch.store.transaction() as work:
            assert (await work.session_watch.became(ObjectId.parse(order.session_key), source=HERE)).attention
        for _ in range(2):
            await watch.settle(order)
        assert (await watch.cases(), await watch.cases(CaseState.CLOSED)) == ([], ["session-never-ended"])
        async with watch.store.transaction() as work:
            assert not (await work.session_watch.became(ObjectId.parse(order.session_key), source=HERE)).attention


class TestMissingCdr:
    LATE = PATIENCE.cdr_within + HOUR

    async def test_nobody_is_told_of_a_reservation_that_nobody_used(self, watch: Watch) -> None:
        shelf = watch.shelf("cdrs")
        reserved = Volume(dimension=VolumeDimension.RESERVATION_TIME, volume=Decimal("0.5"))
        period = ChargingPeriod(start=watch.began, volumes=(reserved,))
        nothing = {"status": SessionStatus.COMPLETED, "energy_kwh": Decimal(0)}
        await watch.theirs(**nothing, charging_periods=(period,))
        found = await watch.look(self.LATE)
        assert found is not None
        assert (found.state, found.attention, found.came_to_nothing) == ("ENDED", False, True)
        assert len(shelf.asked) == 1
        assert await watch.cases() == []
        assert await watch.sweep(self.LATE + 3 * HOUR) == []

    async def test_who_parked_without_charging_may_owe_something(self, watch: Watch) -> None:
        watch.shelf("cdrs")
        parked = Volume(dimension=VolumeDimension.PARKING_TIME, volume=Decimal("0.5"))
        period = ChargingPeriod(start=watch.began, volumes=(parked,))
        nothing = {"status": SessionStatus.COMPLETED, "energy_kwh": Decimal(0)}
        await watch.theirs(**nothing, charging_periods=(period,))
        found = await watch.look(self.LATE)
        assert found is not None
        assert found.state == "CDR_OVERDUE"

    async def test_it_is_waited_for_at_first(self, watch: Watch) -> None:
        await watch.theirs(status=SessionStatus.COMPLETED)
        assert await watch.sweep(PATIENCE.cdr_within / 2) == []
        found = await watch.looked(LookOrder("DE*RCO/S1", HERE, Side.EMSP))
        assert (found.state, found.attention) == ("ENDED", False)
        assert found.deadline == watch.began + PATIENCE.cdr_within

    async def test_it_is_asked_for_and_then_a_case_once(self, watch: Watch) -> None:
        shelf = watch.shelf("cdrs")
        await watch.theirs(status=SessionStatus.COMPLETED)
        found = await watch.look(self.LATE)
        assert found is not None
        assert (found.state, found.attention, await watch.cases()) == ("CDR_OVERDUE", True, ["cdr-missing"])
        assert len(shelf.asked) == 1
        assert await watch.sweep(self.LATE + 2 * HOUR) == []
        await watch.settle(LookOrder("DE*RCO/S1", HERE, Side.EMSP))
        assert await watch.cases() == []

    async def test_a_cdr_that_is_on_the_list_is_taken(self, watch: Watch) -> None:
        watch.shelf("cdrs", {**objects.CDR, "session_id": "s1"})
        await watch.theirs(status=SessionStatus.COMPLETED)
        found = await watch.look(self.LATE)
        assert found is not None
        assert (found.state, found.cdr_key, await watch.cases()) == ("ENDED", "DE*RCO/C1", [])
        assert watch.wake.of("cdr_received") == [("DE*RCO/C1", "s1", HERE)]

    async def test_a_session_with_its_cdr_is_left_alone_and_one_that_did_not_end_is_looked_after_once(
        self, watch: Watch
    ) -> None:
        for number, status in enumerate((SessionStatus.COMPLETED, SessionStatus.ACTIVE)):
            await watch.theirs(f"S{number}", status=status)
            record = cdr(f"C{number}", session_id=f"S{number}")
            async with watch.store.transaction() as work:
                await work.cdrs.add(dossier(record), connection_id=HERE, ours=False, evidence_id=None)
        found = await watch.look(self.LATE, "S1")
        assert found is not None
        assert (found.cdr_key, found.attention, len(watch.wake.of("look"))) == ("DE*RCO/C1", False, 1)
        assert watch.partner.seen == []
        assert await watch.sweep(timedelta(days=40)) == []

    async def test_what_is_invalid_needs_none(self, watch: Watch) -> None:
        await watch.theirs(status=SessionStatus.INVALID)
        assert await watch.sweep(self.LATE) == []

    async def test_nobody_asks_for_the_cdrs_of_history(self, watch: Watch) -> None:
        await watch.theirs(status=SessionStatus.COMPLETED, last_updated=watch.began - timedelta(days=9))
        assert await watch.sweep(HOUR) == []


class TestCdrWithoutSession:
    async def test_its_session_is_asked_for(self, watch: Watch) -> None:
        shelf = watch.shelf("sessions", watch.listed(status="COMPLETED"))
        record = cdr().model_copy(update={"start": watch.began, "end": watch.began})
        async with watch.store.transaction() as work:
            await work.cdrs.add(dossier(record), connection_id=HERE, ours=False, evidence_id=None)
        order = LookOrder("DE*RCO/S1", HERE, Side.EMSP, "DE*RCO/C1")
        found = await watch.looked(order)
        assert (found.status, found.cdr_key) == (SessionStatus.COMPLETED, "DE*RCO/C1")
        assert (await watch.looked(order)).status is SessionStatus.COMPLETED
        assert len(shelf.asked) == 1

    async def test_one_of_long_ago_is_not(self, watch: Watch) -> None:
        shelf = watch.shelf("sessions")
        async with watch.store.transaction() as work:
            await work.cdrs.add(dossier(), connection_id=HERE, ours=False, evidence_id=None)
        found = await watch.looked(LookOrder("DE*RCO/S1", HERE, Side.EMSP, "DE*RCO/C1"))
        assert (found.status, found.attention, shelf.asked) == (None, False, [])
