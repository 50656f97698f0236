"""Registration over real HTTP, from both sides and in every version: how it goes, and how it is refused."""

import itertools
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response

from canonical.identity import PartyId, Role
from canonical.partner import LinkState, Side
from deploy.demo import cast
from deploy.demo.office import until
from deploy.embedded.temporal import EmbeddedTemporal
from tests.adapters.transport.partner import enveloped, running_partner
from tests.conftest import Databases
from tests.workflows.conftest import PAIR
from tests.workflows.pair import Player, playing
from tests.workflows.peer import VERSIONS, Peer, adapter_of, data_of, role
from workflows import ids
from workflows.sweep import Sweep

US = "DE*RCO"
_numbers = itertools.count(1)

COMBINATIONS = [c for n in range(1, len(VERSIONS) + 1) for c in itertools.combinations(VERSIONS, n)]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def us(temporal: EmbeddedTemporal, databases: Databases) -> AsyncIterator[Player]:
    """A deployment with both sides, at work."""
    settings = {
        "party": US,
        "business_name": "Roam Co",
        "sides": "CPO,EMSP",
        "secret_key": "k" * 40,
        "task_queue": "registration",
    }
    async with playing(settings, await databases.fresh(), temporal.address, PAIR[0]) as player:
        yield player


@pytest_asyncio.fixture
async def peer(us: Player) -> AsyncIterator[Peer]:
    """A provider that speaks the highest version."""
    async with running_partner() as partner:
        yield Peer(partner, us.built.settings.public_url, VERSIONS[0], roles=(role(f"NL*{next(_numbers):03}"),))


async def invite(us: Player, peer: Peer, sides: tuple[str, ...] = ("CPO",)) -> str:
    """A connection for a partner that begins; its id."""
    name = f"peer-{next(_numbers)}"
    order = {"id": name, "name": name, "sides": sides, "mode": "invite"}
    peer.token = (await us.office.post("/connections", order))["registration_token"]
    return name


async def connect(us: Player, peer: Peer) -> str:
    """A connection that the partner began; its id."""
    name = await invite(us, peer)
    peer.offers(peer.version)
    peer.token = token_in(await peer.credentials("POST"), peer.version)
    await settled(us, name, peer)
    return name


async def register(us: Player, peer: Peer, *, wait: bool = True) -> str:
    """A connection that we begin; its id."""
    name = f"peer-{next(_numbers)}"
    await us.office.post(
        "/connections",
        {
            "id": name,
            "name": name,
            "sides": ["CPO"],
            "mode": "register",
            "versions_url": peer.partner.url("/versions"),
            "token": "token-a-of-peer",
        },
    )
    if wait:
        await settled(us, name, peer)
    return name


async def settled(us: Player, name: str, peer: Peer) -> None:
    """Until the handshake has ended, for which a partner that has a token makes its first call."""
    if peer.token:
        await peer.call("GET", "/versions")
    assert await us.built.client.get_workflow_handle(ids.handshake(name)).result() == "CONNECTED"


async def given_up_at(us: Player, name: str, state: str) -> None:
    """Until the handshake is stuck there; then a person gives it up."""
    handle = us.built.client.get_workflow_handle(ids.handshake(name))

    async def stuck() -> bool:
        return await us.state(ids.handshake(name)) == state

    await until(state, stuck)
    await handle.signal("give_up")
    assert await handle.result() == "GIVEN_UP"


async def leave(us: Player, name: str) -> dict[str, Any]:
    return dict(await us.office._request("DELETE", f"/connections/{name}", None, {}))


async def state_of(us: Player, name: str) -> dict[str, Any]:
    return dict(await us.office.get(f"/connections/{name}"))


def token_in(response: httpx.Response, version: str) -> str:
    envelope(response, 200, 1000)
    body = response.content.split(b'"data":', 1)[1].rsplit(b',"status_code"', 1)[0]
    return adapter_of(version).read_credentials(body, (Side.CPO,)).token


def envelope(response: httpx.Response, http: int, code: int) -> str:
    body = response.json()
    assert (response.status_code, body["status_code"]) == (http, code), body
    assert response.headers["X-Request-ID"] == "request-of-peer"
    assert response.headers["X-Correlation-ID"] == "correlation-of-peer"
    return str(body["status_message"])


