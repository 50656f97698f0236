"""Roamwork roams with an OCPI implementation that we did not write: as operator, and as provider.

In 2.1.1 and in 2.2.1, which is all that it has: of 2.3.0 there is nothing in it, not even the number.
As operator we begin the handshake and the partner ends the registration; as provider it is the other way round.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from decimal import Decimal

import pytest
import pytest_asyncio

from canonical.identity import PartyId
from canonical.model import fold
from tests.end_to_end import handed_in
from tests.end_to_end.backend import Backend, contract_client, seen
from tests.end_to_end.deployment import Deployment
from tests.end_to_end.foreign import documents
from tests.end_to_end.foreign.documents import Document
from tests.end_to_end.foreign.partner import Partner

pytestmark = pytest.mark.parametrize("version", ["2.1.1", "2.2.1"])


@pytest_asyncio.fixture
async def backend(deployment: Deployment) -> AsyncIterator[Backend]:
    async with contract_client(deployment) as http:
        yield Backend(http)


async def test_foreign_provider(backend: Backend, deployment: Deployment, foreign_emsp: Partner) -> None:
    """We are the operator. The provider's driver charges at ours, and the provider ends up with the CDR."""
    partner, digits = foreign_emsp, foreign_emsp.version.replace(".", "")
    driver, careful = (_card(uid + digits, partner) for uid in ("04A1B2C3D4", "04FFFFFFFF"))
    partner.hold("tokens", driver)
    partner.hold("tokens", {**careful, "whitelist": "NEVER"})

    connection = await _registered(backend, partner)
    registered = partner.counterpart()
    assert [_party(role) for role in registered["roles"]] == [deployment.party.key]
    assert registered["roles"][0].get("role") == (None if _early(partner) else "CPO")

    await _site_and_prices_arrive(backend, partner)
    tokens = f"/tokens?connection={connection}"
    await _listed(backend, tokens, lambda item: fold(item["uid"]) == driver["uid"])
    await _allowed_without_asking(backend, partner, driver)
    await _allowed_by_the_issuer(backend, partner, careful)

    await _start_is_ordered_by_the_partner(backend, partner, connection, driver)
    session = await _charge(backend, partner, driver)
    await _cdr_is_right(backend, partner, connection, session)

    await asyncio.to_thread(partner.unregister)
    await _until(backend, f"/connections/{connection}", lambda found: found["state"] == "UNREGISTERED")


async def test_foreign_operator(backend: Backend, deployment: Deployment, foreign_cpo: Partner) -> None:
    """We are the provider. We pull where one can charge, and at what price; our driver does, and we get the CDR."""
    partner, owner = foreign_cpo, _owner(foreign_cpo.party)
    driver = documents.token("04C0FFEE00", **_owner(deployment.party))
    begun = documents.session("SES1", driver, **owner)
    for number in range(1, 4):
        partner.hold("locations", documents.location(f"LOC{number}", **owner))
    partner.hold("tariffs", documents.tariff("FLAT", **owner))
    partner.hold("sessions", begun)

    connection = await _invited(backend, partner)
    await _everything_is_pulled(backend, partner, connection)
    await backend.put("/tokens/04C0FFEE00?type=RFID", handed_in.CARD | {"last_updated": _updated(partner)})
    await _holds(partner, "tokens", "04C0FFEE00", lambda held: "C0FFEE00" in fold(_contract(held)))
    await _our_driver_is_known_to_the_partner(partner)
    await _start_is_ordered_by_us(backend, partner, connection)

    partner.hold("sessions", documents.completed(begun))
    partner.hold("cdrs", documents.cdr("CDR1", begun, of_tariff=documents.tariff("FLAT", **owner)))
    for module, identifier, status in (("sessions", "SES1", 200), ("cdrs", "CDR1", 201)):
        # In a thread, for the partner waits for Roamwork's answer meanwhile.
        pushed = await asyncio.to_thread(partner.push, module, identifier)
        assert pushed["status"] == status, pushed
    await _pushed_cdr_is_good(backend, partner, connection)

    await backend.delete(f"/connections/{connection}")
    await _until(backend, f"/connections/{connection}", lambda found: found["state"] == "UNREGISTERED")
    await seen(lambda: asyncio.to_thread(partner.counterpart), lambda known: known["url"] is None)


