"""What becomes of a CDR by each way in which a partner can answer it, and by what stands in the way of sending it."""

import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.billing import BillingActivities, SessionRef
from activities.delivery import DeliveryActivities, Dispatch, Standing, pause_before
from activities.resources import Resources
from adapters.contract import Interface, Module
from adapters.registry import build_registry
from adapters.transport.http import PartnerHttp
from canonical.identity import BusinessRole, ObjectId, PartyId, Role
from canonical.partner import ClientStatus, Endpoint, HubClient, LinkState
from canonical.session import SessionStatus
from canonical.store import CdrState, DeliveryState, Store, Undelivered
from canonical.store.cdr_decisions import have_replaced
from settlement.agreement import STANDARD
from settlement.cdr_generator import credit
from tests.adapters.transport.partner import Partner, enveloped, running_partner
from tests.api.recorder import Recorder
from tests.store.samples import EMSP, at, cdr, connection, context, dossier, of, reading, session, tariff
from tests.workflows.test_activities import LOCAL, resources

HUB = PartyId(country_code="FR", party_id="HUB")


@dataclass
class Desk:
    """An operator connected with one partner."""

    made: Resources
    partner: Partner
    ear: Recorder

    @property
    def store(self) -> Store:
        return self.made.store

    def at(self, when: datetime) -> "Desk":
        return replace(self, made=replace(self.made, clock=lambda: when))

    async def issue(self, id_: str = "C1") -> ObjectId:
        async with self.store.transaction() as work:
            issued = dossier(cdr(id_, session_id=f"S-{id_}"))
            await work.cdrs.add(issued, connection_id="emsp", ours=True, evidence_id=None)
        return of(id_)

    async def send(self, name: ObjectId, *, released: bool = False, attempt: int = 1) -> Standing:
        activities, environment = DeliveryActivities(self.made, self.ear), ActivityEnvironment()
        environment.info = replace(environment.info, attempt=attempt)
        return await environment.run(activities.deliver, Dispatch(name.key, "emsp", released))

    async def later(self, name: ObjectId) -> ApplicationError:
        with pytest.raises(ApplicationError) as failure:
            await self.send(name)
        assert not failure.value.non_retryable
        return failure.value

    async def row(self, name: ObjectId) -> Undelivered | None:
        async with self.store.transaction() as work:
            return await work.undelivered.get(name, "emsp")

    async def moves(self, state: LinkState) -> None:
        async with self.store.transaction() as work:
            kept = await work.connections.get("emsp", lock=True)
            await work.connections.save(kept.model_copy(update={"state": state}))

    async def agree(self, **terms: object) -> None:
        agreed = STANDARD.model_copy(update={"name": "tested", **terms})
        async with self.store.transaction() as work:
            await work.agreements.add(
                connection_id="emsp",
                ref=agreed.ref,
                document=agreed.model_dump_json(),
                agreed_by="a test",
                valid_from=at(0),
            )

    def accepts(self) -> None:
        """It takes any CDR, and gives the last one back."""
        self.partner.answers["POST", "/cdrs"] = enveloped(headers={"Location": self.partner.url("/cdrs/1")}, http=201)
        self.partner.answers["GET", "/cdrs/1"] = self._last

    async def _last(self, _: Request) -> Response:
        posted = [seen for seen in self.partner.seen if seen.method == "POST"][-1]
        return enveloped(json.loads(posted.body))

    def asked(self) -> list[str]:
        return [f"{seen.method} {seen.path}" for seen in self.partner.seen]


@pytest_asyncio.fixture
async def desk(store: Store) -> AsyncIterator[Desk]:
    async with running_partner() as partner, PartnerHttp(LOCAL, timeout_s=10) as http:
        made = replace(resources(store, http), clock=lambda: at(62))
        adapter = made.registry.by_key("ocpi-2.2.1/standard")
        url = Endpoint(module=Module.CDRS, interface=Interface.RECEIVER, url=partner.url("/cdrs"))
        linked = {"adapter": adapter.key, "version": adapter.version, "endpoints": (url,)}
        async with store.transaction() as work:
            await work.connections.add(connection().model_copy(update=linked))
            await work.access.keep_outbound("emsp", SecretStr("token-of-the-partner"), request_key="test")
        yield Desk(made, partner, Recorder(store))


