"""What is in a partner's outbox goes out over HTTP: the latest state, in order, and nobody waits for a dead partner."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import Worker

import workflows
from activities import all_activities
from activities.attendance import AT_ONCE
from activities.partner_feed import FeedActivities
from adapters.contract import Interface, Module
from adapters.transport.http import PartnerHttp
from canonical.charging_profile import (
    ActiveChargingProfile,
    ChargingProfile,
    ChargingProfilePeriod,
    ChargingRateUnit,
)
from canonical.invoice_record import InvoiceRecord
from canonical.location import EvseStatus, Location
from canonical.partner import Endpoint
from canonical.store import OutboxAction, Store
from settlement.agreement import STANDARD
from tests.adapters.transport import objects
from tests.adapters.transport.partner import Partner, enveloped, running_partner
from tests.store.samples import CPO, T0, at, connection, session, tariff
from tests.workflows.stage import eventually
from tests.workflows.test_activities import LOCAL, resources
from workflows.signals import TemporalSignals

THERE = "emsp"
LISTENERS = {
    Module.LOCATIONS: Interface.RECEIVER,
    Module.TARIFFS: Interface.RECEIVER,
    Module.SESSIONS: Interface.RECEIVER,
    Module.INVOICE_RECONCILIATION: Interface.RECEIVER,
    Module.CHARGING_PROFILES: Interface.SENDER,
}


@dataclass
class Push:
    store: Store
    partner: Partner
    http: PartnerHttp
    here: str = THERE

    async def change(self, *values: object) -> None:
        """Store objects of ours, each with its row in the outbox."""
        async with self.store.transaction() as work:
            for value in values:
                match value:
                    case Location():
                        await work.locations.put(value)
                        await self.queue(Module.LOCATIONS, value.object_id.key)
                    case InvoiceRecord():
                        await work.invoice_records.put(value, connection_id=self.here, ours=True)
                        await self.queue(Module.INVOICE_RECONCILIATION, value.object_id.key)
                    case _:
                        await work.tariffs.put(value)  # type: ignore[arg-type]
                        await self.queue(Module.TARIFFS, value.object_id.key)  # type: ignore[attr-defined]

    async def queue(self, module: Module, key: str, action: OutboxAction = OutboxAction.PUT) -> None:
        async with self.store.transaction() as work:
            await work.outbox.add(self.here, module.value, key, action)

    async def drain(self, when: datetime = T0) -> int:
        made = replace(resources(self.store, self.http), clock=lambda: when)
        return await ActivityEnvironment().run(FeedActivities(made, AT_ONCE).drain, self.here)

    def takes(self, *requests: tuple[str, str]) -> None:
        for method, path in requests:
            self.partner.answers[method, path] = enveloped()

    def requests(self) -> list[tuple[str, str]]:
        return [(seen.method, seen.path) for seen in self.partner.seen]

    async def cases(self) -> list[str]:
        async with self.store.transaction() as work:
            return [case.kind for case in await work.cases.list()]

    async def waiting(self) -> int:
        async with self.store.transaction() as work:
            return await work.outbox.waiting(self.here)


async def link(
    store: Store, partner: Partner, id_: str = THERE, listeners: dict[Module, Interface] = LISTENERS
) -> None:
    endpoints = tuple(
        Endpoint(module=module, interface=interface, url=partner.url(f"/{module}"))
        for module, interface in listeners.items()
    )
    linked = {"adapter": "ocpi-2.3.0/standard", "version": "2.3.0", "endpoints": endpoints}
    async with store.transaction() as work:
        await work.connections.add(connection(id_).model_copy(update=linked))
        await work.access.keep_outbound(id_, SecretStr("token-of-the-partner"), request_key="test")


@pytest_asyncio.fixture
async def push(store: Store) -> AsyncIterator[Push]:
    async with running_partner() as partner, PartnerHttp(LOCAL, timeout_s=5) as http:
        await link(store, partner)
        yield Push(store, partner, http)


def location(push: Push, id_: str = "L1") -> Location:
    adapter = resources(push.store).registry.by_key("ocpi-2.2.1/standard")
    return adapter.read(Location, json.dumps({**objects.LOCATION, "id": id_}).encode()).value


def with_status(place: Location, status: EvseStatus, minutes: float) -> Location:
    changed = {"status": status, "last_updated": at(minutes)}
    evses = tuple(evse.model_copy(update=changed) for evse in place.evses)
    return place.model_copy(update={"evses": evses, "last_updated": at(minutes)})


class TestLocations:
    async def test_first_whole_then_only_the_evse_that_changed(self, push: Push) -> None:
        at_location = "/locations/DE/RCO/L1"
        push.takes(("PUT", at_location), ("PATCH", f"{at_location}/DE%2ARCO%2AE1"))
        place = with_status(location(push), EvseStatus.AVAILABLE, 0)
        await push.change(place)
        assert await push.drain() == 0
        await push.change(with_status(place, EvseStatus.CHARGING, 5))
        assert await push.drain() == 0
        assert push.requests() == [("PUT", at_location), ("PATCH", f"{at_location}/DE%2ARCO%2AE1")]
        assert push.partner.last.json == {"status": "CHARGING", "last_updated": "2026-03-28T12:05:00Z"}

    async def test_many_changes_of_one_object_are_one_request_with_the_latest_state(self, push: Push) -> None:
        push.takes(("PUT", "/locations/DE/RCO/L1"), ("PUT", "/locations/DE/RCO/L2"))
        place = location(push)
        await push.change(place, location(push, "L2"))
        for minute, status in enumerate([EvseStatus.CHARGING, EvseStatus.BLOCKED, EvseStatus.OUTOFORDER], 1):
            await push.change(with_status(place, status, minute))
        assert await push.drain() == 0
        assert push.requests() == [("PUT", "/locations/DE/RCO/L1"), ("PUT", "/locations/DE/RCO/L2")]
        assert push.partner.seen[0].json["evses"][0]["status"] == "OUTOFORDER"

    async def test_a_patch_that_is_not_understood_is_followed_by_the_whole(self, push: Push) -> None:
        at_location = "/locations/DE/RCO/L1"
        push.takes(("PUT", at_location), ("PUT", f"{at_location}/DE%2ARCO%2AE1"))
        push.partner.answers["PATCH", f"{at_location}/DE%2ARCO%2AE1"] = enveloped(http=405, status_code=2000)
        place = with_status(location(push), EvseStatus.AVAILABLE, 0)
        await push.change(place)
        await push.drain()
        await push.change(with_status(place, EvseStatus.CHARGING, 5))
        assert await push.drain() == 0
        assert [method for method, _ in push.requests()] == ["PUT", "PATCH", "PUT"]
        assert push.partner.last.json["evses"][0]["status"] == "CHARGING"
        assert await push.cases() == []


class TestDeletion:
    AT = "/tariffs/DE/RCO/T1"

    async def test_a_deleted_tariff_is_deleted_and_comes_back_whole(self, push: Push) -> None:
        push.takes(("PUT", self.AT), ("DELETE", self.AT))
        await push.change(tariff())
        await push.drain()
        await push.queue(Module.TARIFFS, tariff().object_id.key, OutboxAction.DELETE)
        await push.drain()
        await push.change(tariff())
        assert await push.drain() == 0
        assert push.requests() == [("PUT", self.AT), ("DELETE", self.AT), ("PUT", self.AT)]

    async def test_what_the_partner_does_not_have_is_deleted_enough(self, push: Push) -> None:
        await push.queue(Module.TARIFFS, tariff().object_id.key, OutboxAction.DELETE)
        assert await push.drain() == 0
        assert push.requests() == [("DELETE", self.AT)]
        assert await push.cases() == []


class TestOtherModules:
    async def test_invoice_records(self, push: Push) -> None:
        record_at = "/invoicereconciliation/DE/RCO/R1"
        push.takes(("PUT", record_at), ("DELETE", record_at))
        record = InvoiceRecord(owner=CPO, id="R1", invoice_id="I-1", cdr_ids=("C1",), last_updated=T0)
        await push.change(record)
        await push.change(record.model_copy(update={"cdr_ids": ("C1", "C2"), "last_updated": at(1)}))
        assert await push.drain() == 0
        assert [seen.json["cdrs"] for seen in push.partner.seen] == [["C1", "C2"]]
        await push.queue(Module.INVOICE_RECONCILIATION, record.object_id.key, OutboxAction.DELETE)
        assert await push.drain() == 0
        assert push.requests() == [("PUT", record_at), ("DELETE", record_at)]

    async def test_the_active_profile_of_a_session_goes_to_its_provider(self, push: Push) -> None:
        push.takes(("PUT", "/chargingprofiles/S1"))
        profile = ChargingProfile(
            rate_unit=ChargingRateUnit.WATT, periods=(ChargingProfilePeriod(start_s=0, limit=11000),)
        )
        async with push.store.transaction() as work:
            await work.sessions.put(session())
            await work.smart_charging.put_active(
                session().object_id, ActiveChargingProfile(start=T0, profile=profile), T0
            )
        await push.queue(Module.CHARGING_PROFILES, session().object_id.key)
        assert await push.drain() == 0
        assert push.partner.last.json["charging_profile"]["charging_profile_period"] == [
            {"start_period": 0, "limit": 11000}
        ]

    async def test_what_a_partner_has_no_receiver_for_is_left_to_it_to_pull(self, push: Push) -> None:
        await push.queue(Module.TOKENS, "DE*RCO/RFID/04AB")
        assert await push.drain() == 0
        assert (push.requests(), await push.cases()) == ([], [])


class TestFailures:
    async def test_an_object_that_the_partner_fails_at_does_not_hold_up_the_others(self, push: Push) -> None:
        push.takes(("PUT", "/tariffs/DE/RCO/T2"), ("PUT", "/tariffs/DE/RCO/T3"))
        push.partner.answers["PUT", "/tariffs/DE/RCO/T1"] = [enveloped(http=500, status_code=3000), enveloped()]
        await push.change(tariff("T1"), tariff("T2"), tariff("T3"))
        with pytest.raises(ApplicationError) as failed:
            await push.drain()
        assert not failed.value.non_retryable
        assert [path[-2:] for _, path in push.requests()] == ["T1", "T2", "T3"]
        assert await push.waiting() == 1
        assert await push.drain() == 0
        assert push.requests()[-1] == ("PUT", "/tariffs/DE/RCO/T1")

    async def test_one_that_it_has_failed_at_for_long_is_put_before_a_person(self, push: Push) -> None:
        push.takes(("PUT", "/tariffs/DE/RCO/T2"))
        push.partner.answers["PUT", "/tariffs/DE/RCO/T1"] = enveloped(http=500, status_code=3000)
        await push.change(tariff("T1"))
        much_later = datetime.now(UTC) + timedelta(hours=2)
        with pytest.raises(ApplicationError):
            await push.drain(much_later)  # perhaps it takes nothing at all
        await push.change(tariff("T2"))
        assert await push.drain(much_later) == 0
        assert await push.cases() == ["push-refused"]

    async def test_in_order_nothing_overtakes_what_the_partner_fails_at(self, push: Push) -> None:
        agreed = STANDARD.model_copy(update={"name": "in-order", "in_order": ("tariffs",)})
        async with push.store.transaction() as work:
            await work.agreements.add(
                connection_id=THERE,
                ref=agreed.ref,
                document=agreed.model_dump_json(),
                agreed_by="a test",
                valid_from=T0,
            )
        push.takes(("PUT", "/tariffs/DE/RCO/T2"), ("PUT", "/locations/DE/RCO/L1"))
        push.partner.answers["PUT", "/tariffs/DE/RCO/T1"] = [enveloped(http=500, status_code=3000), enveloped()]
        await push.change(tariff("T1"), tariff("T2"), location(push))
        with pytest.raises(ApplicationError):
            await push.drain()
        assert [path[-2:] for _, path in push.requests()] == ["T1", "L1"]  # other modules go on
        assert await push.drain() == 0
        assert [path[-2:] for _, path in push.requests()] == ["T1", "L1", "T1", "T2"]

    async def test_what_is_refused_is_a_case_and_does_not_hold_up_the_others(self, push: Push) -> None:
        push.takes(("PUT", "/tariffs/DE/RCO/T2"))
        push.partner.answers["PUT", "/tariffs/DE/RCO/T1"] = enveloped(status_code=2001)
        await push.change(tariff("T1"), tariff("T2"))
        assert await push.drain() == 0
        assert await push.cases() == ["push-refused"]

    async def test_a_partner_that_wants_to_be_left_alone_is_left_alone(self, push: Push) -> None:
        push.partner.answers["PUT", "/tariffs/DE/RCO/T1"] = enveloped(http=429, headers={"Retry-After": "60"})
        await push.change(tariff("T1"), tariff("T2"))
        with pytest.raises(ApplicationError) as failed:
            await push.drain()
        assert failed.value.next_retry_delay == timedelta(seconds=60)
        assert len(push.partner.seen) == 1
        assert await push.waiting() == 2

    async def test_everything_is_told_again_whole(self, push: Push) -> None:
        push.takes(("PUT", "/tariffs/DE/RCO/T1"), ("PUT", "/tariffs/DE/RCO/T2"))
        await push.change(tariff("T1"), tariff("T2"))
        await push.drain()
        async with push.store.transaction() as work:
            assert await work.outbox.add_all(THERE, Module.TARIFFS) == 2
            assert await work.outbox.add_all(THERE, Module.CDRS) == 0
        assert await push.drain() == 0
        assert [path[-2:] for _, path in push.requests()] == ["T1", "T2", "T1", "T2"]


async def test_a_dead_partner_delays_nobody(store: Store, client: Client) -> None:
    """With the real worker and feeds: one partner never answers, the other hears of every change meanwhile."""
    hanging = asyncio.Event()

    async def hang(_: Request) -> Response:
        hanging.set()
        await asyncio.sleep(60)
        return enveloped()

    async with running_partner() as dead, running_partner() as alive, PartnerHttp(LOCAL, timeout_s=40) as http:
        for number in range(30):
            dead.answers["PUT", f"/tariffs/DE/RCO/T{number}"] = hang
            alive.answers["PUT", f"/tariffs/DE/RCO/T{number}"] = enveloped()
        await link(store, dead, "dead")
        await link(store, alive, "alive")
        queue = "queue-of-feeds"
        signals = TemporalSignals(client, queue)
        made = replace(resources(store, http), clock=lambda: T0)
        async with Worker(
            client,
            task_queue=queue,
            workflows=workflows.ALL,
            activities=all_activities(made, signals),
            graceful_shutdown_timeout=timedelta(0),
        ):
            for number in range(30):
                for name, partner in (("dead", dead), ("alive", alive)):
                    await Push(store, partner, http, name).change(tariff(f"T{number}"))
            await signals.feed("dead")
            await asyncio.wait_for(hanging.wait(), 10)
            await signals.feed("alive")
            await eventually(lambda: len(alive.seen) == 30, "every change at the partner that lives")
            assert len(dead.seen) == 1
            for name in ("dead", "alive"):
                await client.get_workflow_handle(f"feed/{name}").terminate()
    assert await Push(store, dead, http, "dead").waiting() == 30
