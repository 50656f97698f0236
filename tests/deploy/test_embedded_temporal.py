"""The embedded Temporal server: what it acknowledged survives a crash."""

from collections.abc import Iterator

import pytest
from temporalio.client import Client, WorkflowExecutionStatus

from canonical.vault import Vault
from deploy.embedded.temporal import EmbeddedTemporal
from deploy.temporal_client import connect_to, missing_search_attributes, register_search_attributes

ATTRIBUTES = {"RoamTest": "Keyword"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedTemporal]:
    folder = tmp_path_factory.mktemp("with blanks") / "temporal dev"
    server = EmbeddedTemporal(folder, ["one", "two"], ui_port=0, search_attributes=ATTRIBUTES)
    server.start()
    yield server
    server.stop()


async def test_acknowledged_signals_survive_kill_9(server: EmbeddedTemporal) -> None:
    client = await Client.connect(server.address, namespace="two")
    handle = await client.start_workflow("Nobody", id="survivor", task_queue="empty")
    for _ in range(3):
        await handle.signal("poke")
    address = server.address

    server.kill()
    assert not server.ready()
    server.start()

    assert server.address == address
    assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
    events = [event.event_type async for event in handle.fetch_history_events()]
    assert len([kind for kind in events if kind == 26]) == 3  # EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED


async def test_search_attributes_are_added_to_a_server_that_lacks_them(server: EmbeddedTemporal, vault: Vault) -> None:
    client = await connect_to(server.address, "one", vault, wait_s=5)
    assert await missing_search_attributes(client, ATTRIBUTES) == {}
    wanted = ATTRIBUTES | {"RoamLater": "Bool"}
    assert await missing_search_attributes(client, wanted) == {"RoamLater": "Bool"}
    await register_search_attributes(client, wanted)
    await register_search_attributes(client, wanted)
    assert await missing_search_attributes(client, wanted) == {}


async def test_connecting_gives_up_after_the_time_for_it(vault: Vault) -> None:
    with pytest.raises(RuntimeError):
        await connect_to("127.0.0.1:1", "one", vault, wait_s=0.2)