class TestThePartnerBegins:
    @pytest.mark.parametrize("version", VERSIONS)
    async def test_it_is_called_back_while_it_waits_and_then_connected(
        self, us: Player, peer: Peer, version: str
    ) -> None:
        peer.version = version
        name = await invite(us, peer)
        peer.offers(version)
        invitation = peer.token
        peer.token = token_in(await peer.credentials("POST"), version)
        assert [seen.path for seen in peer.partner.seen][:2] == ["/versions", f"/{version}"]
        assert peer.calls_with(peer.answered[-1])
        await settled(us, name, peer)
        found = await state_of(us, name)
        assert (found["state"], found["version"]) == ("CONNECTED", version)
        assert [r["party"]["party_id"] for r in found["partner_roles"]] == [peer.roles[0].party.party_id]
        assert token_in(await peer.credentials("GET"), version) == peer.token
        envelope(await peer.credentials("GET", token=invitation), 401, 2000)

    @pytest.mark.parametrize("version", VERSIONS)
    async def test_the_version_is_the_one_at_which_it_posts(self, us: Player, peer: Peer, version: str) -> None:
        peer.version = version
        name = await invite(us, peer)
        peer.offers(*VERSIONS)
        peer.token = token_in(await peer.credentials("POST"), version)
        assert (await state_of(us, name))["version"] == version

    async def test_a_lost_answer_is_mended_by_the_same_post(self, us: Player, peer: Peer) -> None:
        name = await invite(us, peer)
        peer.offers(peer.version)
        lost = token_in(await peer.credentials("POST"), peer.version)
        peer.token = token_in(await peer.credentials("POST"), peer.version)
        assert peer.token != lost
        await settled(us, name, peer)
        envelope(await peer.credentials("GET"), 200, 1000)
        envelope(await peer.credentials("GET", token=lost), 401, 2000)

    async def test_versions_and_details_are_open_to_a_registration_token(self, us: Player, peer: Peer) -> None:
        await invite(us, peer)
        listed = await peer.call("GET", "/versions")
        envelope(listed, 200, 1000)
        assert [each["version"] for each in listed.json()["data"]] == VERSIONS
        for each in listed.json()["data"]:
            details = await peer.call("GET", f"/{each['version']}")
            envelope(details, 200, 1000)
            data = details.json()["data"]
            assert data["version"] == each["version"]
            assert {"credentials", "locations", "cdrs"} <= {e["identifier"] for e in data["endpoints"]}
        envelope(await peer.call("GET", f"/{peer.version}/sender/locations"), 401, 2000)
        envelope(await peer.call("GET", f"/{peer.version}/sender/nonsense"), 401, 2000)
        envelope(await peer.credentials("PUT"), 405, 2000)
        envelope(await peer.credentials("DELETE"), 405, 2000)

    async def test_a_registered_partner_may_not_post(self, us: Player, peer: Peer) -> None:
        await connect(us, peer)
        answer = await peer.credentials("POST")
        envelope(answer, 405, 2000)
        assert answer.headers["Allow"] == "DELETE, GET, PUT"

    async def test_an_interface_that_cannot_be_used_is_3001(self, us: Player, peer: Peer) -> None:
        name = await invite(us, peer)
        peer.partner.answers["GET", "/versions"] = enveloped(http=401, status_code=2000)
        envelope(await peer.credentials("POST"), 200, 3001)
        peer.partner.answers["GET", "/versions"] = enveloped("nothing of the kind")
        envelope(await peer.credentials("POST"), 200, 3001)
        await self._may_come_again(us, peer, name)

    async def test_no_version_in_common_is_3002(self, us: Player, peer: Peer) -> None:
        name = await invite(us, peer)
        peer.offers(peer.version)
        older = [{"version": v, "url": peer.partner.url("/old")} for v in ("2.0", "2.2", "9.9-beta")]
        peer.partner.answers["GET", "/versions"] = enveloped(older)
        said = envelope(await peer.credentials("POST"), 200, 3002)
        assert peer.version in said
        await self._may_come_again(us, peer, name)

    @pytest.mark.parametrize(
        ("endpoints", "lacks"),
        [
            ((("tokens", "SENDER"),), "no credentials"),
            ((("credentials", "SENDER"),), "nothing that a EMSP has"),
            ((("credentials", "SENDER"), ("locations", "SENDER")), "nothing that a EMSP has"),
        ],
    )
    async def test_what_a_registration_needs_and_misses_is_3003(
        self, us: Player, peer: Peer, endpoints: tuple[tuple[str, str], ...], lacks: str
    ) -> None:
        name = await invite(us, peer)
        peer.offers(peer.version, endpoints=endpoints)
        assert lacks in envelope(await peer.credentials("POST"), 200, 3003)
        await self._may_come_again(us, peer, name)

    async def test_whoever_plays_no_counterpart_is_refused(self, us: Player, peer: Peer) -> None:
        await invite(us, peer)
        peer.offers(peer.version)
        for wrong in ((role("NL*OPR", Role.CPO),), (role(US),)):
            peer.roles = wrong
            assert "roles" in envelope(await peer.credentials("POST"), 200, 2001)

    async def test_nobody_takes_another_ones_party(
        self, us: Player, peer: Peer, caplog: pytest.LogCaptureFixture
    ) -> None:
        name = await connect(us, peer)
        other = await invite(us, peer)
        envelope(await peer.credentials("POST"), 200, 2001)
        assert f"connection {other} claimed {peer.roles[0].party} of {name}" in security(caplog)

    async def _may_come_again(self, us: Player, peer: Peer, name: str) -> None:
        """The refusal has used nothing up."""
        peer.offers(peer.version)
        peer.token = token_in(await peer.credentials("POST"), peer.version)
        await settled(us, name, peer)
        assert (await state_of(us, name))["state"] == "CONNECTED"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("strange", [False, True], ids=["as its version", "its own way"])