async def _site_and_prices_arrive(backend: Backend, partner: Partner) -> None:
    """Pushed by us; and where the partner asks for them, it can read them as well."""
    (evse,) = handed_in.LOCATION["evses"]
    startable = evse | {"capabilities": ["RFID_READER", "REMOTE_START_STOP_CAPABLE"]}
    await backend.put("/tariffs/FLAT", handed_in.TARIFF | {"last_updated": _updated(partner)})
    await backend.put("/locations/HH1", handed_in.LOCATION | {"evses": [startable], "last_updated": _updated(partner)})
    await _holds(partner, "locations", "HH1", lambda held: _evse_status(held) == "AVAILABLE")
    await _holds(partner, "tariffs", "FLAT", lambda held: _first_price(held)["price"] == 0.4)

    locations, tariffs = [await asyncio.to_thread(partner.pull, module) for module in ("locations", "tariffs")]
    assert [fold(location["evses"][0]["evse_id"]) for location in locations] == ["DE*RCO*EHH1"]
    assert [_first_price(tariff).get("vat") for tariff in tariffs] == [None if _early(partner) else 19]


async def _start_is_ordered_by_the_partner(
    backend: Backend, partner: Partner, connection: str, driver: Document
) -> None:
    """Its app starts a session at our charger; our backend says how it went, and the partner hears of it."""
    token = documents.in_words_of(partner.version, "tokens", driver)
    wanted = {"token": token, "location_id": "HH1", "evse_uid": "HH1-E1"}
    said = await asyncio.to_thread(partner.order, "START_SESSION", wanted)
    assert said["result"] == "ACCEPTED"

    orders = f"/commands?connection={connection}&given_by=partner&state=ACCEPTED"
    order = await _listed(backend, orders, lambda item: item["command"]["kind"] == "START_SESSION")
    assert fold(order["command"]["token"]["uid"]) == driver["uid"]
    await backend.post(f"/commands/{order['id']}/result", {"outcome": "ACCEPTED"})
    await _holds(partner, "commands", "START_SESSION", lambda held: held["result"] == "ACCEPTED")


async def _start_is_ordered_by_us(backend: Backend, partner: Partner, connection: str) -> None:
    wanted = {"token": {"uid": "04C0FFEE00", "type": "RFID"}, "location_id": "LOC1", "evse_uid": "LOC1-E1"}
    given = await backend.post("/commands", {"connection": connection, "kind": "START_SESSION", **wanted})
    path = f"/commands/{given['id']}"
    order = await _until(backend, path, lambda found: found["state"] == "ACCEPTED")
    assert (order["response"]["answer"], order["result"]) == ("ACCEPTED", None)
    await asyncio.to_thread(partner.carry_out)
    order = await _until(backend, path, lambda found: found["state"] == "CONCLUDED")
    assert order["result"]["outcome"] == "ACCEPTED"
    held = await _holds(partner, "commands", "START_SESSION", lambda held: fold(held["evse_uid"]) == "LOC1-E1")
    assert fold(held["token"]["uid"]) == "04C0FFEE00"


async def _our_driver_is_known_to_the_partner(partner: Partner) -> None:
    """In the list that it pulls, and when it asks us while the driver waits."""
    tokens = await asyncio.to_thread(partner.pull, "tokens")
    assert "04C0FFEE00" in [fold(token["uid"]) for token in tokens]
    said = await asyncio.to_thread(partner.authorize, "04C0FFEE00", {"location_id": "LOC1"})
    assert said["allowed"] == "ALLOWED"


async def _everything_is_pulled(backend: Backend, partner: Partner, connection: str) -> None:
    """Also what is not on the first page, to whose follower the partner's link does not lead."""
    locations = await _until(backend, f"/locations?connection={connection}", lambda listed: len(listed["items"]) == 3)
    assert [fold(item["id"]) for item in locations["items"]] == ["LOC1", "LOC2", "LOC3"]
    assert [fold(evse["evse_id"]) for evse in locations["items"][0]["evses"]] == [
        f"{partner.party}*E1",
        f"{partner.party}*E2",
    ]
    tariff = await _listed(backend, f"/tariffs?connection={connection}", lambda item: fold(item["id"]) == "FLAT")
    assert Decimal(tariff["elements"][0]["price_components"][0]["price"]) == Decimal("0.4")
    sessions = f"/sessions?connection={connection}"
    await _listed(backend, sessions, lambda item: (fold(item["id"]), item["status"]) == ("SES1", "ACTIVE"))
    # CDRs as well, so that the one that comes to be is new to us when it is pushed.
    await seen(lambda: asyncio.to_thread(partner.diary), lambda diary: any("/cdrs" in path for _, path, _ in diary))


