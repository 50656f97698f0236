"""Roamwork roams with an OCPI implementation that we did not write: as operator, and as provider."""

import asyncio
from collections.abc import AsyncIterator, Callable
from decimal import Decimal

import pytest_asyncio

from canonical.identity import PartyId
from canonical.model import fold
from tests.end_to_end import handed_in
from tests.end_to_end.backend import Backend, contract_client, seen
from tests.end_to_end.deployment import Deployment
from tests.end_to_end.foreign import documents
from tests.end_to_end.foreign.partner import Document, Partner


@pytest_asyncio.fixture
async def backend(deployment: Deployment) -> AsyncIterator[Backend]:
    async with contract_client(deployment) as http:
        yield Backend(http)


async def test_foreign_provider(backend: Backend, deployment: Deployment, foreign_emsp: Partner) -> None:
    """We are the operator. The provider's driver charges at ours, and the provider ends up with the CDR."""
    driver, careful = (_card(uid, foreign_emsp) for uid in ("04A1B2C3D4E580", "04FFFFFFFFFF80"))
    foreign_emsp.hold("tokens", driver)
    foreign_emsp.hold("tokens", {**careful, "whitelist": "NEVER"})

    connection = await _connected(backend, foreign_emsp)
    registered = foreign_emsp.counterpart()
    assert [_party(role) for role in registered["roles"]] == [deployment.party.key]
    assert registered["roles"][0]["role"] == "CPO"

    await backend.put("/tariffs/FLAT", handed_in.TARIFF)
    await backend.put("/locations/HH1", handed_in.LOCATION)
    await _holds(foreign_emsp, "locations", "HH1", lambda held: _evse_status(held) == "AVAILABLE")
    await _holds(foreign_emsp, "tariffs", "FLAT", lambda held: _first_price(held)["vat"] == 19)

    tokens = f"/tokens?connection={connection}"
    await _listed(backend, tokens, lambda item: fold(item["uid"]) == driver["uid"])
    await _allowed_without_asking(backend, foreign_emsp, driver)
    await _allowed_by_the_issuer(backend, foreign_emsp, careful)

    await _charge(backend, foreign_emsp, driver)
    await _cdr_is_right(backend, foreign_emsp, connection)


async def test_foreign_operator(backend: Backend, deployment: Deployment, foreign_cpo: Partner) -> None:
    """We are the provider. We pull where one can charge, and at what price; our driver does, and we get the CDR."""
    owner = _owner(foreign_cpo.party)
    driver = documents.token("04C0FFEE00", **_owner(deployment.party))
    begun = documents.session("SES1", driver, **owner)
    for number in range(1, 4):
        foreign_cpo.hold("locations", documents.location(f"LOC{number}", **owner))
    foreign_cpo.hold("tariffs", documents.tariff("FLAT", **owner))
    foreign_cpo.hold("sessions", documents.completed(begun))
    foreign_cpo.hold("cdrs", documents.cdr("CDR1", begun, of_tariff=documents.tariff("FLAT", **owner)))

    connection = await _connected(backend, foreign_cpo)
    await _everything_is_pulled(backend, connection)
    await backend.put("/tokens/04C0FFEE00?type=RFID", handed_in.CARD)
    await _holds(foreign_cpo, "tokens", "04C0FFEE00", lambda held: held["contract_id"] == "de-rco-c0ffee00-x")

    for module, identifier in (("sessions", "SES1"), ("cdrs", "CDR1")):
        # In a thread, for the partner waits for Roamwork's answer meanwhile.
        pushed = await asyncio.to_thread(foreign_cpo.push, module, identifier)
        assert pushed["status"] == 201, pushed
    await _pushed_cdr_is_good(backend, connection)


async def _everything_is_pulled(backend: Backend, connection: str) -> None:
    """Also what is not on the first page, to whose follower the partner's link does not lead."""
    locations = await _until(backend, f"/locations?connection={connection}", lambda listed: listed["total"] == 3)
    assert [fold(item["id"]) for item in locations["items"]] == ["LOC1", "LOC2", "LOC3"]
    assert [fold(evse["evse_id"]) for evse in locations["items"][0]["evses"]] == ["BE*FRC*E1", "BE*FRC*E2"]
    tariff = await _listed(backend, f"/tariffs?connection={connection}", lambda item: fold(item["id"]) == "FLAT")
    assert Decimal(tariff["elements"][0]["price_components"][0]["price"]) == Decimal("0.4")


async def _pushed_cdr_is_good(backend: Backend, connection: str) -> None:
    """Priced again and found right; that it lacks a field is told, and holds nothing up."""
    sessions = f"/sessions?connection={connection}"
    session = await _listed(backend, sessions, lambda item: fold(item["id"]) == "SES1")
    assert (session["status"], Decimal(session["energy_kwh"])) == ("COMPLETED", Decimal("20.123"))
    received = await _listed(backend, _cdrs_in_march(connection), lambda item: item["state"] != "RECEIVED")
    assert (received["ours"], received["state"]) == (False, "ACCEPTED"), received
    assert received["cdr"]["charge_point"]["evse_uid"] == "#NA"
    assert await backend.get("/cases?state=OPEN") == []