def plain(http: int, body: bytes = b"<html>Oops</html>", **headers: str) -> Response:
    return Response(body, http, headers=headers, media_type="text/html")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(enveloped(http=429, status_code=2000), id="429"),
        pytest.param(enveloped(http=500, status_code=3000), id="500"),
        pytest.param(enveloped(http=500, status_code=1000), id="1000 under 500"),
        pytest.param(plain(502), id="502 of a proxy"),
        pytest.param(enveloped(http=503, status_code=3000), id="503"),
        pytest.param(enveloped(http=200, status_code=4002), id="a hub that timed out"),
    ],
)
async def test_what_time_may_mend_is_tried_again(desk: Desk, answer: Response) -> None:
    desk.partner.answers["POST", "/cdrs"] = answer
    name = await desk.issue()
    failure = await desk.later(name)
    assert failure.next_retry_delay is not None
    row = await desk.row(name)
    assert row is not None
    assert (row.state, row.attempts) == (DeliveryState.RETRYING, 1)
    assert row.reason == failure.message
    assert row.next_at == at(62) + failure.next_retry_delay
    async with desk.store.transaction() as work:
        assert await work.cdr_deliveries.receipts(name, "emsp") == ()
        assert await work.cases.list() == ()
    desk.accepts()
    assert (await desk.send(name)).state == "PROVED"


@pytest.mark.parametrize("how", ["nobody listens", "no answer in time", "an answer that breaks off"])
async def test_no_answer_is_tried_again(desk: Desk, how: str) -> None:
    name = await desk.issue()
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        if how == "no answer in time":
            silent.listen()
        if how == "an answer that breaks off":
            desk.partner.answers["POST", "/cdrs"] = plain(200, b"{", **{"content-length": "100"})
        else:
            await _moved(desk, f"http://127.0.0.1:{silent.getsockname()[1]}/cdrs")
        async with PartnerHttp(LOCAL, timeout_s=0.3) as impatient:
            hurried = replace(desk.made, http=impatient, registry=build_registry(impatient))
            await (replace(desk, made=hurried) if how == "no answer in time" else desk).later(name)
    row = await desk.row(name)
    assert row is not None
    assert (row.state, row.in_doubt) == (DeliveryState.RETRYING, True)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param(enveloped(http=400, status_code=2001, message="no total"), "no total", id="400"),
        pytest.param(enveloped(http=403, status_code=2000), "refused it: HTTP 403", id="403"),
        pytest.param(enveloped(http=404, status_code=2000), "refused it: HTTP 404", id="404"),
        pytest.param(plain(405), "refused it: HTTP 405", id="405"),
        pytest.param(enveloped(http=409, status_code=2001), "it may hold it from an attempt before", id="409"),
        pytest.param(enveloped(http=200, status_code=2000), "refused it: HTTP 200, OCPI 2000", id="2000"),
        pytest.param(enveloped(http=200, status_code=2001), "OCPI 2001", id="2001"),
        pytest.param(enveloped(http=200, status_code=2002), "OCPI 2002", id="2002"),
        pytest.param(enveloped(http=200, status_code=2003), "OCPI 2003", id="2003"),
        pytest.param(enveloped(http=200, status_code=3000), "OCPI 3000", id="3000"),
        pytest.param(enveloped(http=200, status_code=3001), "OCPI 3001", id="3001"),
        pytest.param(enveloped(http=200, status_code=3002), "OCPI 3002", id="3002"),
        pytest.param(enveloped(http=200, status_code=3003), "OCPI 3003", id="3003"),
    ],
)
async def test_a_no_is_put_before_a_person_with_its_words(desk: Desk, answer: Response, said: str) -> None:
    desk.partner.answers["POST", "/cdrs"] = answer
    name = await desk.issue()
    stands = await desk.send(name)
    assert (stands.state, stands.attention) == ("PARKED", True)
    assert said in stands.text
    async with desk.store.transaction() as work:
        (receipt,) = await work.cdr_deliveries.receipts(name, "emsp")
        (case,) = await work.cases.list()
    assert (receipt.outcome, case.kind) == ("REFUSED", "cdr-refused")
    before = len(desk.partner.seen)
    assert await desk.send(name) == stands  # nobody has released it
    assert len(desk.partner.seen) == before
    desk.accepts()
    assert (await desk.send(name, released=True)).state == "PROVED"