async def test_the_token_is_spelt_as_the_partner_wants_it(
    us: Player, peer: Peer, version: str, *, strange: bool
) -> None:
    """Some of every version want it raw, and some in Base64; which one is found out once, and kept."""
    peer.version = version
    peer.offers(version)
    peer.takes_registrations()
    adapter = adapter_of(version)
    spelling = adapter.token_spellings[1 if strange else 0]
    for place, answer in list(peer.partner.answers.items()):
        peer.partner.answers[place] = only_with(peer, spelling, answer)
    name = await register(us, peer)
    assert (await state_of(us, name))["token_spelling"] == (spelling if strange else None)
    token = peer.answered[-1]
    heard = [seen.headers["authorization"] for seen in peer.partner.seen]
    assert heard[-1] == adapter.encode_token(token, spelling)
    other = next(each for each in adapter.token_spellings if each != spelling)
    assert adapter.encode_token(token, other) not in heard


def only_with(peer: Peer, spelling: str, answer: Any) -> Any:
    """The answer for those who spell the peer's tokens like that; 401 for all others."""

    async def answered(request: Request) -> Response:
        adapter = adapter_of(peer.version)
        known = ["token-a-of-peer", *peer.answered]
        if request.headers["authorization"] not in [adapter.encode_token(token, spelling) for token in known]:
            return enveloped(http=401, status_code=2000)
        return answer if isinstance(answer, Response) else await answer(request)

    return answered


