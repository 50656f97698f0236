"""A hub as partner: who speaks behind it, whose objects it passes on, and what each of them may read."""

from typing import Any

import httpx
import pytest
import pytest_asyncio

from canonical.identity import BusinessRole, ObjectId, PartyId, Role
from canonical.partner import ClientStatus, Connection, Endpoint, HubClient, LinkState, Side
from canonical.store import AccessPurpose
from tests.api.documents import EARLY, LATER, cdr, location, session, tariff, token
from tests.api.partner import ADAPTER, NOW, US, Deployment, Partner
from tests.store import samples

HUB = PartyId.parse("DE*HUB")
CLIENT = "/receiver/hubclientinfo"
LOCATION = "/receiver/locations/BE/BEC/L1"


@pytest_asyncio.fixture
async def hub(roam: Deployment) -> Partner:
    """A hub to which we are connected with both sides. It has told of an operator and of a provider behind it."""
    connection = Connection(
        id="hub",
        name="hub",
        our_sides=(Side.CPO, Side.EMSP),
        our_party=US,
        state=LinkState.CONNECTED,
        partner_roles=(BusinessRole(party=HUB, role=Role.HUB, business_name="Hub"),),
        version=ADAPTER.version,
        adapter=ADAPTER.key,
        endpoints=(
            Endpoint(module="locations", interface="SENDER", url="https://hub.example/locations"),
            Endpoint(module="hubclientinfo", interface="SENDER", url="https://hub.example/clients"),
        ),
        connected_at=NOW,
        hub=HUB,
    )
    async with roam.store.transaction() as unit:
        await unit.connections.add(connection)
        access = await unit.access.issue("hub", AccessPurpose.ACCESS, "test")
        for party, role in (("BE*BEC", Role.CPO), ("DE*MOB", Role.EMSP), ("NL*TWO", Role.EMSP)):
            await unit.hub_clients.put(client(party, role), source="hub")
    return Partner(roam, connection, access.get_secret_value(), PartyId.parse("BE*BEC"))


def client(party: str, role: Role, status: ClientStatus = ClientStatus.CONNECTED) -> HubClient:
    return HubClient(party=PartyId.parse(party), role=role, status=status, last_updated=NOW)


def info(party: str, role: str = "CPO", status: str = "CONNECTED", at: str = EARLY) -> dict[str, str]:
    country, code = party.split("*")
    return {"country_code": country, "party_id": code, "role": role, "status": status, "last_updated": at}


def speaking(party: str) -> dict[str, str]:
    country, code = party.split("*")
    return {"OCPI-from-country-code": country, "OCPI-from-party-id": code}


def ok(response: httpx.Response, status: int = 200) -> Any:
    body = response.json()
    assert (response.status_code, body["status_code"]) == (status, 1000), body
    return body.get("data")


def no(response: httpx.Response, status: int, code: int) -> str:
    body = response.json()
    assert (response.status_code, body["status_code"]) == (status, code), body
    return str(body["status_message"])


def security(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.name == "roamwork.security"]


