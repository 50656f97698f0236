"""Two deployments of ours, one of which has nothing newer than 2.1.1: they meet in it, and roam."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from decimal import Decimal

import pytest
import pytest_asyncio

from canonical.identity import ObjectId, PartyId
from canonical.session import SessionStatus
from canonical.token import same_token
from deploy.demo import cast
from deploy.demo.cast import Json
from deploy.demo.office import Refused, until
from deploy.embedded.temporal import EmbeddedTemporal
from tests.conftest import Databases
from tests.workflows.pair import AT_CPO, AT_EMSP, Pair, Player, pair
from workflows import ids

UID, CONTRACT = "04A1B2C3D4E577", "BE-FWM-C00000077"
CARD = cast.CARDS[cast.CARD_A] | {"contract_id": CONTRACT, "whitelist": "NEVER"}
DRIVE = replace(cast.ORDINARY[0], token=UID)
TARIFF = cast.TariffId.PER_KWH
_LATER = "2026-02-01T00:00:00Z"
SESSION = ObjectId(owner=PartyId.parse(cast.CPO_PARTY), id=DRIVE.id)


@pytest_asyncio.fixture(params=[("2.1.1", ""), ("", "2.1.1")], ids=["old operator", "old provider"])
async def two(
    request: pytest.FixtureRequest,
    temporal: EmbeddedTemporal,
    namespaces: Iterator[tuple[str, str]],
    databases: Databases,
) -> AsyncIterator[Pair]:
    urls = (await databases.fresh(), await databases.fresh())
    key = "a-master-key-of-a-test-0123456789"
    async with pair(temporal.address, next(namespaces), urls, key, versions=request.param) as playing:
        yield playing
    for url in urls:
        await databases.drop(url)


async def test_they_roam_from_handshake_to_accepted_cdr(two: Pair) -> None:
    cpo, emsp = two.cpo, two.emsp
    await two.prepare(CARD, UID)
    await two.meet()
    for player, connection in ((cpo, AT_CPO), (emsp, AT_EMSP)):
        view = await player.office.get(f"/connections/{connection}")
        assert view["version"] == "2.1.1"

    question = {"token": {"uid": UID, "type": "RFID"}, "location_id": DRIVE.location, "evse_uid": DRIVE.evse}
    answer = await cpo.office.post("/authorizations", question)
    assert (answer["allowed"], answer["asked_issuer"]) == ("ALLOWED", True)
    assert answer["token"]["contract_id"] == CONTRACT
    unknown = await cpo.office.post("/authorizations", {"token": {"uid": "0BAD", "type": "RFID"}})
    assert (unknown["allowed"], unknown["token"]) == ("NOT_ALLOWED", None)

    await cpo.office.start(DRIVE)
    await until("the running session at the provider", lambda: _seen(two, SessionStatus.ACTIVE))
    await cpo.office.stop(DRIVE, None)
    await until("the ended session at the provider", lambda: _seen(two, SessionStatus.COMPLETED))
    await until("the provider's verdict", lambda: two._judged(DRIVE))
    await until("the receipt", lambda: two._proved(DRIVE))

    held = next(view["cdr"] for view in await emsp.office.cdrs(AT_EMSP))
    sent = (await cpo.office.cdr_of(AT_CPO, DRIVE) or {})["cdr"]
    assert held["total_cost"]["before_tax"] == sent["total_cost"]["before_tax"]
    assert held["total_cost"]["after_tax"] is None
    assert (held["session_id"], held["charge_point"]["evse_uid"]) == (None, DRIVE.evse)
    # The session's own process got the CDR, although the CDR does not name the session.
    process = ids.charging_session(AT_EMSP, SESSION.key)
    await until("the end of the session's process", lambda: _is_closed(two, process))

    invoice = await two.settle(cast.MONTH)
    assert Decimal(invoice["net"]) == Decimal(sent["total_cost"]["before_tax"])
    assert invoice["left_out"] == []


async def test_changes_and_orders_cross_in_it(two: Pair) -> None:
    cpo, emsp = two.cpo, two.emsp
    await two.prepare(CARD, UID)
    await two.meet()

    await _publish(two, "https://cpo.example/first", "2026-02-01T00:00:00Z")
    await _publish(two, "https://cpo.example/second", "2026-02-02T00:00:00Z")
    # The whole of what was never told before, and then what changed.
    assert await _told(two, "tariffs") == ["PUT", "PATCH"]

    await emsp.office.put(f"/tokens/{UID}", CARD | {"visual_number": "77", "last_updated": _LATER}, type="RFID")
    await until("the changed card", lambda: _is(cpo, f"/tokens/{UID}", AT_CPO, "visual_number", "77"))

    order = {"connection": AT_EMSP, "token": {"uid": UID}, "location_id": DRIVE.location, "evse_uid": DRIVE.evse}
    reservation = order | {"kind": "RESERVE_NOW", "reservation_id": "4711", "expires": "2036-01-01T00:00:00Z"}
    assert await _carried_out(two, reservation, "REJECTED") == "REJECTED"
    assert (
        await _carried_out(two, order | {"kind": "START_SESSION", "connector_id": "1"}, "EVSE_OCCUPIED") == "REJECTED"
    )
    assert await _carried_out(two, order | {"kind": "START_SESSION"}, "ACCEPTED") == "ACCEPTED"
    with pytest.raises(Refused) as refused:
        await emsp.office.post(
            "/commands", {"connection": AT_EMSP, "kind": "CANCEL_RESERVATION", "reservation_id": "1"}
        )
    assert refused.value.status == 409


async def _publish(two: Pair, address: str, at: str) -> None:
    """Another address of the price list, until the provider has it."""
    await two.cpo.office.put(f"/tariffs/{TARIFF}", cast.TARIFFS[TARIFF] | {"alt_url": address, "last_updated": at})
    await until("the changed tariff", lambda: _is(two.emsp, f"/tariffs/{TARIFF}", AT_EMSP, "alt_url", address))


async def _carried_out(two: Pair, order: Json, outcome: str) -> str:
    """The result that the provider hears of an order, when the operator's backend says `outcome`."""
    given = await two.emsp.office.post("/commands", order)
    asked = await until("the order at the operator", lambda: _waiting(two))
    assert asked["command"]["token"]["contract_id"] == CONTRACT
    assert asked["command"].get("reservation_id") == order.get("reservation_id")
    await two.cpo.office.post(f"/commands/{asked['id']}/result", {"outcome": outcome})
    concluded = await until("the result", lambda: _concluded(two, given["id"]))
    return str(concluded["result"]["outcome"])


