"""Two deployments over HTTP: what was never pushed is pulled, what is gone is noticed, invoices name their CDRs."""

from collections.abc import AsyncIterator

import httpx
import pytest_asyncio
from sqlalchemy import text

from canonical.identity import ObjectId, PartyId
from canonical.location import EvseStatus, Location
from canonical.store import CdrState
from canonical.store.tables import APPEND_ONLY
from deploy.demo import cast
from deploy.demo.office import until
from deploy.embedded.temporal import EmbeddedTemporal
from tests.conftest import Databases
from tests.workflows.conftest import PAIR_IN_STEP
from tests.workflows.pair import AT_CPO, AT_EMSP, Pair, Player, pair
from workflows import ids
from workflows.synchronisation import Synchronisation, SynchronisationOrder

OPERATOR = PartyId.parse(cast.CPO_PARTY)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def two(temporal: EmbeddedTemporal, databases: Databases) -> AsyncIterator[Pair]:
    """Both companies, connected, after one charge whose CDR was delivered."""
    urls = (await databases.fresh(), await databases.fresh())
    async with pair(temporal.address, PAIR_IN_STEP, urls, "a-master-key-for-synchronising-0123456789") as playing:
        await playing.prepare(cast.CARDS[cast.CARD_A], cast.CARD_A)
        await playing.meet()
        await playing.charge(cast.ORDINARY[0])
        yield playing
    for url in urls:
        await databases.drop(url)


async def synchronise(player: Player, connection: str, *, delta: bool) -> dict[str, str]:
    """What the schedule starts, at once."""
    name = f"test-{ids.synchronisation(connection, delta=delta)}"
    return await player.built.client.execute_workflow(
        Synchronisation.run,
        SynchronisationOrder(connection, delta),
        id=name,
        task_queue=player.built.settings.task_queue,
    )


async def location_at(player: Player, name: str, source: str) -> Location | None:
    async with player.built.resources.store.transaction() as work:
        return await work.locations.get(ObjectId(owner=OPERATOR, id=name), source=source)


async def test_the_handshake_arranges_schedules_on_both_sides(two: Pair) -> None:
    for player, connection in ((two.cpo, AT_CPO), (two.emsp, AT_EMSP)):
        for delta in (True, False):
            handle = player.built.client.get_schedule_handle(ids.synchronisation(connection, delta=delta))
            assert not (await handle.describe()).schedule.state.paused


async def test_the_first_synchronisation_pulls_everything_that_concerns_us(two: Pair) -> None:
    async with two.emsp.built.resources.store.transaction() as work:
        crawled = {crawl.module for crawl in await work.sightings.crawls(AT_EMSP) if crawl.finished_at}
    assert {"tariffs", "locations", "sessions", "cdrs"} <= crawled
    assert "tokens" not in crawled  # they are the provider's own
    async with two.cpo.built.resources.store.transaction() as work:
        assert {crawl.module for crawl in await work.sightings.crawls(AT_CPO)} == {"tokens"}


async def test_an_invoice_tells_the_partner_which_cdrs_it_is_for(two: Pair) -> None:
    invoice = await two.settle(cast.MONTH)
    await two.cpo.built.signals.feed(AT_CPO)

    async def told() -> list[cast.Json]:
        return await two.emsp.office.all("/invoice-records", connection=AT_EMSP, received="true")

    (record,) = await until("the record at the provider", told)
    assert record["invoice_id"] == invoice["number"]
    assert record["cdr_ids"] == [item["cdr"]["id"] for item in invoice["items"]]
    cases = await two.emsp.office.get("/cases")
    assert "invoice-record-unknown-cdr" not in str(cases)
    outcomes = await synchronise(two.emsp, AT_EMSP, delta=True)
    assert outcomes["invoicereconciliation"] == "1 pulled"


async def test_a_change_that_was_never_told_is_found_by_the_next_delta(two: Pair) -> None:
    async with two.cpo.built.resources.store.transaction() as work:
        mine = await work.locations.get(ObjectId(owner=OPERATOR, id="L4"))
        assert mine is not None
        now = two.cpo.built.resources.clock()
        await work.locations.put(mine.model_copy(update={"name": "Never told", "last_updated": now}))
    outcomes = await synchronise(two.emsp, AT_EMSP, delta=True)
    assert outcomes["locations"] == "1 pulled"
    held = await location_at(two.emsp, "L4", AT_EMSP)
    assert held is not None
    assert held.name == "Never told"