class TestClients:
    async def test_are_told_and_read_by_party(self, hub: Partner):
        ok(await hub.request("PUT", f"{CLIENT}/NL/ABC", json=info("NL*ABC", "EMSP", "PLANNED")), 201)
        ok(await hub.request("PUT", f"{CLIENT}/nl/abc", json=info("NL*ABC", "EMSP", "CONNECTED", LATER)))
        ok(await hub.request("PUT", f"{CLIENT}/NL/ABC", json=info("NL*ABC", "EMSP", "OFFLINE")))  # it is late
        assert ok(await hub.request("GET", f"{CLIENT}/NL/ABC")) == info("NL*ABC", "EMSP", "CONNECTED", LATER)
        no(await hub.request("GET", f"{CLIENT}/NL/XYZ"), 404, 2001)

    async def test_two_roles_of_a_party_do_not_overwrite_each_other(self, hub: Partner):
        ok(await hub.request("PUT", f"{CLIENT}/NL/ABC", json=info("NL*ABC", "EMSP")), 201)
        ok(await hub.request("PUT", f"{CLIENT}/NL/ABC", json=info("NL*ABC", "CPO", at=LATER)), 201)
        async with hub.deployment.store.transaction() as unit:
            known = await unit.hub_clients.all(source="hub")
        assert {c.role for c in known if c.party.key == "NL*ABC"} == {Role.CPO, Role.EMSP}
        assert ok(await hub.request("GET", f"{CLIENT}/NL/ABC"))["role"] == "CPO"

    async def test_the_body_names_the_party_of_the_url(self, hub: Partner):
        no(await hub.request("PUT", f"{CLIENT}/NL/ABC", json=info("NL*XYZ")), 200, 2001)
        no(await hub.request("PUT", f"{CLIENT}/NLD/ABC", json=info("NL*ABC")), 404, 2001)

    async def test_need_no_routing_headers_and_get_none(self, hub: Partner):
        response = await hub.request("PUT", f"{CLIENT}/NL/ABC", json=info("NL*ABC"), headers=speaking("XX*XXX"))
        ok(response, 201)
        assert "OCPI-to-party-id" not in response.headers

    async def test_are_nobodys_business_but_a_hubs(self, operator: Partner, caplog: pytest.LogCaptureFixture):
        no(await operator.request("PUT", f"{CLIENT}/NL/ABC", json=info("NL*ABC")), 404, 2001)
        no(await operator.request("GET", f"{CLIENT}/NL/ABC"), 404, 2001)
        assert security(caplog)[0] == "connection operator is no hub and told of NL*ABC"

    async def test_what_a_client_changed_while_it_was_away_is_fetched(self, hub: Partner):
        offline = info("BE*BEC", "CPO", "OFFLINE", "2026-04-01T00:00:00Z")
        back = info("BE*BEC", "CPO", "CONNECTED", "2026-04-02T00:00:00Z")
        ok(await hub.request("PUT", f"{CLIENT}/BE/BEC", json=offline))
        assert hub.deployment.signals.of("pull") == []
        for _ in range(2):
            ok(await hub.request("PUT", f"{CLIENT}/BE/BEC", json=back))
        assert hub.deployment.signals.of("pull") == [("hub", "locations")]