class TestWeBegin:
    @pytest.mark.parametrize("version", VERSIONS)
    async def test_our_token_works_while_our_post_is_open(self, us: Player, peer: Peer, version: str) -> None:
        peer.version = version
        peer.offers(version)
        peer.takes_registrations()
        name = await register(us, peer)
        (ours,) = peer.posted
        assert ours.versions_url == f"{peer.ours}/ocpi/versions"
        assert [r.party.key for r in ours.roles] == [US]
        found = await state_of(us, name)
        assert (found["state"], found["version"]) == ("CONNECTED", version)
        assert peer.calls_with("token-a-of-peer")
        assert peer.calls_with(peer.answered[-1])
        assert token_in(await peer.credentials("GET"), version) == ours.token

    @pytest.mark.parametrize("offered", COMBINATIONS, ids="+".join)
    async def test_the_highest_version_in_common_wins(self, us: Player, peer: Peer, offered: tuple[str, ...]) -> None:
        peer.version = max(offered, key=lambda version: [int(part) for part in version.split(".")])
        peer.offers(*sorted(offered))
        peer.takes_registrations()
        assert (await state_of(us, await register(us, peer)))["version"] == peer.version

    async def test_a_lost_answer_is_mended_with_the_same_token(self, us: Player, peer: Peer) -> None:
        peer.offers(peer.version)
        peer.takes_registrations()
        path = f"/{peer.version}/sender/credentials"
        take, tried = peer._take, []

        async def lose_the_first(request: Any) -> Any:
            answer = await take(request)
            tried.append(answer)
            return enveloped(http=502) if len(tried) == 1 else answer

        peer.partner.answers["POST", path] = lose_the_first
        await register(us, peer)
        first, second = peer.posted
        assert first.token == second.token

    async def test_a_partner_without_what_is_needed_is_not_posted_to(self, us: Player, peer: Peer) -> None:
        peer.offers(peer.version, endpoints=(("credentials", "SENDER"),))
        peer.takes_registrations()
        name = await register(us, peer, wait=False)
        await given_up_at(us, name, "STUCK_DISCOVERING")
        assert peer.posted == []

    async def test_a_partner_whose_roles_do_not_meet_ours_is_not_connected(self, us: Player, peer: Peer) -> None:
        peer.roles = (role("NL*OPR", Role.CPO),)
        peer.version = next(v for v in VERSIONS if adapter_of(v).routed)
        peer.offers(peer.version)
        peer.takes_registrations()
        name = await register(us, peer, wait=False)
        await given_up_at(us, name, "STUCK_EXCHANGING")
        assert (await state_of(us, name))["state"] == "PLANNED"


class TestRenewal:
    async def test_by_the_partner(self, us: Player, peer: Peer) -> None:
        name = await connect(us, peer)
        old = peer.token
        new = token_in(await peer.credentials("PUT"), peer.version)
        envelope(await peer.call("GET", "/versions", token=old), 200, 1000)
        envelope(await peer.credentials("GET", token=new), 200, 1000)
        envelope(await peer.call("GET", "/versions", token=old), 401, 2000)
        await settled(us, name, peer)
        assert peer.calls_with(peer.answered[-1])

    async def test_its_old_token_lives_when_the_answer_was_lost(self, us: Player, peer: Peer) -> None:
        await connect(us, peer)
        token_in(await peer.credentials("PUT"), peer.version)
        peer.token = token_in(await peer.credentials("PUT"), peer.version)
        envelope(await peer.credentials("GET"), 200, 1000)

    async def test_one_that_fails_changes_nothing(self, us: Player, peer: Peer) -> None:
        name = await connect(us, peer)
        before = await state_of(us, name)
        peer.partner.answers["GET", "/versions"] = enveloped(http=500)
        envelope(await peer.credentials("PUT"), 200, 3001)
        assert await state_of(us, name) == before
        envelope(await peer.credentials("GET"), 200, 1000)
        async with us.built.services.store.transaction() as unit:
            assert (await unit.access.outbound(name)).get_secret_value() == peer.answered[0]

    async def test_with_another_version_changes_the_version(self, us: Player, peer: Peer) -> None:
        name = await connect(us, peer)
        peer.offers(*VERSIONS)
        for version in VERSIONS:
            answer = await peer.credentials("PUT", version=version)
            peer.token, peer.version = token_in(answer, version), version
            found = await state_of(us, name)
            assert (found["version"], found["adapter"]) == (version, adapter_of(version).key)
            assert f"/{version}/" in found["endpoints"][0]["url"]
            envelope(await peer.credentials("GET"), 200, 1000)

    async def test_by_us(self, us: Player, peer: Peer) -> None:
        peer.offers(peer.version)
        peer.takes_registrations()
        name = await register(us, peer)
        before = peer.answered[-1]
        await us.office.post(f"/connections/{name}/renew")
        await settled(us, name, peer)
        first, second = peer.posted
        assert first.token != second.token
        assert [seen.method for seen in peer.calls_with(before)].count("PUT") == 1
        assert peer.calls_with(peer.answered[-1])
        envelope(await peer.credentials("GET"), 200, 1000)
        envelope(await peer.credentials("GET", token=first.token), 401, 2000)

    async def test_by_us_with_a_higher_version_that_it_has_now(self, us: Player, peer: Peer) -> None:
        highest, *_, lowest = VERSIONS
        peer.version = lowest
        peer.offers(lowest)
        peer.takes_registrations()
        name = await register(us, peer)
        before = peer.posted[-1].token
        assert (await state_of(us, name))["version"] == lowest
        peer.offers(*VERSIONS)
        peer.version = highest
        peer.takes_registrations()
        await us.office.post(f"/connections/{name}/renew")
        await settled(us, name, peer)
        found = await state_of(us, name)
        assert (found["version"], found["adapter"]) == (highest, adapter_of(highest).key)
        assert all(f"/{highest}/" in endpoint["url"] for endpoint in found["endpoints"])
        assert ("PUT", f"/{highest}/sender/credentials") in [(seen.method, seen.path) for seen in peer.partner.seen]
        envelope(await peer.credentials("GET"), 200, 1000)
        envelope(await peer.credentials("GET", token=before), 401, 2000)