async def _waiting(two: Pair) -> Json | None:
    page = await two.cpo.office.get("/commands", given_by="partner", state="ACCEPTED")
    return next(iter(page["items"]), None)


async def _concluded(two: Pair, command_id: str) -> Json | None:
    view: Json = await two.emsp.office.get(f"/commands/{command_id}")
    assert view["state"] not in ("REFUSED", "UNANSWERED"), view
    return view if view["state"] == "CONCLUDED" else None


async def _is(player: Player, path: str, connection: str, field: str, value: str) -> bool:
    return bool((await player.office.get(path, connection=connection))[field] == value)


async def _told(two: Pair, module: str) -> list[str]:
    """The methods by which the operator has told the provider of its tariff."""
    async with two.cpo.built.resources.store.transaction() as work:
        kept = await work.evidence.for_object(f"{cast.CPO_PARTY}/{TARIFF}")
    return [record.method for record in kept if record.module == module]


async def _seen(two: Pair, status: SessionStatus) -> bool:
    async with two.cpo.built.resources.store.transaction() as work:
        ours = await work.sessions.get(SESSION)
    async with two.emsp.built.resources.store.transaction() as work:
        theirs = await work.sessions.get(SESSION, source=AT_EMSP)
    if ours is None or theirs is None or theirs.status is not status:
        return False
    assert same_token(ours.token, theirs.token)
    assert (theirs.token.uid, theirs.token.contract_id) == (None, CONTRACT)
    assert (theirs.location_id, theirs.evse_uid, theirs.connector_id) == (DRIVE.location, DRIVE.evse, "1")
    return True


async def _is_closed(two: Pair, workflow_id: str) -> bool:
    return await two.emsp.state(workflow_id) == "CLOSED"