class TestWhoSpeaks:
    async def test_a_client_is_answered_by_name(self, hub: Partner):
        response = await hub.request("PUT", LOCATION, json=location())
        ok(response, 201)
        assert response.headers["OCPI-to-party-id"] == "BEC"
        assert response.headers["OCPI-from-party-id"] == US.party_id

    async def test_a_broadcast_comes_from_the_hub_and_keeps_its_owner(self, hub: Partner):
        response = await hub.request("PUT", LOCATION, json=location(), headers=speaking("DE*HUB"))
        ok(response, 201)
        assert response.headers["OCPI-to-party-id"] == "HUB"
        assert ok(await hub.request("GET", LOCATION))["party_id"] == "BEC"
        ok(
            await hub.request("PUT", "/receiver/tokens/DE/MOB/04A1B2C3", json=token(), headers=speaking("DE*HUB")),
            201,
        )

    async def test_without_a_name_it_is_the_hub_itself(self, hub: Partner):
        absent = {"OCPI-from-country-code": "", "OCPI-from-party-id": ""}
        response = await hub.request("GET", "/sender/locations", headers=absent)
        ok(response)
        assert response.headers["OCPI-to-party-id"] == "HUB"

    async def test_who_is_not_behind_the_hub_is_refused(self, hub: Partner, caplog: pytest.LogCaptureFixture):
        no(await hub.request("PUT", LOCATION, json=location(), headers=speaking("XX*XXX")), 404, 2001)
        foreign = location(country_code="XX", party_id="XXX")
        path = "/receiver/locations/XX/XXX/L1"
        no(await hub.request("PUT", path, json=foreign, headers=speaking("DE*HUB")), 404, 2001)
        no(await hub.request("PUT", LOCATION, json=foreign), 200, 2001)
        bill = cdr(country_code="XX", party_id="XXX")
        no(await hub.request("POST", "/receiver/cdrs", json=bill), 404, 2001)
        assert security(caplog) == [
            "connection hub spoke for the foreign party XX*XXX",
            "connection hub addressed locations of the foreign party XX*XXX",
            "connection hub sent locations of the foreign party XX*XXX",
            "connection hub sent cdrs of the foreign party XX*XXX",
        ]

    async def test_a_client_does_not_touch_what_is_anothers(self, hub: Partner, caplog: pytest.LogCaptureFixture):
        async with hub.deployment.store.transaction() as unit:
            await unit.hub_clients.put(client("BE*TWO", Role.CPO), source="hub")
        no(await hub.request("PUT", LOCATION, json=location(), headers=speaking("BE*TWO")), 200, 2001)
        no(await hub.request("POST", "/receiver/cdrs", json=cdr(), headers=speaking("BE*TWO")), 200, 2001)
        assert security(caplog)[0] == "connection hub, as BE*TWO, touched locations of BE*BEC"
        async with hub.deployment.store.transaction() as unit:
            assert await unit.locations.all(source="hub") == ()

    async def test_a_cdr_is_read_back_by_its_sender_alone(self, hub: Partner):
        async with hub.deployment.store.transaction() as unit:
            await unit.hub_clients.put(client("BE*TWO", Role.CPO), source="hub")
        posted = await hub.request("POST", "/receiver/cdrs", json=cdr())
        address = httpx.URL(posted.headers["Location"]).path.partition("/ocpi/2.2.1")[2]
        no(await hub.request("GET", address, headers=speaking("BE*TWO")), 404, 2001)
        for party in ("BE*BEC", "DE*HUB"):
            assert ok(await hub.request("GET", address, headers=speaking(party)))["id"] == cdr()["id"]

    async def test_a_provider_owns_no_locations(self, hub: Partner):
        path, own = "/receiver/locations/DE/MOB/L1", location(country_code="DE", party_id="MOB")
        no(await hub.request("PUT", path, json=own, headers=speaking("DE*HUB")), 404, 2001)
        no(await hub.request("PUT", path, json=own, headers=speaking("DE*MOB")), 404, 2001)

    @pytest.mark.parametrize(
        ("status", "known"),
        [
            (ClientStatus.CONNECTED, True),
            (ClientStatus.OFFLINE, True),
            (ClientStatus.PLANNED, True),
            (ClientStatus.SUSPENDED, False),
        ],
    )
    async def test_a_suspended_client_is_not_heard(self, hub: Partner, status: ClientStatus, known: bool):
        async with hub.deployment.store.transaction() as unit:
            await unit.hub_clients.put(client("BE*BEC", Role.CPO, status), source="hub")
        response = await hub.request("PUT", LOCATION, json=location())
        assert response.status_code == (201 if known else 404)

    async def test_nobody_behind_a_hub_is_us(self, hub: Partner):
        async with hub.deployment.store.transaction() as unit:
            await unit.hub_clients.put(client(US.key, Role.CPO), source="hub")
        no(await hub.request("GET", LOCATION, headers=speaking(US.key)), 404, 2001)

    async def test_what_is_for_somebody_else_is_refused(self, hub: Partner):
        to = {"OCPI-to-country-code": "DE", "OCPI-to-party-id": "HUB"}
        no(await hub.request("GET", "/sender/locations", headers=to), 200, 2001)

    async def test_the_parties_of_its_credentials_speak_too(self, hub: Partner):
        named = BusinessRole(party=PartyId.parse("FR*CRD"), role=Role.CPO, business_name="In credentials")
        async with hub.deployment.store.transaction() as unit:
            connection = await unit.connections.get("hub")
            roles = (*connection.partner_roles, named)
            await unit.connections.save(connection.model_copy(update={"partner_roles": roles}))
        path, own = "/receiver/locations/FR/CRD/L1", location(country_code="FR", party_id="CRD")
        ok(await hub.request("PUT", path, json=own, headers=speaking("FR*CRD")), 201)
        async with hub.deployment.store.transaction() as unit:
            await unit.hub_clients.put(client("FR*CRD", Role.CPO, ClientStatus.SUSPENDED), source="hub")
        no(await hub.request("PUT", path, json=own, headers=speaking("FR*CRD")), 404, 2001)

    async def test_only_the_parties_of_a_request_are_looked_up(self, hub: Partner, monkeypatch: pytest.MonkeyPatch):
        from canonical.store.hub_clients import HubClientRepository

        asked: list[list[str]] = []
        speakers = HubClientRepository.speakers

        async def counted(self: HubClientRepository, connection: Connection, parties: Any, *rest: Any) -> Any:
            asked.append([party.key for party in parties])
            return await speakers(self, connection, parties, *rest)

        monkeypatch.setattr(HubClientRepository, "speakers", counted)
        ok(await hub.request("PUT", LOCATION, json=location(), headers=speaking("DE*HUB")), 201)
        assert asked == [["DE*HUB", "BE*BEC"]]