@pytest.mark.parametrize("body", [b"<html>Maintenance</html>", b'{"status_code": 1000, "timest'])
async def test_a_yes_that_nobody_understands_is_no_refusal(desk: Desk, body: bytes) -> None:
    desk.partner.answers["POST", "/cdrs"] = plain(200, body)
    name = await desk.issue()
    await desk.later(name)  # it may have been something in between
    row = await desk.row(name)
    assert row is not None
    assert row.in_doubt  # so that it is looked for before it is sent again
    stands = await desk.send(name, attempt=20)
    assert stands.state == "PARKED"
    assert "is not known" in stands.text
    assert "refused" not in stands.text
    row = await desk.row(name)
    assert row is not None
    assert row.in_doubt


async def test_what_we_cannot_send_was_not_refused(desk: Desk) -> None:
    name = await desk.issue()
    async with desk.store.transaction() as work:
        kept = await work.connections.get("emsp", lock=True)
        await work.connections.save(kept.model_copy(update={"endpoints": ()}))
    stands = await desk.send(name)
    assert stands.state == "PARKED"
    assert "nothing was sent" in stands.text
    assert "refused" not in stands.text
    async with desk.store.transaction() as work:
        assert [case.kind for case in await work.cases.list()] == ["cdr-not-sent"]
        assert await work.cdr_deliveries.receipts(name, "emsp") == ()


async def test_after_a_lost_answer_it_looks_before_it_sends_again(desk: Desk) -> None:
    name = await desk.issue()
    desk.partner.answers["POST", "/cdrs"] = enveloped(http=500, status_code=3000)
    await desk.later(name)
    sent = json.loads(desk.partner.last.body)
    desk.partner.answers["GET", f"/cdrs/{name.id}"] = enveloped(sent)
    assert (await desk.send(name)).state == "PROVED"
    path = f"/cdrs/{name.id}"
    assert desk.asked() == ["POST /cdrs", f"GET {path}", f"GET {path}"]


async def test_already_there_is_a_yes_only_if_it_gives_our_cdr_back(desk: Desk) -> None:
    desk.partner.answers["POST", "/cdrs"] = enveloped(http=409, status_code=2001, message="exists")
    held: dict[str, object] = {}

    async def back(_: Request) -> Response:
        return enveloped({**json.loads(desk.partner.seen[0].body), **held})

    ours, other = await desk.issue("C1"), await desk.issue("C2")
    desk.partner.answers["GET", "/cdrs/C1"] = desk.partner.answers["GET", "/cdrs/C2"] = back
    assert (await desk.send(ours)).state == "PROVED"
    desk.partner.seen.clear()
    held["total_energy"] = 11
    stands = await desk.send(other)
    assert stands.state == "PARKED"
    assert "did not give it back as we sent it" in stands.text


async def test_retry_after_is_kept_to_and_pauses_grow_apart(desk: Desk) -> None:
    name = await desk.issue()
    busy = enveloped(http=429, status_code=2000, headers={"Retry-After": "700"})
    desk.partner.answers["POST", "/cdrs"] = busy
    assert (await desk.later(name)).next_retry_delay == timedelta(seconds=700)
    row = await desk.row(name)
    assert row is not None
    assert not row.in_doubt  # it has done nothing
    pauses = [pause_before(attempt, "DE*RCO/C1") for attempt in range(2, 40)]
    assert pauses == [pause_before(attempt, "DE*RCO/C1") for attempt in range(2, 40)]
    assert timedelta(seconds=0.75) <= pauses[0] <= timedelta(seconds=1.25)
    assert timedelta(minutes=45) <= pauses[-1] <= timedelta(minutes=75)
    assert max(pause_before(attempt, "DE*RCO/C1", 300) for attempt in range(2, 40)) <= timedelta(minutes=6.25)
    assert len({pause_before(14, f"DE*RCO/C{number}") for number in range(50)}) > 40