class TestALostAnswer:
    """The partner has taken our credentials, and we never heard what it said to them."""

    @staticmethod
    def loses_the_first(peer: Peer, after: Response) -> str:
        """The path of its credentials: the first POST is taken and its answer lost; from then on POST gets this."""
        peer.offers(peer.version)
        peer.takes_registrations()
        path, take = f"/{peer.version}/sender/credentials", peer._take

        async def lose(request: Request) -> Response:
            await take(request)
            peer.partner.answers["POST", path] = after
            return enveloped(http=502)

        peer.partner.answers["POST", path] = lose
        return path

    @staticmethod
    def asked(peer: Peer, path: str) -> list[str]:
        return [seen.method for seen in peer.partner.seen if seen.path == path]

    async def test_post_has_become_put(self, us: Player, peer: Peer) -> None:
        path = self.loses_the_first(peer, enveloped(http=405, status_code=2000))
        name = await register(us, peer)
        assert self.asked(peer, path)[:3] == ["POST", "POST", "PUT"]
        assert len({ours.token for ours in peer.posted}) == 1
        async with us.built.services.store.transaction() as unit:
            assert (await unit.access.outbound(name)).get_secret_value() == peer.answered[-1]

    async def test_it_is_read_where_it_can_only_be_read(self, us: Player, peer: Peer) -> None:
        path = self.loses_the_first(peer, enveloped(http=405, status_code=2000))
        peer.partner.answers["PUT", path] = enveloped(http=405, status_code=2000)

        async def read(_: Request) -> Response:
            return data_of(adapter_of(peer.version).write_credentials(peer.own_credentials(peer.answered[-1])))

        peer.partner.answers["GET", path] = read
        name = await register(us, peer)
        assert self.asked(peer, path)[:4] == ["POST", "POST", "PUT", "GET"]
        async with us.built.services.store.transaction() as unit:
            assert (await unit.access.outbound(name)).get_secret_value() == peer.answered[-1]

    async def test_a_person_is_asked_for_a_token_where_nothing_else_helps(self, us: Player, peer: Peer) -> None:
        path = self.loses_the_first(peer, enveloped(http=401, status_code=2000))
        for method in ("PUT", "GET"):
            peer.partner.answers[method, path] = enveloped(http=401, status_code=2000)
        name = await register(us, peer, wait=False)

        async def stuck() -> bool:
            return self.asked(peer, path).count("POST") >= 2

        await until("the second attempt", stuck)
        assert set(self.asked(peer, path)) == {"POST"}  # a token that is not known is not tried in every other way
        view = await until("the words", lambda: self._said(us, name))
        assert view["process"]["state"] == "STUCK_EXCHANGING"
        assert "its answer was lost" in view["process"]["waiting_for"]
        assert "roam handshake token" in view["process"]["next_action"]

        peer.takes_registrations()
        del peer.partner.answers["GET", path]
        await us.office.post(f"/connections/{name}/handshake/token", {"token": "token-a-anew"})
        await settled(us, name, peer)
        assert [seen.method for seen in peer.calls_with("token-a-anew")].count("POST") == 1

    async def test_the_token_before_does_where_the_newer_one_was_never_made_good(self, us: Player, peer: Peer) -> None:
        peer.offers(peer.version)
        peer.takes_registrations()
        name = await register(us, peer)
        good = peer.answered[-1]
        async with us.built.services.store.transaction() as unit:
            await unit.access.keep_outbound(name, SecretStr("never-good"), request_key="lost")
        path, take = f"/{peer.version}/sender/credentials", peer._take

        async def only_with_the_good_one(request: Request) -> Response:
            if request.headers["authorization"] != adapter_of(peer.version).encode_token(good):
                return enveloped(http=401, status_code=2000)
            return await take(request)

        peer.partner.answers["PUT", path] = only_with_the_good_one
        await us.office.post(f"/connections/{name}/renew")
        await settled(us, name, peer)
        async with us.built.services.store.transaction() as unit:
            (held,) = await unit.access.held(name)
        assert held.token.get_secret_value() == peer.answered[-1]

    async def _said(self, us: Player, name: str) -> dict[str, Any] | None:
        view = dict(await us.office.get(f"/connections/{name}/handshake"))
        process = view["process"]
        return view if process and process["waiting_for"] and process["attention"] else None


