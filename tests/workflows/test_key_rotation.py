"""A new secret key while workflows run: what they have written is read, and they go on."""

import pytest
from pydantic import SecretStr
from temporalio.worker import Replayer

import workflows
from activities.settlement import Booked, Exceptions, SettlementActivities
from canonical.vault import Vault
from deploy.codec import UnreadablePayload, codec, data_converter
from deploy.embedded.temporal import EmbeddedTemporal
from deploy.temporal_client import connect_to
from tests.workflows.conftest import NAMESPACE
from tests.workflows.stage import staged
from workflows import ids

FIRST, SECOND = SecretStr("the first secret key of these tests"), SecretStr("the second secret key of these tests")
CONNECTION = "partner-while-keys-change"


async def test_a_workflow_goes_on_after_the_key_has_changed(temporal: EmbeddedTemporal) -> None:
    workflow_id = ids.reconciliation(CONNECTION, "S-1")
    before = await connect_to(temporal.address, NAMESPACE, Vault(FIRST))
    async with staged(before, CONNECTION) as stage:
        stage.script.on(SettlementActivities.reconcile, Exceptions(1, 0, "all agreed"))
        await stage.signals.reconcile(CONNECTION, "S-1")
        await stage.reaches(workflow_id, "AWAITING_INVOICE")

    both = Vault(SECOND, FIRST)
    after = await connect_to(temporal.address, NAMESPACE, both)
    async with staged(after, CONNECTION) as stage:
        stage.script.on(SettlementActivities.book, Booked("BOOKED", "as agreed"))
        await stage.signals.invoice_received(CONNECTION, "S-1", "I-1")
        assert await stage.result(workflow_id, str) == "BOOKED: as agreed"
        (booked,) = stage.script.inputs(SettlementActivities.book)
        assert booked.number == "I-1"

    history = await after.get_workflow_handle(workflow_id).fetch_history()
    written = b"".join(event.SerializeToString() for event in history.events)
    assert codec(Vault(FIRST)).key_id in written
    assert codec(both).key_id in written
    replayed = await Replayer(workflows=workflows.ALL, data_converter=data_converter(both)).replay_workflow(history)
    assert replayed.replay_failure is None

    with pytest.raises(UnreadablePayload, match=codec(both).key_id.decode()) as refused:
        await before.get_workflow_handle(workflow_id).result()
    assert SECOND.get_secret_value() not in str(refused.value)
