"""Wherever a delivery is cut off, the next attempt ends with one CDR at the receiver, one receipt and one proof."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from itertools import count
from typing import cast

import pytest
import pytest_asyncio
from pydantic import SecretStr
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.billing import CdrRef
from activities.delivery import DeliveryActivities, Dispatch, Standing
from activities.resources import Resources
from adapters.contract import Interface, Module
from adapters.registry import build_registry
from api.app import create
from api.services import Services
from canonical.identity import BusinessRole, ObjectId, Role
from canonical.partner import Endpoint, Side
from canonical.store import AccessPurpose, CdrState, Store
from canonical.vault import Vault
from tests.api.recorder import Recorder
from tests.conformance.serving import address, listener, serving
from tests.conftest import Databases
from tests.store.samples import CPO, EMSP, at, cdr, connection, dossier
from tests.workflows.crashes import Crashes, CrashingHttp, CrashingStore, Killed
from tests.workflows.test_activities import LOCAL, resources

ADAPTER = build_registry(None).by_key("ocpi-2.2.1/standard")
OPERATOR = BusinessRole(party=CPO, role=Role.CPO, business_name="Rco")
ENOUGH = 10
"""A delivery has more points than that: a test that finds fewer has looked at nothing."""


@dataclass
class Table:
    """An operator whose process may die, and a provider's deployment behind its own edge."""

    crashes: Crashes
    made: Resources
    ours: Store
    theirs: Store

    @property
    def delivery(self) -> DeliveryActivities:
        return DeliveryActivities(self.made, Recorder(self.ours))

    async def issue(self, id_: str) -> ObjectId:
        issued = dossier(cdr(id_, session_id=f"S-{id_}"))
        async with self.ours.transaction() as work:
            await work.cdrs.add(issued, connection_id="emsp", ours=True, evidence_id=None)
        return issued.cdr.object_id

    async def attempt(self, name: ObjectId) -> Standing | None:
        """None: cut off, or nothing was heard."""
        try:
            return await ActivityEnvironment().run(self.delivery.deliver, Dispatch(name.key, "emsp"))
        except Killed:
            return None
        except ApplicationError:
            return None  # Temporal would try again

    async def check(self, name: ObjectId) -> None:
        async with self.ours.transaction() as work:
            receipts = await work.cdr_deliveries.receipts(name, "emsp")
            kept = await work.cdrs.get(name, connection_id="emsp", ours=True)
            assert await work.undelivered.get(name, "emsp") is None
            assert await work.cases.list() == ()
        async with self.theirs.transaction() as work:
            held = await work.cdrs.get(name, connection_id="operator", ours=False)
            cases = await work.cases.list()
        assert [receipt.outcome for receipt in receipts] == ["ACCEPTED", "PROVED"]
        assert kept is not None
        assert kept.state is CdrState.DELIVERED
        assert held is not None
        assert held.dossier.cdr.total_cost == kept.dossier.cdr.total_cost
        assert cases == ()


@pytest_asyncio.fixture
async def table(store: Store, databases: Databases, vault: Vault) -> AsyncIterator[Table]:
    theirs, crashes = await Store.connect(await databases.fresh(), vault, pool_size=5), Crashes()
    linked = {"adapter": ADAPTER.key, "version": ADAPTER.version}
    with listener() as door:
        services = Services(
            store=theirs,
            signals=Recorder(theirs),
            registry=build_registry(None),
            our_party=EMSP,
            business_name="Rem",
            sides=frozenset({Side.EMSP}),
            public_url=address(door),
            contract_keys=(),
            clock=lambda: at(61),
        )
        opposite = connection("operator", party=CPO).model_copy(
            update={**linked, "our_sides": (Side.EMSP,), "our_party": EMSP, "partner_roles": (OPERATOR,)}
        )
        async with theirs.transaction() as work:
            await work.connections.add(opposite)
            token = await work.access.issue("operator", AccessPurpose.ACCESS, "test")
        where = f"{address(door)}/ocpi/2.2.1/receiver/cdrs"
        url = Endpoint(module=Module.CDRS, interface=Interface.RECEIVER, url=where)
        async with store.transaction() as work:
            await work.connections.add(connection().model_copy(update={**linked, "endpoints": (url,)}))
            await work.access.keep_outbound("emsp", SecretStr(token.get_secret_value()), request_key="test")
        async with serving(create(services), door), CrashingHttp(LOCAL, crashes) as http:
            made = replace(resources(store, http), store=cast(Store, CrashingStore(store, crashes)))
            yield Table(crashes, replace(made, clock=lambda: at(62)), store, theirs)
    await theirs.close()


@pytest.mark.parametrize("lost", [False, True], ids=["killed", "answer lost"])
async def test_cut_off_anywhere_it_is_delivered_once(table: Table, lost: bool) -> None:
    points: list[str] = []
    for number in count():
        name = await table.issue(f"CDR-{number}")
        table.crashes.at(number, lost=lost)
        stands = await table.attempt(name)
        where = table.crashes.where
        table.crashes.at(None)
        stands = stands or await table.attempt(name)
        assert stands is not None, where
        assert stands.state == "PROVED", (where, stands.text)
        await table.check(name)
        if where is None:
            break
        points.append(where)
    assert len(points) >= (2 if lost else ENOUGH)
    assert lost or {"before the request", "after the answer", "before the commit"} <= set(points)


async def test_killed_again_and_again_it_is_delivered_once(table: Table) -> None:
    """Each attempt comes one point further than the one before."""
    name = await table.issue("CDR")
    for number in count():
        table.crashes.at(number)
        stands = await table.attempt(name)
        if stands is not None:
            break
    table.crashes.at(None)
    assert stands is not None
    assert stands.state == "PROVED"
    await table.check(name)


async def test_a_decision_to_abandon_holds_wherever_it_is_cut_off(table: Table) -> None:
    for number in count():
        name = await table.issue(f"CDR-{number}")
        table.crashes.at(number)
        try:
            await ActivityEnvironment().run(table.delivery.abandon, CdrRef(name.key, "emsp"))
        except Killed:
            await ActivityEnvironment().run(table.delivery.abandon, CdrRef(name.key, "emsp"))
        finished = table.crashes.where is None
        table.crashes.at(None)
        stands = await table.attempt(name)
        assert stands is not None
        assert stands.state == "ABANDONED"
        async with table.ours.transaction() as work:
            assert [event.state for event in await work.cdrs.events(name, "emsp", True)] == [
                CdrState.GENERATED,
                CdrState.ABANDONED,
            ]
            assert await work.undelivered.get(name, "emsp") is None
        async with table.theirs.transaction() as work:
            assert await work.cdrs.get(name, connection_id="operator", ours=False) is None
        if finished:
            return