class TestWhatIsRead:
    async def test_a_provider_reads_the_sessions_and_cdrs_of_its_own_drivers(self, hub: Partner):
        roam = hub.deployment
        async with roam.store.transaction() as unit:
            for number, issuer in (("1", "DE*MOB"), ("2", "NL*TWO")):
                name = ObjectId(owner=US, id=f"S{number}")
                issued = samples.session().token.model_copy(update={"issuer_party": PartyId.parse(issuer)})
                begun = samples.session().model_copy(update={"owner": US, "id": name.id, "token": issued})
                await unit.sessions.put(begun)
                sealed = samples.context().model_copy(update={"session": name, "connection_id": "hub"})
                await unit.sessions.seal(sealed)
                bill = samples.cdr().model_copy(update={"owner": US, "id": f"C{number}", "token": issued})
                await unit.cdrs.add(samples.dossier(bill), connection_id="hub", ours=True, evidence_id=None)
        for module, ids in (("sessions", ("S1", "S2")), ("cdrs", ("C1", "C2"))):
            path = f"/sender/{module}?date_from=2026-01-01T00:00:00Z"
            own = await hub.request("GET", path, headers=speaking("DE*MOB"))
            assert [each["id"] for each in ok(own)] == [ids[0]]
            assert own.headers["X-Total-Count"] == "1"
            everything = await hub.request("GET", path, headers=speaking("DE*HUB"))
            assert [each["id"] for each in ok(everything)] == list(ids)


class TestRegistrationOfAHub:
    async def _invited(self, roam: Deployment) -> Partner:
        order = {"id": "new-hub", "name": "New hub", "sides": ["CPO", "EMSP"], "mode": "invite"}
        answer = await roam.contract("POST", "/connections", json=order)
        async with roam.store.transaction() as unit:
            connection = await unit.connections.get("new-hub")
        return Partner(roam, connection, answer.json()["registration_token"], HUB)

    def _role(self, party: str, role: str) -> dict[str, object]:
        country, code = party.split("*")
        return {"role": role, "country_code": country, "party_id": code, "business_details": {"name": party}}

    async def test_by_its_role(self, roam: Deployment, operator: Partner):
        partner = await self._invited(roam)
        theirs = {
            "token": "token-of-the-hub",
            "url": "https://hub.example/versions",
            "roles": [self._role("DE*HUB", "HUB")],
        }
        ours = ok(await partner.request("POST", "/sender/credentials", json=theirs))
        assert [role["role"] for role in ours["roles"]] == ["CPO", "EMSP"]
        async with roam.store.transaction() as unit:
            connection = await unit.connections.get("new-hub")
        assert connection.hub == HUB
        assert connection.sides == (Side.CPO, Side.EMSP)

    async def test_that_names_us_and_a_partner_of_ours(self, roam: Deployment, operator: Partner):
        """All whom it reaches, as later versions have it: that is no claim to be them."""
        partner = await self._invited(roam)
        roles = [self._role(US.key, "CPO"), self._role("BE*BEC", "CPO"), self._role("DE*HUB", "HUB")]
        theirs = {"token": "token-of-the-hub", "url": "https://hub.example/versions", "roles": roles}
        ok(await partner.request("POST", "/sender/credentials", json=theirs))
        async with roam.store.transaction() as unit:
            connection = await unit.connections.get("new-hub")
        assert [role.party.key for role in connection.partner_roles] == ["BE*BEC", "DE*HUB"]

    async def test_that_says_to_be_us(self, roam: Deployment, caplog: pytest.LogCaptureFixture):
        partner = await self._invited(roam)
        theirs = {
            "token": "token-of-the-hub",
            "url": "https://hub.example/versions",
            "roles": [self._role(US.key, "HUB")],
        }
        no(await partner.request("POST", "/sender/credentials", json=theirs), 200, 2001)
        assert security(caplog) == ["connection new-hub claimed our own party"]

    async def test_nobody_becomes_a_hub_in_passing(self, operator: Partner, caplog: pytest.LogCaptureFixture):
        roles = [self._role("BE*BEC", "HUB"), self._role("NL*TNM", "CPO")]
        theirs = {"token": "token-of-the-hub", "url": "https://hub.example/versions", "roles": roles}
        no(await operator.request("PUT", "/sender/credentials", json=theirs), 200, 2001)
        assert security(caplog) == ["connection operator, which is no hub, claimed to be one"]


async def test_a_session_of_a_client_is_its_own(hub: Partner):
    path = "/receiver/sessions/BE/BEC/S1"
    ok(await hub.request("PUT", path, json=session()), 201)
    assert hub.deployment.signals.of("session_started") == [("BE*BEC/S1", "hub", Side.EMSP, "ACTIVE")]
    ok(await hub.request("PUT", "/receiver/tariffs/BE/BEC/T1", json=tariff(), headers=speaking("DE*HUB")), 201)
