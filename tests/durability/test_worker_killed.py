"""kill -9 of a worker while it posts a CDR: the partner gets it again under the same id, and one receipt is kept."""

import asyncio
from pathlib import Path

import pytest
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response

from adapters.contract import Interface, Module
from adapters.registry import build_registry
from canonical.partner import Endpoint, Side
from canonical.store import Store
from canonical.vault import Vault
from deploy.embedded.ports import free_port
from deploy.embedded.temporal import EmbeddedTemporal
from deploy.local import LocalDeployment
from deploy.temporal_client import connect_to
from tests.adapters.transport.partner import enveloped, running_partner
from tests.conftest import Databases
from tests.store.samples import CPO, cdr, connection, dossier
from workflows import ids
from workflows.cdr_delivery import CdrDelivery, DeliveryOrder
from workflows.search_attributes import REGISTERED

pytestmark = pytest.mark.timeout(90)


async def test_a_delivery_goes_on_where_a_killed_worker_left_it(databases: Databases, tmp_path: Path) -> None:
    temporal = EmbeddedTemporal(tmp_path / "temporal", ["cpo"], search_attributes=REGISTERED)
    temporal.start()
    database_url = await databases.fresh()
    here = LocalDeployment(
        folder=tmp_path / "cpo",
        party=CPO.key,
        business_name="Rco",
        sides=[Side.CPO],
        port=free_port(),
        database_url=database_url,
        temporal_address=temporal.address,
        temporal_namespace="cpo",
        settings={"ROAM_ALLOW_HTTP_PARTNERS": "true", "ROAM_ALLOW_PRIVATE_PARTNERS": "true"},
    )
    await asyncio.to_thread(here.prepare)
    vault = Vault(SecretStr(here.secret_key))
    store, worker = await Store.connect(database_url, vault, pool_size=2), here.worker()
    adapter = build_registry(None).by_key("ocpi-2.2.1/standard")
    under_way, go_on, record = asyncio.Event(), asyncio.Event(), cdr()
    try:
        async with running_partner() as partner:

            async def take(_: Request) -> Response:
                under_way.set()
                await go_on.wait()
                return enveloped(headers={"Location": partner.url("/cdrs/1")}, http=201)

            partner.answers["POST", "/cdrs"] = take
            body = adapter.write(record).decode()
            held = f'{{"status_code":1000,"timestamp":"2026-03-01T09:00:00Z","data":{body}}}'
            partner.answers["GET", "/cdrs/1"] = Response(held, media_type="application/json")
            url = Endpoint(module=Module.CDRS, interface=Interface.RECEIVER, url=partner.url("/cdrs"))
            linked = connection().model_copy(
                update={"adapter": adapter.key, "version": adapter.version, "endpoints": (url,)}
            )
            async with store.transaction() as work:
                await work.connections.add(linked)
                await work.access.keep_outbound("emsp", SecretStr("token-of-the-partner"), request_key="test")
                await work.cdrs.add(dossier(record), connection_id="emsp", ours=True, evidence_id=None)
            worker.start()
            await asyncio.to_thread(worker.wait_ready)
            client = await connect_to(temporal.address, "cpo", vault)
            key = record.object_id.key
            handle = await client.start_workflow(
                CdrDelivery.run, DeliveryOrder.current(key, "emsp"), id=ids.cdr_delivery("emsp", key), task_queue="roam"
            )
            await asyncio.wait_for(under_way.wait(), 20)
            worker.kill()
            go_on.set()
            worker.start()
            await asyncio.to_thread(worker.wait_ready)
            async with asyncio.timeout(30):
                assert await handle.result() == "PROVED"
            posts = [seen for seen in partner.seen if seen.method == "POST"]
        async with store.transaction() as work:
            receipts = await work.cdr_deliveries.receipts(record.object_id, "emsp")
        assert len(posts) == 2
        assert len({seen.body for seen in posts}) == 1
        assert [receipt.outcome for receipt in receipts] == ["ACCEPTED", "PROVED"]
    finally:
        worker.stop()
        await store.close()
        temporal.stop()
        await databases.drop(database_url)