async def _pushed_cdr_is_good(backend: Backend, partner: Partner, connection: str) -> None:
    """Priced again and found right; that it lacks a field is told, and holds nothing up."""
    sessions = f"/sessions?connection={connection}"
    session = await _listed(backend, sessions, lambda item: fold(item["id"]) == "SES1")
    assert (session["status"], Decimal(session["energy_kwh"])) == ("COMPLETED", Decimal("20.123"))
    received = await _listed(backend, _cdrs_in_march(connection), lambda item: item["state"] != "RECEIVED")
    assert (received["ours"], received["state"]) == (False, "ACCEPTED"), received
    assert fold(received["cdr"]["charge_point"]["evse_uid"]) == ("LOC1-E1" if _early(partner) else "#NA")
    assert (await backend.get("/cases?state=OPEN"))["items"] == []


async def _registered(backend: Backend, partner: Partner) -> str:
    """Register at the partner with the token it gave us; the connection's id once both directions work."""
    order = {"mode": "register", "versions_url": partner.versions_url, "token": partner.token_a}
    created = await _new_connection(backend, partner, order)
    connection_id = await _connected(backend, partner, created)
    posted = [entry for entry in partner.diary() if entry[0] == "POST"]
    assert posted == [("POST", f"/ocpi/{partner.side.value.lower()}/{partner.version}/credentials/", 200)]
    return connection_id


async def _invited(backend: Backend, partner: Partner) -> str:
    """The partner registers at ours with the token that we gave it; the connection's id once both directions work."""
    created = await _new_connection(backend, partner, {"mode": "invite"})
    await asyncio.to_thread(partner.register, created["versions_url"], created["registration_token"])
    connection_id = await _connected(backend, partner, created)
    assert [path for method, path, _ in partner.diary() if method == "POST"] == []
    return connection_id


async def _new_connection(backend: Backend, partner: Partner, order: Document) -> Document:
    """Named after what the partner runs, by which its profile is found."""
    created: Document = await backend.post(
        "/connections", {"name": "py-ocpi", "sides": [partner.side.other.value], **order}
    )
    return created


async def _connected(backend: Backend, partner: Partner, created: Document) -> str:
    connection_id: str = created["connection"]["id"]
    path = f"/connections/{connection_id}"
    connection = await _until(backend, path, lambda state: state["state"] == "CONNECTED")
    assert [_party(role["party"]) for role in connection["partner_roles"]] == [partner.party.key]
    assert connection["version"] == partner.version
    return connection_id


async def _allowed_without_asking(backend: Backend, partner: Partner, driver: Document) -> None:
    """The card that we pulled with the others is on our list: nobody is asked."""
    answer = await _authorised(backend, driver)
    assert (answer["allowed"], answer["asked_issuer"]) == ("ALLOWED", False)
    assert not _authorisations_asked(partner)


async def _allowed_by_the_issuer(backend: Backend, partner: Partner, careful: Document) -> None:
    answer = await _authorised(backend, careful)
    assert (answer["allowed"], answer["asked_issuer"]) == ("ALLOWED", True)
    reference = answer["authorization_reference"]
    assert (reference and fold(reference)) == (None if _early(partner) else f"AUTH-{careful['uid']}")
    assert len(_authorisations_asked(partner)) == 1


async def _authorised(backend: Backend, card: Document) -> Document:
    token = {"uid": card["uid"], "type": "RFID"}
    request = {"token": token, "location_id": "HH1", "evse_uid": "HH1-E1"}
    answer: Document = await backend.post("/authorizations", request)
    return answer


def _authorisations_asked(partner: Partner) -> list[str]:
    return [path for _, path, _ in partner.diary() if path.endswith("/authorize")]