class TestTheEnd:
    async def test_the_partner_leaves(self, us: Player, peer: Peer) -> None:
        name = await connect(us, peer)
        envelope(await peer.credentials("DELETE"), 200, 1000)
        envelope(await peer.call("GET", "/versions"), 401, 2000)
        assert (await state_of(us, name))["state"] == "UNREGISTERED"
        async with us.built.services.store.transaction() as unit:
            assert not await unit.access.can_call(name)

    async def test_we_leave(self, us: Player, peer: Peer) -> None:
        peer.offers(peer.version)
        peer.takes_registrations()
        name = await register(us, peer)
        token = peer.answered[-1]
        assert (await leave(us, name))["state"] == "UNREGISTERED"
        envelope(await peer.call("GET", "/versions"), 401, 2000)
        assert await us.built.client.get_workflow_handle(ids.unregistration(name)).result() == "TOLD"
        assert [seen.method for seen in peer.calls_with(token)].count("DELETE") == 1
        async with us.built.services.store.transaction() as unit:
            assert not await unit.access.can_call(name)

    async def test_a_partner_that_has_forgotten_us_is_no_obstacle(self, us: Player, peer: Peer) -> None:
        name = await connect(us, peer)  # it has no DELETE of its own, and answers with 404
        await leave(us, name)
        assert await us.built.client.get_workflow_handle(ids.unregistration(name)).result() == "TOLD"

    async def test_after_it_comes_a_new_beginning(self, us: Player, peer: Peer) -> None:
        name = await connect(us, peer)
        envelope(await peer.credentials("DELETE"), 200, 1000)
        reopened = await us.office.post(f"/connections/{name}/reopen", {"mode": "invite"})
        assert reopened["connection"]["state"] == "PLANNED"
        peer.token = reopened["registration_token"]
        peer.token = token_in(await peer.credentials("POST"), peer.version)
        await settled(us, name, peer)
        envelope(await peer.credentials("GET"), 200, 1000)

    async def test_a_connection_may_rest(self, us: Player, peer: Peer, caplog: pytest.LogCaptureFixture) -> None:
        name = await connect(us, peer)
        assert (await us.office.post(f"/connections/{name}/suspend"))["state"] == "SUSPENDED"
        for path in ("/versions", f"/{peer.version}/sender/credentials", f"/{peer.version}/sender/locations"):
            envelope(await peer.call("GET", path), 401, 2000)
        assert f"connection {name} is SUSPENDED and called" in security(caplog)
        assert (await us.office.post(f"/connections/{name}/resume"))["state"] == LinkState.CONNECTED
        envelope(await peer.credentials("GET"), 200, 1000)


