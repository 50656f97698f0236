"""All modules of one partner, one after the other, by schedules that follow the state of the connection."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import Client, ScheduleHandle, ScheduleOverlapPolicy
from temporalio.service import RPCError, RPCStatusCode

from activities.resync import Begun, CrawlOrder, Cursor, Finished, Progress, ResyncActivities
from activities.schedules import ScheduleActivities
from canonical.partner import LinkState
from tests.workflows.stage import Stage, eventually, refusal
from workflows import ids
from workflows.resync import Resync, ResyncOrder
from workflows.schedules import SUSPENDED_NOTE, PartnerSchedules, Periods
from workflows.synchronisation import Synchronisation, SynchronisationOrder

PERIODS = Periods(timedelta(minutes=20), timedelta(days=3))


async def synchronise(stage: Stage, *, delta: bool = True) -> dict[str, str]:
    handle = await stage.client.start_workflow(
        Synchronisation.run,
        SynchronisationOrder(stage.connection_id, delta),
        id=ids.synchronisation(stage.connection_id, delta=delta),
        task_queue=stage.signals.task_queue,
    )
    async with asyncio.timeout(30):
        return await handle.result()


def lists(stage: Stage, *modules: str) -> None:
    stage.script.on(ScheduleActivities.due, list(modules))
    stage.script.on(ResyncActivities.begin, Begun(1))
    stage.script.on(ResyncActivities.pull_page, Progress(2, None))
    stage.script.on(ResyncActivities.finish, Finished("2 seen"))


class TestSynchronisation:
    @pytest.mark.parametrize("delta", [True, False])
    async def test_every_module_is_pulled_in_order(self, stage: Stage, delta: bool) -> None:
        lists(stage, "tariffs", "locations", "cdrs")
        outcomes = await synchronise(stage, delta=delta)
        assert outcomes == {"tariffs": "2 pulled", "locations": "2 pulled", "cdrs": "2 pulled"}
        begun: list[CrawlOrder] = stage.script.inputs(ResyncActivities.begin)
        assert [(order.module, order.delta) for order in begun] == [
            ("tariffs", delta),
            ("locations", delta),
            ("cdrs", delta),
        ]

    async def test_a_connection_that_is_not_connected_is_left_alone(self, stage: Stage) -> None:
        lists(stage)
        assert await synchronise(stage) == {}
        assert stage.script.inputs(ResyncActivities.begin) == []

    async def test_a_module_that_fails_does_not_keep_the_others_from_being_pulled(self, stage: Stage) -> None:
        lists(stage, "tariffs", "locations")

        async def page(cursor: Cursor) -> Progress:
            if cursor.module == "tariffs":
                raise refusal("404")
            return Progress(1, None)

        stage.script.on(ResyncActivities.pull_page, page)
        outcomes = await synchronise(stage)
        assert outcomes["tariffs"].startswith("failed")
        assert outcomes["locations"] == "1 pulled"
        assert await stage.state(ids.synchronisation(stage.connection_id, delta=True)) == ("SYNCHRONISED_IN_PART", True)

    async def test_a_delta_leaves_a_list_that_is_being_pulled_to_who_pulls_it(self, stage: Stage) -> None:
        lists(stage, "tokens")
        go_on = asyncio.Event()

        async def slow(_: object) -> Progress:
            await go_on.wait()
            return Progress(5, None)

        stage.script.on(ResyncActivities.pull_page, slow)
        await stage.signals.pull(stage.connection_id, "tokens")
        assert await synchronise(stage) == {"tokens": "being pulled already"}
        go_on.set()
        assert await stage.result(ids.resync(stage.connection_id, "tokens")) == 5

    async def test_a_full_sweep_waits_until_the_list_is_free(self, timeless_stage: Stage) -> None:
        stage = timeless_stage
        lists(stage, "tokens")
        under_way, go_on = asyncio.Event(), asyncio.Event()

        async def slow(_: object) -> Progress:
            under_way.set()
            await go_on.wait()
            return Progress(1, None)

        stage.script.on(ResyncActivities.pull_page, slow, Progress(9, None))
        await stage.client.start_workflow(
            Resync.run,
            ResyncOrder(stage.connection_id, "tokens", delta=True),
            id=ids.resync(stage.connection_id, "tokens"),
            task_queue=stage.signals.task_queue,
        )
        await asyncio.wait_for(under_way.wait(), 10)
        sweeping = asyncio.create_task(synchronise(stage, delta=False))
        full = ids.synchronisation(stage.connection_id, delta=False)
        await stage.reaches(full, "PULLING")
        go_on.set()
        assert await sweeping == {"tokens": "9 pulled"}


class TestSchedules:
    @pytest.fixture
    def plans(self, client: Client, stage: Stage) -> PartnerSchedules:
        return PartnerSchedules(client, stage.signals.task_queue, PERIODS)

    @staticmethod
    def both(stage: Stage) -> tuple[ScheduleHandle, ScheduleHandle]:
        delta, full = (ids.synchronisation(stage.connection_id, delta=delta) for delta in (True, False))
        return stage.client.get_schedule_handle(delta), stage.client.get_schedule_handle(full)

    async def test_connected_they_run_with_the_periods_of_the_settings(
        self, stage: Stage, plans: PartnerSchedules
    ) -> None:
        await plans.arrange(stage.connection_id, LinkState.CONNECTED)
        found = [(await handle.describe()).schedule for handle in self.both(stage)]
        assert [schedule.spec.intervals[0].every for schedule in found] == [PERIODS.delta, PERIODS.sweep]
        assert [schedule.spec.jitter for schedule in found] == [PERIODS.delta / 4, PERIODS.sweep / 4]
        assert [schedule.policy.overlap for schedule in found] == [ScheduleOverlapPolicy.SKIP] * 2
        assert not any(schedule.state.paused for schedule in found)

    async def test_what_is_scheduled_is_started(self, stage: Stage, plans: PartnerSchedules) -> None:
        lists(stage, "tariffs")
        await plans.arrange(stage.connection_id, LinkState.CONNECTED)
        for handle in self.both(stage):
            await handle.trigger()
        await eventually(lambda: bool(stage.script.inputs(ResyncActivities.finish)), "a pull")
        assert set(stage.script.inputs(ScheduleActivities.due)) == {stage.connection_id}

    async def test_suspended_they_rest_and_connected_again_they_run(
        self, stage: Stage, plans: PartnerSchedules
    ) -> None:
        await plans.arrange(stage.connection_id, LinkState.CONNECTED)
        for _ in range(2):
            await plans.arrange(stage.connection_id, LinkState.SUSPENDED)
        for handle in self.both(stage):
            state = (await handle.describe()).schedule.state
            assert (state.paused, state.note) == (True, SUSPENDED_NOTE)
        await plans.arrange(stage.connection_id, LinkState.CONNECTED)
        assert not any([(await handle.describe()).schedule.state.paused for handle in self.both(stage)])

    async def test_what_a_person_paused_stays_paused(self, stage: Stage, plans: PartnerSchedules) -> None:
        await plans.arrange(stage.connection_id, LinkState.CONNECTED)
        delta, _ = self.both(stage)
        await delta.pause(note="the partner asked for it")
        slower = PartnerSchedules(stage.client, stage.signals.task_queue, Periods(timedelta(hours=1), PERIODS.sweep))
        await slower.arrange(stage.connection_id, LinkState.CONNECTED)
        schedule = (await delta.describe()).schedule
        assert (schedule.state.paused, schedule.state.note) == (True, "the partner asked for it")
        assert schedule.spec.intervals[0].every == timedelta(hours=1)

    async def test_unregistered_they_are_gone(self, stage: Stage, plans: PartnerSchedules) -> None:
        await plans.arrange(stage.connection_id, LinkState.CONNECTED)
        for _ in range(2):
            await plans.arrange(stage.connection_id, LinkState.UNREGISTERED)
        for handle in self.both(stage):
            with pytest.raises(RPCError) as gone:
                await handle.describe()
            assert gone.value.status is RPCStatusCode.NOT_FOUND

    async def test_a_connection_that_was_never_connected_has_none(self, stage: Stage, plans: PartnerSchedules) -> None:
        for state in (LinkState.PLANNED, LinkState.REGISTERING, LinkState.SUSPENDED):
            await plans.arrange(stage.connection_id, state)
        with pytest.raises(RPCError):
            await self.both(stage)[0].describe()