async def _charge(backend: Backend, partner: Partner, driver: Document) -> str:
    """One hour on 2 March, 10 kWh. The provider follows it while it lasts. The session's id."""
    session = f"SES-{partner.version}"
    await backend.post("/sessions", handed_in.session(session, driver["uid"]))
    await _holds(partner, "sessions", session, lambda held: held["status"] == "ACTIVE")
    await backend.post(
        f"/sessions/{session}/readings",
        {"at": "2026-03-02T09:30:00Z", "energy_kwh": "5.5", "state": "CHARGING"},
    )
    await _holds(partner, "sessions", session, lambda held: held["kwh"] == 5.5)
    await backend.post(f"/sessions/{session}/stop", {"at": "2026-03-02T10:00:00Z", "energy_kwh": "10.0"})
    ended = await _holds(partner, "sessions", session, lambda held: held["status"] == "COMPLETED")

    end = ended["end_datetime"] if _early(partner) else ended["end_date_time"]
    assert (ended["kwh"], end) == (10.0, "2026-03-02T10:00:00Z")
    assert fold(_contract(ended if _early(partner) else ended["cdr_token"])) == driver["contract_id"]
    methods = [m for m, path, _ in partner.diary() if "/sessions/" in path]
    assert methods[0] == "PUT"
    assert "PATCH" in methods
    return session


async def _cdr_is_right(backend: Backend, partner: Partner, connection_id: str, session: str) -> None:
    """10 kWh at 0.40 and 19 % VAT, delivered once, and kept with the partner's receipt.

    A CDR of 2.1.1 is net, and does not say for which session it is.
    """
    delivered = await _listed(
        backend, _cdrs_in_march(connection_id), lambda item: item["state"] in ("DELIVERED", "ACCEPTED")
    )
    of_session = None if _early(partner) else session.lower()
    held = await _holds(partner, "cdrs", delivered["cdr"]["id"], lambda cdr: cdr.get("session_id") == of_session)
    assert (held["total_energy"], held["total_time"]) == (10.0, 1.0)
    assert held["total_cost"] == (4.0 if _early(partner) else {"excl_vat": 4.0, "incl_vat": 4.76})
    assert held["end_date_time"] == "2026-03-02T10:00:00Z"
    assert fold(held["tariffs"][0]["id"]) == "FLAT"
    assert held["currency"] == "EUR"

    posted = [path for m, path, _ in partner.diary() if m == "POST" and "/cdrs" in path]
    assert len(posted) == 1


async def _holds(partner: Partner, module: str, identifier: str, wanted: Callable[[Document], bool]) -> Document:
    """The object that the partner holds under an id, as soon as it is as wanted."""

    async def look() -> list[Document]:
        return [held for held in partner.held(module) if fold(_id(held)) == fold(identifier)]

    (held,) = await seen(look, lambda found: any(map(wanted, found)))
    return held


async def _listed(backend: Backend, path: str, wanted: Callable[[Document], bool]) -> Document:
    """The first object in a list of the contract API that is as wanted, as soon as there is one."""

    async def look() -> list[Document]:
        listed = await backend.get(path)
        found: list[Document] = listed["items"] if isinstance(listed, dict) else listed
        return found

    return next(filter(wanted, await seen(look, lambda found: any(map(wanted, found)))))


def _cdrs_in_march(connection_id: str) -> str:
    return f"/cdrs?connection={connection_id}&since=2026-03-01T00:00:00Z&until=2026-04-01T00:00:00Z"


async def _until(backend: Backend, path: str, wanted: Callable[[Document], bool]) -> Document:
    """What a page of the contract API says as soon as it says what is wanted."""
    return await seen(lambda: backend.get(path), wanted)


def _card(uid: str, issuer: Partner) -> Document:
    return documents.token(uid, country_code=issuer.party.country_code, party_id=issuer.party.party_id)


def _owner(party: PartyId) -> dict[str, str]:
    return {"country_code": party.country_code, "party_id": party.party_id}


def _early(partner: Partner) -> bool:
    """Whether it speaks the version that has fewer words than its successor."""
    return partner.version == "2.1.1"


def _contract(token: Document) -> str:
    contract: str = token["auth_id"] if "auth_id" in token else token["contract_id"]
    return contract


def _updated(partner: Partner) -> str:
    """Later than what the test in the other version handed in under the same id, and before anybody charges."""
    return "2026-03-01T08:00:00Z" if _early(partner) else "2026-03-01T08:01:00Z"


def _id(held: Document) -> str:
    identifier: str = held["uid"] if "whitelist" in held else held["id"]
    return identifier


def _evse_status(location: Document) -> str:
    status: str = location["evses"][0]["status"]
    return status


def _first_price(tariff: Document) -> Document:
    price: Document = tariff["elements"][0]["price_components"][0]
    return price


def _party(named: Document) -> str:
    return f"{named['country_code']}*{named['party_id']}".upper()
