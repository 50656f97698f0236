"""Pulling a partner's lists over HTTP into the real store: what is kept, what is missing, what is odd."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.partner_link import pullable
from activities.resync import LOOK_BACK, OVERLAP, CrawlOrder, Cursor, Finished, Progress, ResyncActivities
from activities.schedules import ScheduleActivities
from activities.sweep import SweepActivities, SweepOrder
from adapters.contract import Interface, Module
from adapters.transport.http import PartnerHttp
from canonical.identity import BusinessRole, ObjectId, Role
from canonical.location import EvseStatus
from canonical.partner import ClientStatus, Connection, Endpoint, LinkState, Side
from canonical.store import CdrState, Store
from canonical.store.sightings import KEPT_FOR
from canonical.token import TokenType
from tests.adapters.transport import objects
from tests.adapters.transport.partner import Partner, enveloped, running_partner
from tests.api.recorder import Recorder
from tests.store.samples import CPO, EMSP, T0
from tests.workflows.test_activities import LOCAL, resources

HERE = "operator"
SENDERS = (Module.LOCATIONS, Module.TARIFFS, Module.SESSIONS, Module.CDRS, Module.INVOICE_RECONCILIATION)
Json = dict[str, Any]


def location(id_: str, **changed: object) -> Json:
    return {**objects.LOCATION, "id": id_, **changed}


def tariff(id_: str, **changed: object) -> Json:
    return {**objects.TARIFF, "id": id_, **changed}


@dataclass
class Shelf:
    """A list at the partner, in pages. `between` happens after a page was given out; `headers` replace its own."""

    partner: Partner
    path: str
    items: list[Json] = field(default_factory=list)
    between: Callable[[int], None] = lambda _: None
    headers: Callable[[int, dict[str, str]], dict[str, str]] = lambda _, headers: headers
    asked: list[dict[str, str]] = field(default_factory=list)

    async def __call__(self, request: Request) -> Response:
        query = dict(request.query_params)
        self.asked.append(query)
        offset, limit = int(query.get("offset", "0")), int(query.get("limit", "2"))
        page = self.items[offset : offset + limit]
        headers = {"X-Total-Count": str(len(self.items)), "X-Limit": str(limit)}
        if offset + limit < len(self.items):
            further = {**query, "offset": str(offset + limit), "limit": str(limit)}
            address = f"{self.partner.url(self.path)}?{'&'.join(f'{n}={v}' for n, v in further.items())}"
            headers["Link"] = f'<{address}>; rel="next"'
        answer = enveloped(page, headers=self.headers(len(self.asked), headers))
        self.between(len(self.asked))
        return answer


@dataclass
class Pull:
    """Our side: the activities in the order in which the workflow calls them, with a clock that the test sets."""

    store: Store
    partner: Partner
    wake: Recorder
    http: PartnerHttp
    now: datetime = T0 + timedelta(days=30)
    walks: int = 0

    def shelf(self, module: str, *items: Json) -> Shelf:
        shelf = Shelf(self.partner, f"/s/{module}", list(items))
        self.partner.answers["GET", shelf.path] = shelf
        return shelf

    def activities(self) -> ResyncActivities:
        made = replace(resources(self.store, self.http), clock=lambda: self.now, page_limit=2)
        return ResyncActivities(made, self.wake)

    async def run(self, module: Module, *, delta: bool = False) -> Finished:
        """One walk, an hour after the one before."""
        self.walks += 1
        self.now += timedelta(hours=1)
        activities = self.activities()
        begun = await activities.begin(CrawlOrder(HERE, module.value, f"walk-{self.walks}", delta))
        cursor: Cursor | None = Cursor(HERE, module.value, crawl=begun.crawl)
        while cursor is not None:
            page = await self.page(cursor)
            cursor = None if page.place is None else replace(cursor, place=page.place)
        return await activities.finish(begun.crawl)

    async def page(self, cursor: Cursor) -> Progress:
        return await ActivityEnvironment().run(self.activities().pull_page, cursor)

    async def cases(self, kind: str) -> list[str]:
        async with self.store.transaction() as work:
            return [case.text for case in await work.cases.list() if case.kind == kind]

    async def missing(self, module: Module) -> dict[str, int]:
        async with self.store.transaction() as work:
            return dict(await work.sightings.missing(HERE, module.value))


def connected(partner: Partner, version: str = "2.2.1") -> Connection:
    role = BusinessRole(party=CPO, role=Role.CPO, business_name="Rco")
    endpoints = [
        Endpoint(module=module, interface=Interface.SENDER, url=partner.url(f"/s/{module}")) for module in SENDERS
    ]
    return Connection(
        id=HERE,
        name="Rco",
        our_sides=(Side.EMSP,),
        our_party=EMSP,
        state=LinkState.CONNECTED,
        partner_roles=(role,),
        version=version,
        adapter=f"ocpi-{version}/standard",
        endpoints=tuple(endpoints),
    )


async def pulling(store: Store, connection: Connection) -> None:
    async with store.transaction() as work:
        await work.connections.add(connection)
        await work.access.keep_outbound(HERE, SecretStr("token-of-the-partner"), request_key="test")


@pytest_asyncio.fixture
async def pull(store: Store) -> AsyncIterator[Pull]:
    async with running_partner() as partner, PartnerHttp(LOCAL) as http:
        await pulling(store, connected(partner))
        yield Pull(store, partner, Recorder(store), http)


def of(id_: str) -> ObjectId:
    return ObjectId(owner=CPO, id=id_)


class TestLists:
    async def test_a_list_of_several_pages_is_in_the_store(self, pull: Pull) -> None:
        pull.shelf("locations", *(location(f"L{n}") for n in range(5)))
        finished = await pull.run(Module.LOCATIONS)
        async with pull.store.transaction() as work:
            held = await work.locations.all(source=HERE)
        assert [found.id for found in held] == ["L0", "L1", "L2", "L3", "L4"]
        assert finished == Finished("5 seen, 0 missing, 0 removed")

    async def test_a_delta_begins_before_the_last_walk_began(self, pull: Pull) -> None:
        shelf = pull.shelf("locations", location("L1"))
        await pull.run(Module.LOCATIONS)
        began = pull.now
        await pull.run(Module.LOCATIONS, delta=True)
        assert "date_from" not in shelf.asked[0]
        assert shelf.asked[1]["date_from"] == (began - OVERLAP).strftime("%Y-%m-%dT%H:%M:%SZ")

    async def test_a_delta_without_a_walk_before_it_reads_everything(self, pull: Pull) -> None:
        shelf = pull.shelf("tariffs", tariff("T1"))
        await pull.run(Module.TARIFFS, delta=True)
        assert "date_from" not in shelf.asked[0]

    async def test_a_walk_that_was_cut_off_does_not_move_the_beginning_of_the_next(self, pull: Pull) -> None:
        shelf = pull.shelf("locations", location("L1"))
        await pull.run(Module.LOCATIONS)
        began = pull.now
        pull.partner.answers["GET", "/s/locations"] = enveloped(http=500, status_code=3000)
        with pytest.raises(ApplicationError):
            await pull.run(Module.LOCATIONS, delta=True)
        pull.partner.answers["GET", "/s/locations"] = shelf
        await pull.run(Module.LOCATIONS, delta=True)
        assert shelf.asked[-1]["date_from"] == (began - OVERLAP).strftime("%Y-%m-%dT%H:%M:%SZ")

    async def test_sessions_are_asked_for_with_a_date_and_later_sweeps_go_back_some_weeks(self, pull: Pull) -> None:
        shelf = pull.shelf("sessions", objects.SESSION)
        await pull.run(Module.SESSIONS)
        await pull.run(Module.SESSIONS)
        back = (pull.now - LOOK_BACK[Module.SESSIONS]).strftime("%Y-%m-%dT%H:%M:%SZ")
        assert [asked["date_from"] for asked in shelf.asked] == ["1970-01-01T00:00:00Z", back]

    async def test_what_belongs_to_somebody_else_is_a_case(self, pull: Pull) -> None:
        pull.shelf("tariffs", tariff("T1"), tariff("T2", party_id="XXX"))
        await pull.run(Module.TARIFFS)
        async with pull.store.transaction() as work:
            assert [found.id for found in await work.tariffs.all(source=HERE)] == ["T1"]
        (text,) = await pull.cases("foreign-object")
        assert "DE*XXX/T2" in text

    async def test_an_element_that_cannot_be_read_is_a_case_with_its_text(self, pull: Pull) -> None:
        pull.shelf("tariffs", tariff("T1"), {"id": "broken"})
        await pull.run(Module.TARIFFS)
        (text,) = await pull.cases("unreadable-element")
        assert '{"id": "broken"}' in text


class TestMissing:
    async def test_a_location_is_marked_at_the_first_sweep_and_removed_at_the_second(self, pull: Pull) -> None:
        shelf = pull.shelf("locations", location("L1"), location("L2"))
        await pull.run(Module.LOCATIONS)
        shelf.items.pop()
        assert await pull.run(Module.LOCATIONS) == Finished("1 seen, 1 missing, 0 removed", missing=1)
        async with pull.store.transaction() as work:
            gone = await work.locations.get(of("L2"), source=HERE)
        assert gone is not None
        assert gone.evses[0].status is EvseStatus.AVAILABLE
        assert await pull.missing(Module.LOCATIONS) == {"DE*RCO/L2": 1}
        assert await pull.run(Module.LOCATIONS) == Finished("1 seen, 0 missing, 1 removed", removed=1)
        async with pull.store.transaction() as work:
            gone = await work.locations.get(of("L2"), source=HERE)
            there = await work.locations.get(of("L1"), source=HERE)
        assert gone is not None
        assert there is not None
        assert [evse.status for evse in gone.evses] == [EvseStatus.REMOVED]
        assert there.evses[0].status is EvseStatus.AVAILABLE
        assert (await pull.run(Module.LOCATIONS)).removed == 0

    async def test_what_is_listed_again_is_back(self, pull: Pull) -> None:
        shelf = pull.shelf("locations", location("L1"), location("L2"))
        await pull.run(Module.LOCATIONS)
        lost = shelf.items.pop()
        for _ in range(2):
            await pull.run(Module.LOCATIONS)
        shelf.items.append(lost)
        await pull.run(Module.LOCATIONS)
        async with pull.store.transaction() as work:
            back = await work.locations.get(of("L2"), source=HERE)
        assert back is not None
        assert back.evses[0].status is EvseStatus.AVAILABLE
        assert await pull.missing(Module.LOCATIONS) == {}

    async def test_a_removed_tariff_is_out_of_use_and_its_versions_stay(self, pull: Pull) -> None:
        shelf = pull.shelf("tariffs", tariff("T1"), tariff("T2"))
        await pull.run(Module.TARIFFS)
        async with pull.store.transaction() as work:
            before = await work.tariffs.get(of("T2"), source=HERE)
        assert before is not None
        shelf.items.pop()
        for _ in range(2):
            await pull.run(Module.TARIFFS)
        async with pull.store.transaction() as work:
            assert await work.tariffs.get(of("T2"), source=HERE) is None
            assert await work.tariffs.version(before.version()) == before

    async def test_a_removed_token_is_not_valid_any_more(self, store: Store) -> None:
        async with running_partner() as partner, PartnerHttp(LOCAL) as http:
            url = Endpoint(module=Module.TOKENS, interface=Interface.SENDER, url=partner.url("/s/tokens"))
            role = BusinessRole(party=CPO, role=Role.EMSP, business_name="Rco")
            changed = {"our_sides": (Side.CPO,), "partner_roles": (role,), "endpoints": (url,)}
            await pulling(store, connected(partner).model_copy(update=changed))
            pull = Pull(store, partner, Recorder(store), http)
            shelf = pull.shelf("tokens", objects.TOKEN, {**objects.TOKEN, "uid": "other"})
            await pull.run(Module.TOKENS)
            shelf.items.pop()
            for _ in range(2):
                await pull.run(Module.TOKENS)
        async with store.transaction() as work:
            gone = await work.tokens.get(of(f"{TokenType.RFID}/other"), source=HERE)
            there = await work.tokens.get(of(f"{TokenType.RFID}/04 ab"), source=HERE)
        assert gone is not None
        assert there is not None
        assert (gone.valid, there.valid) == (False, True)

    async def test_a_delta_marks_nothing(self, pull: Pull) -> None:
        shelf = pull.shelf("locations", location("L1"), location("L2"))
        await pull.run(Module.LOCATIONS)
        shelf.items.pop()
        for _ in range(3):
            await pull.run(Module.LOCATIONS, delta=True)
        assert await pull.missing(Module.LOCATIONS) == {}

    async def test_a_sweep_with_an_unreadable_element_marks_nothing(self, pull: Pull) -> None:
        shelf = pull.shelf("tariffs", tariff("T1"), tariff("T2"))
        await pull.run(Module.TARIFFS)
        shelf.items[1] = {"id": "T2", "elements": "none"}
        for _ in range(3):
            await pull.run(Module.TARIFFS)
        assert await pull.missing(Module.TARIFFS) == {}
        async with pull.store.transaction() as work:
            assert await work.tariffs.get(of("T2"), source=HERE) is not None

    async def test_what_was_heard_of_between_two_sweeps_is_counted_anew(self, pull: Pull) -> None:
        shelf = pull.shelf("locations", location("L1"), location("L2"))
        await pull.run(Module.LOCATIONS)
        shelf.items.pop()
        await pull.run(Module.LOCATIONS)
        async with pull.store.transaction() as work:
            held = await work.locations.get(of("L2"), source=HERE)
            assert held is not None
            pushed = held.model_copy(update={"last_updated": held.last_updated + timedelta(minutes=1)})
            await work.locations.put(pushed, source=HERE)
        await pull.run(Module.LOCATIONS)
        assert await pull.missing(Module.LOCATIONS) == {"DE*RCO/L2": 1}

    async def test_a_list_that_is_suddenly_empty_removes_nothing_and_asks_a_person(self, pull: Pull) -> None:
        shelf = pull.shelf("locations", location("L1"), location("L2"))
        await pull.run(Module.LOCATIONS)
        shelf.items.clear()
        for _ in range(3):
            assert not (await pull.run(Module.LOCATIONS)).whole
        assert await pull.missing(Module.LOCATIONS) == {}
        assert len(await pull.cases("list-empty")) == 1

    async def test_finishing_twice_counts_once(self, pull: Pull) -> None:
        shelf = pull.shelf("locations", location("L1"), location("L2"))
        await pull.run(Module.LOCATIONS)
        shelf.items.pop()
        await pull.run(Module.LOCATIONS)
        async with pull.store.transaction() as work:
            newest = (await work.sightings.crawls(HERE))[0]
        await pull.activities().finish(newest.number)
        assert await pull.missing(Module.LOCATIONS) == {"DE*RCO/L2": 1}

    @pytest.mark.parametrize("module", [Module.SESSIONS, Module.CDRS])
    async def test_sessions_and_cdrs_are_never_missing(self, pull: Pull, module: Module) -> None:
        document = objects.SESSION if module is Module.SESSIONS else objects.CDR
        shelf = pull.shelf(module.value, document)
        await pull.run(module)
        shelf.items.clear()
        for _ in range(3):
            await pull.run(module)
        assert await pull.missing(module) == {}
        assert await pull.cases("list-empty") == []


class TestOddLists:
    async def test_an_object_removed_while_we_read_takes_no_other_with_it(self, pull: Pull) -> None:
        shelf = pull.shelf("locations", *(location(f"L{n}") for n in range(6)))

        def remove_the_first(page: int) -> None:
            if page == 1:
                shelf.items.pop(0)

        shelf.between = remove_the_first
        finished = await pull.run(Module.LOCATIONS)
        async with pull.store.transaction() as work:
            held = {found.id for found in await work.locations.all(source=HERE)}
        assert held == {"L0", "L1", "L2", "L3", "L4", "L5"}
        assert not finished.whole
        (text,) = await pull.cases("list-odd")
        assert "crawl.total_shrank" in text

    async def test_a_server_that_ignores_the_offset_is_left_after_two_pages(self, pull: Pull) -> None:
        shelf = pull.shelf("tariffs", tariff("T1"), tariff("T2"))

        def again(page: int, headers: dict[str, str]) -> dict[str, str]:
            return {"Link": f'<{pull.partner.url("/s/tariffs")}?page={page}>; rel="next"'}

        shelf.headers = again
        finished = await pull.run(Module.TARIFFS)
        assert (len(shelf.asked), finished.whole) == (2, False)
        (text,) = await pull.cases("list-odd")
        assert "crawl.repeated_page" in text

    async def test_a_page_that_is_read_twice_because_we_were_cut_off_is_no_repeat(self, pull: Pull) -> None:
        pull.shelf("tariffs", *(tariff(f"T{n}") for n in range(4)))
        begun = await pull.activities().begin(CrawlOrder(HERE, "tariffs", "walk", delta=False))
        cursor = Cursor(HERE, "tariffs", crawl=begun.crawl)
        first = await pull.page(cursor)
        assert await pull.page(cursor) == first
        assert first.place is not None
        last = await pull.page(replace(cursor, place=first.place))
        assert last.place is None
        assert (await pull.activities().finish(begun.crawl)).whole

    async def test_a_missing_link_is_made_good_by_the_total_and_named(self, pull: Pull) -> None:
        shelf = pull.shelf("tariffs", *(tariff(f"T{n}") for n in range(4)))
        shelf.headers = lambda _, headers: {"X-Total-Count": headers["X-Total-Count"]}
        finished = await pull.run(Module.TARIFFS)
        async with pull.store.transaction() as work:
            assert len(await work.tariffs.all(source=HERE)) == 4
        assert not finished.whole
        (text,) = await pull.cases("list-odd")
        assert "crawl.link_missing" in text


class TestCdrs:
    async def test_a_pulled_cdr_is_as_good_as_a_posted_one(self, pull: Pull) -> None:
        pull.shelf("cdrs", objects.CDR)
        for _ in range(2):
            await pull.run(Module.CDRS)
        async with pull.store.transaction() as work:
            stored = await work.cdrs.get(of("C1"), connection_id=HERE, ours=False)
            assert stored is not None
            assert stored.evidence_id is not None
            evidence = await work.evidence.get(stored.evidence_id)
            kept = await work.evidence.for_object("DE*RCO/C1")
        assert stored.state is CdrState.RECEIVED
        assert json.loads(evidence.answer) == objects.CDR
        assert len(kept) == 1
        assert pull.wake.of("cdr_received") == [("DE*RCO/C1", objects.CDR.get("session_id"), HERE)]

    async def test_other_content_under_a_known_id_is_a_case_and_the_first_stands(self, pull: Pull) -> None:
        shelf = pull.shelf("cdrs", objects.CDR)
        await pull.run(Module.CDRS)
        shelf.items[0] = {**objects.CDR, "total_energy": 999}
        for _ in range(2):
            await pull.run(Module.CDRS)
        async with pull.store.transaction() as work:
            stored = await work.cdrs.get(of("C1"), connection_id=HERE, ours=False)
            (case,) = [each for each in await work.cases.list() if each.kind == "cdr-conflict"]
        assert stored is not None
        assert stored.dossier.cdr.total_energy_kwh != 999
        assert ("cdr.same_id_other_content", "total_energy_kwh") in [(f.code, f.where) for f in case.findings]
        assert len(pull.wake.of("cdr_received")) == 1


class TestSessions:
    async def test_the_process_of_a_session_hears_of_its_states_only(self, pull: Pull) -> None:
        now = pull.now.strftime("%Y-%m-%dT%H:%M:%SZ")
        shelf = pull.shelf("sessions", {**objects.SESSION, "status": "ACTIVE", "last_updated": now})
        for _ in range(2):
            await pull.run(Module.SESSIONS)
        later = (pull.now + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        shelf.items[0] = {**shelf.items[0], "status": "COMPLETED", "end_date_time": later, "last_updated": later}
        await pull.run(Module.SESSIONS)
        told = [(name, status.value) for name, _, _, status in pull.wake.of("session_changed")]
        assert told == [("DE*RCO/S1", "ACTIVE"), ("DE*RCO/S1", "COMPLETED")]

    async def test_nobody_waits_for_the_cdr_of_a_session_that_is_long_over(self, pull: Pull) -> None:
        over = {"status": "COMPLETED", "end_date_time": "2026-03-01T10:00:00Z", "last_updated": "2026-03-01T10:00:00Z"}
        pull.shelf("sessions", {**objects.SESSION, **over})
        await pull.run(Module.SESSIONS)
        async with pull.store.transaction() as work:
            assert await work.sessions.get(of("S1"), source=HERE) is not None
        assert pull.wake.of("session_changed") == []


class TestInvoiceRecords:
    async def test_a_record_is_compared_with_the_cdrs_that_we_hold(self, store: Store) -> None:
        async with running_partner() as partner, PartnerHttp(LOCAL) as http:
            await pulling(store, connected(partner, "2.3.0"))
            pull = Pull(store, partner, Recorder(store), http)
            record = {
                "country_code": "DE",
                "party_id": "RCO",
                "id": "R1",
                "invoice_id": "DERCO-2026-1",
                "cdrs": ["C1", "C2"],
                "last_updated": objects.AT,
            }
            pull.shelf("invoicereconciliation", record)
            for _ in range(2):
                await pull.run(Module.INVOICE_RECONCILIATION)
            async with store.transaction() as work:
                stored = await work.invoice_records.get(of("R1"), connection_id=HERE, ours=False)
            assert stored is not None
            assert stored.cdr_ids == ("C1", "C2")
            (text,) = await pull.cases("invoice-record-unknown-cdr")
        assert "C1, C2" in text


class TestHubClients:
    CLIENTS = "hubclientinfo"

    @staticmethod
    def client(party: str, status: str = "CONNECTED") -> Json:
        return {
            "country_code": "NL",
            "party_id": party,
            "role": "CPO",
            "status": status,
            "last_updated": objects.AT,
        }

    async def test_the_clients_of_a_hub_come_and_go_with_its_list(self, store: Store) -> None:
        async with running_partner() as partner, PartnerHttp(LOCAL) as http:
            url = Endpoint(module=self.CLIENTS, interface=Interface.SENDER, url=partner.url(f"/s/{self.CLIENTS}"))
            hub = connected(partner).model_copy(update={"endpoints": (url,), "hub": CPO})
            await pulling(store, hub)
            assert pullable(hub) == (Module.HUB_CLIENT_INFO,)
            pull = Pull(store, partner, Recorder(store), http)
            shelf = pull.shelf(self.CLIENTS, self.client("AAA"), self.client("BBB", "OFFLINE"))
            await pull.run(Module.HUB_CLIENT_INFO)
            async with store.transaction() as work:
                known = {client.party.party_id: client.status for client in await work.hub_clients.all(source=HERE)}
            assert known == {"AAA": ClientStatus.CONNECTED, "BBB": ClientStatus.OFFLINE}
            shelf.items.pop()
            for _ in range(2):
                await pull.run(Module.HUB_CLIENT_INFO)
            async with store.transaction() as work:
                left = [client.party.party_id for client in await work.hub_clients.all(source=HERE)]
        assert left == ["AAA"]


class TestPlans:
    async def test_a_connection_that_is_not_connected_has_nothing_due_and_its_schedules_follow(
        self, pull: Pull
    ) -> None:
        activities = ScheduleActivities(resources(pull.store), pull.wake)
        assert await activities.due(HERE) == ["tariffs", "locations", "sessions", "cdrs", "invoicereconciliation"]
        async with pull.store.transaction() as work:
            suspended = connected(pull.partner).model_copy(update={"state": LinkState.SUSPENDED})
            await work.connections.save(suspended)
        assert await activities.due(HERE) == []
        await activities.arrange(HERE)
        assert pull.wake.of("arrange") == [(HERE, LinkState.SUSPENDED)] * 2

    async def test_of_a_partner_that_is_both_we_pull_what_each_of_our_sides_needs(self, pull: Pull) -> None:
        roles = tuple(BusinessRole(party=CPO, role=role, business_name="Rco") for role in (Role.CPO, Role.EMSP))
        one = connected(pull.partner)
        tokens = Endpoint(module=Module.TOKENS, interface=Interface.SENDER, url=pull.partner.url("/s/tokens"))
        both = {"partner_roles": roles, "endpoints": (*one.endpoints, tokens), "our_sides": tuple(Side)}
        everything = one.model_copy(update=both)
        provider_only = everything.model_copy(update={"our_sides": (Side.EMSP,)})
        operator_only = everything.model_copy(update={"our_sides": (Side.CPO,)})
        assert set(pullable(provider_only)) == set(SENDERS)
        assert pullable(operator_only) == (Module.TOKENS,)
        assert set(pullable(everything)) == {*SENDERS, Module.TOKENS}

    async def test_a_look_at_everything_arranges_every_connection(self, pull: Pull) -> None:
        sweep = SweepActivities(resources(pull.store), pull.wake)
        await sweep.wake_unattended(SweepOrder(recent_s=600))
        assert pull.wake.of("arrange") == []
        await sweep.wake_unattended(SweepOrder())
        assert pull.wake.of("arrange") == [(HERE, LinkState.CONNECTED)]

    async def test_old_walks_are_forgotten_but_not_the_one_that_the_next_begins_from(self, pull: Pull) -> None:
        pull.shelf("locations", location("L1"))
        for delta in (False, True, True):
            await pull.run(Module.LOCATIONS, delta=delta)
        pull.now += KEPT_FOR * 2
        await pull.run(Module.LOCATIONS, delta=True)
        async with pull.store.transaction() as work:
            kept = [(crawl.sweep, crawl.since is None) for crawl in await work.sightings.crawls(HERE)]
        assert kept == [(False, False), (True, True)]