async def _connected(backend: Backend, partner: Partner) -> str:
    """Register at the partner with the token it gave us; the connection's id once both directions work."""
    created = await backend.post(
        "/connections",
        {
            "name": partner.name,
            "sides": [partner.side.other.value],
            "mode": "register",
            "versions_url": partner.versions_url,
            "token": partner.token_a,
        },
    )
    connection_id: str = created["connection"]["id"]
    path = f"/connections/{connection_id}"
    connection = await _until(backend, path, lambda state: state["state"] == "CONNECTED")
    assert [_party(role["party"]) for role in connection["partner_roles"]] == [partner.party.key]
    assert connection["version"] == "2.2.1"
    posted = [entry for entry in partner.diary() if entry[0] == "POST"]
    role = partner.side.value.lower()
    assert posted == [("POST", f"/ocpi/{role}/2.2.1/credentials/", 200)]
    return connection_id


async def _allowed_without_asking(backend: Backend, partner: Partner, driver: Document) -> None:
    """The card that we pulled with the others is on our list: nobody is asked."""
    answer = await _authorised(backend, driver)
    assert (answer["allowed"], answer["asked_issuer"]) == ("ALLOWED", False)
    assert not _authorisations_asked(partner)


async def _allowed_by_the_issuer(backend: Backend, partner: Partner, careful: Document) -> None:
    answer = await _authorised(backend, careful)
    assert (answer["allowed"], answer["asked_issuer"]) == ("ALLOWED", True)
    assert answer["authorization_reference"].upper() == f"AUTH-{careful['uid']}"
    assert len(_authorisations_asked(partner)) == 1


async def _authorised(backend: Backend, card: Document) -> Document:
    token = {"uid": card["uid"], "type": "RFID"}
    request = {"token": token, "location_id": "HH1", "evse_uid": "HH1-E1"}
    answer: Document = await backend.post("/authorizations", request)
    return answer


def _authorisations_asked(partner: Partner) -> list[str]:
    return [path for _, path, _ in partner.diary() if path.endswith("/authorize")]


async def _charge(backend: Backend, partner: Partner, driver: Document) -> None:
    """One hour on 2 March, 10 kWh. The provider follows it while it lasts."""
    await backend.post("/sessions", handed_in.session("SES1", driver["uid"]))
    await _holds(partner, "sessions", "SES1", lambda held: held["status"] == "ACTIVE")
    await backend.post(
        "/sessions/SES1/readings",
        {"at": "2026-03-02T09:30:00Z", "energy_kwh": "5.5", "state": "CHARGING"},
    )
    await _holds(partner, "sessions", "SES1", lambda held: held["kwh"] == 5.5)
    await backend.post("/sessions/SES1/stop", {"at": "2026-03-02T10:00:00Z", "energy_kwh": "10.0"})
    ended = await _holds(partner, "sessions", "SES1", lambda held: held["status"] == "COMPLETED")

    assert (ended["kwh"], ended["end_date_time"]) == (10.0, "2026-03-02T10:00:00Z")
    assert ended["cdr_token"]["uid"] == driver["uid"].lower()
    methods = [m for m, path, _ in partner.diary() if "/sessions/" in path]
    assert methods[0] == "PUT"
    assert "PATCH" in methods


async def _cdr_is_right(backend: Backend, partner: Partner, connection_id: str) -> None:
    """10 kWh at 0.40 and 19 % VAT, delivered once, and kept with the partner's receipt."""
    delivered = await _listed(
        backend, _cdrs_in_march(connection_id), lambda item: item["state"] in ("DELIVERED", "ACCEPTED")
    )
    held = await _holds(partner, "cdrs", delivered["cdr"]["id"], lambda cdr: cdr["session_id"] == "ses1")
    assert (held["total_energy"], held["total_time"]) == (10.0, 1.0)
    assert held["total_cost"] == {"excl_vat": 4.0, "incl_vat": 4.76}
    assert held["tariffs"][0]["id"] == "flat"
    assert held["currency"] == "EUR"

    posted = [path for m, path, _ in partner.diary() if m == "POST" and "/cdrs" in path]
    assert len(posted) == 1


async def _holds(partner: Partner, module: str, identifier: str, wanted: Callable[[Document], bool]) -> Document:
    """The object that the partner holds under an id, as soon as it is as wanted."""

    async def look() -> list[Document]:
        return [held for held in partner.held(module) if _id(held) == identifier.lower()]

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


def _id(held: Document) -> str:
    """The partner spells ids in lower case."""
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