async def test_a_location_that_is_gone_is_removed_at_the_second_full_sweep(two: Pair) -> None:
    async with two.cpo.built.resources.store._begin() as opened:
        await opened.execute(text("DELETE FROM location WHERE source = '' AND key = :key"), {"key": f"{OPERATOR}/L5"})
    await synchronise(two.emsp, AT_EMSP, delta=False)
    held = await location_at(two.emsp, "L5", AT_EMSP)
    assert held is not None
    assert {evse.status for evse in held.evses} != {EvseStatus.REMOVED}
    await synchronise(two.emsp, AT_EMSP, delta=False)
    held = await location_at(two.emsp, "L5", AT_EMSP)
    assert held is not None
    assert {evse.status for evse in held.evses} == {EvseStatus.REMOVED}
    other = await location_at(two.emsp, "L1", AT_EMSP)
    assert other is not None
    assert {evse.status for evse in other.evses} != {EvseStatus.REMOVED}


async def test_a_cdr_that_was_never_delivered_is_pulled_and_checked(two: Pair) -> None:
    async with two.cpo.built.resources.store.transaction() as work:
        (sent,) = await work.cdrs.by_session(cast.ORDINARY[0].id, connection_id=AT_CPO, ours=True)
        twin = sent.dossier.cdr.model_copy(update={"id": "NEVER-SENT", "session_id": "NEVER-SEEN"})
        handles = sent.dossier.handles.model_copy(update={"idempotency_key": "never-sent", "session_id": "NEVER-SEEN"})
        dossier = sent.dossier.model_copy(update={"cdr": twin, "handles": handles})
        await work.cdrs.add(dossier, connection_id=AT_CPO, ours=True, evidence_id=None)
    await synchronise(two.emsp, AT_EMSP, delta=False)

    async def checked() -> bool:
        async with two.emsp.built.resources.store.transaction() as work:
            stored = await work.cdrs.get(twin.object_id, connection_id=AT_EMSP, ours=False)
        assert stored is not None
        assert stored.evidence_id is not None
        return stored.state is not CdrState.RECEIVED

    await until("the check of the pulled CDR", checked)
    async with two.emsp.built.resources.store.transaction() as work:
        (known,) = await work.cdrs.by_session(cast.ORDINARY[0].id, connection_id=AT_EMSP, ours=False)
        kinds = {case.kind for case in await work.cases.list()}
    assert known.state is CdrState.SETTLED  # it was pulled as well, and is still the one that was delivered
    assert "cdr-conflict" not in kinds


async def test_a_partner_that_lost_everything_is_told_it_again(two: Pair) -> None:
    async with two.emsp.built.resources.store._begin() as opened:
        await opened.execute(text("DELETE FROM tariff WHERE source = :source"), {"source": AT_EMSP})
    url = f"{two.cpo.built.settings.public_url}/contract/v1/connections/{AT_CPO}/push"
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {two.cpo.api_key}"}) as client:
        answer = await client.post(url, params={"module": "tariffs"})
    assert (answer.status_code, answer.json()["queued"]) == (202, 1)

    async def back() -> bool:
        return len(await two.emsp.office.all("/tariffs", connection=AT_EMSP)) == 1

    await until("the tariff at the provider", back)


async def test_no_row_that_never_changes_names_the_driver(two: Pair) -> None:
    """After a handshake, a charge, its CDR on both sides, a settlement and full pulls."""
    needles = (cast.CARD_A.upper(), cast.CARDS[cast.CARD_A]["contract_id"].upper())
    for player in (two.cpo, two.emsp):
        async with player.built.resources.store._begin() as opened:
            for table in APPEND_ONLY:
                rows = (await opened.execute(text(f"SELECT t::text FROM {table} t"))).scalars().all()  # noqa: S608
                forms = [form for name in needles for form in (name, name.encode().hex().upper())]
                assert [table for row in rows if any(form in row.upper() for form in forms)] == []
            assert (await opened.execute(text("SELECT count(*) FROM driver_key"))).scalar_one() > 0