async def test_after_the_time_that_was_agreed_a_person_decides(desk: Desk) -> None:
    await desk.agree(delivery_days=30)
    name = await desk.issue()
    desk.partner.answers["POST", "/cdrs"] = enveloped(http=500, status_code=3000)
    await desk.later(name)
    await desk.at(at(62) + timedelta(days=29)).later(name)
    stands = await desk.at(at(62) + timedelta(days=30)).send(name)
    assert stands.state == "PARKED"
    assert "has not taken it within 30 days: HTTP 500" in stands.text
    async with desk.store.transaction() as work:
        assert [case.kind for case in await work.cases.list()] == ["cdr-not-taken"]


async def test_a_connection_that_is_closed_is_not_called_and_counts_as_no_refusal(desk: Desk) -> None:
    name = await desk.issue()
    desk.accepts()
    await desk.moves(LinkState.SUSPENDED)
    stands = await desk.send(name)
    assert (stands.state, stands.attention) == ("HELD", False)
    assert "suspended" in stands.text
    assert desk.asked() == []
    async with desk.store.transaction() as work:
        kept = await work.cdrs.get(name, connection_id="emsp", ours=True)
        assert kept is not None
        assert kept.state is CdrState.GENERATED
        assert await work.cases.list() == ()
        assert await work.undelivered.due(at(60 * 24 * 400)) == ()  # nobody looks before it is open
    await desk.moves(LinkState.CONNECTED)
    async with desk.store.transaction() as work:
        assert await work.undelivered.due(at(0)) == ((name, "emsp"),)
    assert (await desk.send(name)).state == "PROVED"


async def test_a_token_that_is_not_accepted_holds_it_until_there_is_another(desk: Desk) -> None:
    name, desk = await desk.issue(), desk.at(datetime.now(UTC))
    desk.partner.answers["POST", "/cdrs"] = enveloped(http=401, status_code=2000)
    await desk.later(name)  # new tokens may be on their way
    stands = await desk.send(name, attempt=20)
    assert (stands.state, stands.attention) == ("HELD", True)
    assert "does not accept our token" in stands.text
    async with desk.store.transaction() as work:
        assert await work.cases.list() == ()
        assert await work.undelivered.due(datetime.now(UTC)) == ()
    async with desk.store.transaction() as work:
        await work.access.keep_outbound("emsp", SecretStr("another token"), request_key="renewal")
    async with desk.store.transaction() as work:
        assert await work.undelivered.due(datetime.now(UTC)) == ((name, "emsp"),)
    again = await desk.at(datetime.now(UTC)).send(name, attempt=20)
    assert again.state == "HELD"  # it does not accept that one either
    async with desk.store.transaction() as work:
        assert await work.undelivered.due(datetime.now(UTC)) == ()
        assert await work.undelivered.due(datetime.now(UTC) + timedelta(days=1)) == ((name, "emsp"),)
    desk.accepts()
    assert (await desk.send(name)).state == "PROVED"


async def test_a_client_that_its_hub_cannot_reach_is_waited_for(desk: Desk) -> None:
    name = await desk.issue()
    desk.accepts()
    away = HubClient(party=EMSP, role=Role.EMSP, status=ClientStatus.OFFLINE, last_updated=at(10))
    async with desk.store.transaction() as work:
        kept = await work.connections.get("emsp", lock=True)
        role = BusinessRole(party=HUB, role=Role.HUB, business_name="Hub")
        await work.connections.save(kept.model_copy(update={"hub": HUB, "partner_roles": (role,)}))
        await work.hub_clients.put(away, source="emsp")
    stands = await desk.send(name)
    assert stands.state == "HELD"
    assert "away" in stands.text
    assert desk.asked() == []
    async with desk.store.transaction() as work:
        back = away.model_copy(update={"status": ClientStatus.CONNECTED, "last_updated": at(70)})
        await work.hub_clients.put(back, source="emsp")
    async with desk.store.transaction() as work:
        assert await work.undelivered.due(at(0)) == ((name, "emsp"),)
    assert (await desk.send(name)).state == "PROVED"