@pytest.mark.parametrize("reachable", [True, False])
@pytest.mark.parametrize("end", ["SUSPENDED", "UNREGISTERED"])
async def test_who_is_shut_out_does_not_come_in_again_by_a_registration_under_way(
    us: Player, peer: Peer, end: str, *, reachable: bool
) -> None:
    """It is the partner who says how long a renewal takes: longer than it takes an operator to shut the door."""
    name = await connect(us, peer)
    versions = peer.partner.answers["GET", "/versions"]

    async def shut_out(_: Request) -> Response:
        # The door is closed once; the workflow may come back for another try.
        peer.partner.answers["GET", "/versions"] = versions if reachable else enveloped(http=404, status_code=2000)
        await (us.office.post(f"/connections/{name}/suspend") if end == "SUSPENDED" else leave(us, name))
        answer = peer.partner.answers["GET", "/versions"]
        assert isinstance(answer, Response)
        return answer

    peer.partner.answers["GET", "/versions"] = shut_out
    await peer.credentials("PUT")
    assert (await state_of(us, name))["state"] == end
    envelope(await peer.call("GET", "/versions"), 401, 2000)


async def test_what_changes_while_a_connection_rests_is_told_afterwards(us: Player, peer: Peer) -> None:
    name = await invite(us, peer)
    own = (("credentials", "SENDER"), ("tokens", "SENDER"), ("locations", "RECEIVER"))
    peer.offers(peer.version, endpoints=own)
    peer.token = token_in(await peer.credentials("POST"), peer.version)
    await settled(us, name, peer)
    await us.office.post(f"/connections/{name}/suspend")
    place = f"L-{name}"
    path = f"/{peer.version}/receiver/locations/{US.replace('*', '/')}/{place}"
    peer.partner.answers["PUT", path] = enveloped()
    before = len(peer.partner.seen)
    await us.office.put(f"/locations/{place}", cast.LOCATIONS["L1"])

    async def waits() -> bool:
        async with us.built.services.store.transaction() as unit:
            return await unit.outbox.waiting(name) == 1

    async def told() -> bool:
        return any((seen.method, seen.path) == ("PUT", path) for seen in peer.partner.seen)

    assert await waits()
    sweep = us.built.settings.task_queue
    await us.built.client.execute_workflow(Sweep.run, id=f"sweep-{name}", task_queue=sweep)
    assert await waits()
    assert len(peer.partner.seen) == before
    await us.office.post(f"/connections/{name}/resume")
    await until("the location at the partner", told)


async def test_whom_a_partner_speaks_for_is_read_again(us: Player, peer: Peer) -> None:
    peer.version = next(v for v in VERSIONS if adapter_of(v).routed)
    name = await connect(us, peer)
    peer.roles = (*peer.roles, role("NL*NEW"))
    own = adapter_of(peer.version).write_credentials(peer.own_credentials("not-to-be-used"))
    peer.partner.answers["GET", f"/{peer.version}/sender/credentials"] = data_of(own)
    found = await us.office.post(f"/connections/{name}/refresh")
    assert [PartyId(**r["party"]).key for r in found["partner_roles"]] == [r.party.key for r in peer.roles]
    async with us.built.services.store.transaction() as unit:
        assert (await unit.access.outbound(name)).get_secret_value() == peer.answered[-1]


async def test_a_wrong_token_is_a_security_event(us: Player, peer: Peer, caplog: pytest.LogCaptureFixture) -> None:
    envelope(await peer.call("GET", "/versions", token="not-a-token"), 401, 2000)
    assert "a request came with an unknown token" in security(caplog)
    await invite(us, peer)
    envelope(await peer.call("GET", f"/{peer.version}/sender/cdrs"), 401, 2000)
    assert "used a registration token on 'cdrs'" in security(caplog)


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
async def test_methods_that_the_protocol_does_not_have(us: Player, peer: Peer, method: str) -> None:
    await connect(us, peer)
    for path in ("/versions", f"/{peer.version}", f"/{peer.version}/sender/credentials"):
        answer = await peer.call(method, path)
        assert answer.status_code == 405
        assert "GET" in answer.headers["Allow"]
        assert answer.headers["X-Request-ID"] == "request-of-peer"
        assert (answer.content == b"") is (method == "HEAD")


def security(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(r.getMessage() for r in caplog.records if r.name == "roamwork.security")
