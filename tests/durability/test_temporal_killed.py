"""kill -9 of the Temporal server: what it acknowledged is kept, and nothing is done twice because of it."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from activities.billing import BillingActivities, Verdict
from canonical.identity import ObjectId
from canonical.vault import Vault
from deploy.embedded.temporal import EmbeddedTemporal
from deploy.temporal_client import connect_to
from tests.workflows.stage import staged
from workflows import ids
from workflows.contract import CannotTell
from workflows.search_attributes import REGISTERED

pytestmark = pytest.mark.timeout(90)
SESSIONS = 12


async def test_no_signal_is_lost_or_doubled(tmp_path: Path, vault: Vault) -> None:
    server = EmbeddedTemporal(tmp_path / "temporal", ["tests"], search_attributes=REGISTERED)
    server.start()
    try:
        client = await connect_to(server.address, "tests", vault)
        async with staged(client, "partner") as stage:
            stage.script.on(BillingActivities.check_cdr, Verdict("ACCEPTED", "the same"))

            async def arrive(number: int) -> None:
                cdr = ObjectId.parse(f"DE*RCO/C-{number}")
                while True:  # as a partner does that got no answer
                    try:
                        return await stage.signals.cdr_received(cdr, f"S-{number}", "partner")
                    except CannotTell:
                        await asyncio.sleep(0.2)

            arriving = [asyncio.create_task(arrive(number)) for number in range(SESSIONS)]
            await asyncio.wait(arriving, return_when=asyncio.FIRST_COMPLETED)
            server.kill()
            await asyncio.sleep(0.3)
            server.start()
            await asyncio.gather(*arriving)
            sessions = [ids.charging_session("partner", f"DE*RCO/S-{number}") for number in range(SESSIONS)]
            for session in sessions:
                assert await stage.result(session) == "CLOSED: the same"
            for session in sessions:
                history = await stage.handle(session).fetch_history()
                kinds = Counter(event.WhichOneof("attributes") for event in history.events)
                assert kinds["marker_recorded_event_attributes"] == 1  # the check, a step of the workflow's own
                assert kinds["workflow_execution_completed_event_attributes"] == 1
    finally:
        server.stop()