async def test_in_order_means_that_each_waits_for_those_before_it(desk: Desk) -> None:
    await desk.agree(in_order=("cdrs",))
    first, second, third = [await desk.issue(id_) for id_ in ("C1", "C2", "C3")]
    desk.accepts()
    for waits in (third, second):
        stands = await desk.send(waits)
        assert stands.state == "WAITING_FOR_ITS_TURN"
        assert first.key in stands.text
    assert desk.asked() == []
    assert (await desk.send(first)).state == "PROVED"
    assert desk.ear.of("delivery_due") == [(second.key, "emsp")]
    desk.partner.answers["POST", "/cdrs"] = enveloped(http=400, status_code=2001)
    assert (await desk.send(second)).state == "PARKED"  # what a person decides on keeps nobody waiting
    assert desk.ear.of("delivery_due")[1:] == [(third.key, "emsp")]
    desk.accepts()
    assert (await desk.send(third)).state == "PROVED"


async def test_without_an_order_nobody_waits_but_a_credit_for_its_original(desk: Desk) -> None:
    original, other = await desk.issue("C1"), await desk.issue("C2")
    desk.accepts()
    async with desk.store.transaction() as work:
        kept = await work.cdrs.get(original, connection_id="emsp", ours=True)
        assert kept is not None
        taken_back = credit(kept.dossier, at(61), "C1-C")
        await work.cdrs.add(taken_back, connection_id="emsp", ours=True, evidence_id=None)
    assert (await desk.send(other)).state == "PROVED"
    assert (await desk.send(of("C1-C"))).state == "WAITING_FOR_ITS_TURN"
    assert (await desk.send(original)).state == "PROVED"
    async with desk.store.transaction() as work:
        assert await work.undelivered.due(at(0)) == ((of("C1-C"), "emsp"),)
    assert (await desk.send(of("C1-C"))).state == "PROVED"


async def _moved(desk: Desk, url: str) -> None:
    async with desk.store.transaction() as work:
        kept = await work.connections.get("emsp", lock=True)
        endpoint = Endpoint(module=Module.CDRS, interface=Interface.RECEIVER, url=url)
        await work.connections.save(kept.model_copy(update={"endpoints": (endpoint,)}))


async def test_a_corrected_cdr_takes_the_place_of_one_that_was_never_taken(desk: Desk) -> None:
    ended = session(status=SessionStatus.COMPLETED, energy="10").model_copy(update={"end": at(60)})
    async with desk.store.transaction() as work:
        await work.tariffs.put(tariff())
        await work.sessions.put(ended)
        await work.sessions.seal(context())
        for minutes, energy in ((0, "0"), (60, "10")):
            await work.sessions.add_reading(ended.object_id, reading(minutes, energy))
    made = await BillingActivities(desk.made).generate_cdr(SessionRef(ended.object_id.key, "emsp"))
    old = ObjectId.parse(str(made.cdr_key))
    desk.partner.answers["POST", "/cdrs"] = enveloped(http=400, status_code=2001, message="no signature")
    assert (await desk.send(old)).state == "PARKED"
    async with desk.store.transaction() as work:
        await have_replaced(work, old, "emsp", "the meter is registered now", at(63))
    for _ in range(2):
        assert (await desk.send(old)).state == "REPLACED"
    async with desk.store.transaction() as work:
        (stands,) = await work.undelivered.page(limit=10)
        both = await work.cdrs.by_session("S1", connection_id="emsp", ours=True)
        owed = await work.cdrs.between("emsp", ours=True, since=at(0), until=at(100))
        listed = await work.cdrs.page("emsp")
        events = await work.cdrs.events(stands.cdr, "emsp", True)
    new = stands.cdr
    assert new != old
    assert [stored.state for stored in both] == [CdrState.REPLACED, CdrState.GENERATED]
    keys = [stored.dossier.handles.idempotency_key for stored in both]
    assert keys[1] == f"{keys[0]}#2"
    assert [stored.dossier.cdr.object_id for stored in owed] == [new]
    assert ([listed_.object_id for listed_ in listed.items], listed.total) == ([new], 1)
    assert events[-1].text == f"after {old.id}: the meter is registered now"
    desk.accepts()
    assert (await desk.send(new)).state == "PROVED"
