"""Two real deployments in this process: stores, edges on ports, workers, and people who use their contract APIs."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import cast as typed
from unittest.mock import patch

import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr

from api.app import create
from canonical.partner import Side
from deploy import telemetry
from deploy.composition import Deployment, deployment
from deploy.demo import cast
from deploy.demo.cast import Drive, Json
from deploy.demo.office import Office, Refused, until
from deploy.demo.stage import Company
from deploy.settings import Settings
from deploy.worker import worker
from workflows import ids
from workflows.search_attributes import STATE
from workflows.sweep import Sweep

AT_CPO, AT_EMSP = "provider", "operator"
"""Id of the connection at the operator, and at the provider."""


@dataclass(frozen=True)
class Player:
    built: Deployment
    office: Office
    api_key: str

    async def state(self, workflow_id: str) -> str | None:
        description = await self.built.client.get_workflow_handle(workflow_id).describe()
        return description.typed_search_attributes.get(STATE)


@dataclass(frozen=True)
class Pair:
    """The story of one session, chapter by chapter; each returns when the other side holds what it has to."""

    cpo: Player
    emsp: Player

    async def prepare(self, card: Json, uid: str) -> None:
        await self.cpo.office.put(f"/tariffs/{cast.TariffId.PER_KWH}", cast.TARIFFS[cast.TariffId.PER_KWH])
        for name in ("L1", "L4", "L5"):
            await self.cpo.office.put(f"/locations/{name}", cast.LOCATIONS[name])
        await self.emsp.office.put(f"/tokens/{uid}", card, type="RFID")

    async def meet(self) -> str:
        """The handshake, and what each pulls after it. Returns the registration token."""
        invitation = {"id": AT_EMSP, "name": "Operator", "sides": ["EMSP"], "mode": "invite"}
        invited = await self.emsp.office.post("/connections", invitation)
        await self.cpo.office.post(
            "/connections",
            {
                "id": AT_CPO,
                "name": "Provider",
                "sides": ["CPO"],
                "mode": "register",
                "versions_url": invited["versions_url"],
                "token": invited["registration_token"],
            },
        )
        await until("tokens at the operator", lambda: _holds(self.cpo, "/tokens", AT_CPO, 1))
        await until("locations at the provider", lambda: _holds(self.emsp, "/locations", AT_EMSP, 3))
        await until("tariffs at the provider", lambda: _holds(self.emsp, "/tariffs", AT_EMSP, 1))
        return str(invited["registration_token"])

    async def charge(self, drive: Drive) -> None:
        await self.cpo.office.start(drive)
        await self.cpo.office.stop(drive, None)
        await until("the provider's verdict", lambda: self._judged(drive))
        await until("the receipt", lambda: self._proved(drive))

    async def renew(self) -> None:
        await self.cpo.office.post(f"/connections/{AT_CPO}/renew")
        handle = self.cpo.built.client.get_workflow_handle(ids.handshake(AT_CPO))
        assert await handle.result() == "CONNECTED"

    async def settle(self, month: str) -> Json:
        """The whole cycle on both sides. Returns the invoice."""
        cpo, emsp, cycle = self.cpo.office, self.emsp.office, f"/settlements/{AT_CPO}/{month}"
        await cpo.post("/settlements", {"connection": AT_CPO, "month": month})
        view = await until("the statement", lambda: self._cycle(cycle, "AWAITING_PARTNER"))
        await emsp.post("/statements", {"connection": AT_EMSP, "statement": view["statement"]})
        report = await until("the report", lambda: _found(emsp, f"/statements/{view['statement']['id']}/report"))
        await cpo.post(f"{cycle}/report", report)
        await until("time for approval", lambda: self._cycle(cycle, "AWAITING_APPROVAL"))
        await cpo.post(f"{cycle}/approval", {"by": "A. Finance"})
        view = await until("the invoice", lambda: self._cycle(cycle, "INVOICED"))
        invoice: Json = view["invoices"][0]
        await emsp.post("/invoices/received", {"connection": AT_EMSP, "invoice": invoice})
        await until("the booking", lambda: _booked(emsp))
        return invoice

    async def sweep(self) -> None:
        for player in (self.cpo, self.emsp):
            queue = player.built.settings.task_queue
            await player.built.client.execute_workflow(Sweep.run, id=ids.SWEEP_SCHEDULE, task_queue=queue)

    async def _judged(self, drive: Drive) -> bool:
        found = await self.emsp.office.cdr_of(AT_EMSP, drive)
        return found is not None and found["state"] == "ACCEPTED"

    async def _proved(self, drive: Drive) -> bool:
        found = await self.cpo.office.cdr_of(AT_CPO, drive)
        assert found is not None
        dossier = await self.cpo.office.get(f"/cdrs/{found['cdr']['id']}")
        return any(receipt["outcome"] == "PROVED" for receipt in dossier["receipts"])

    async def _cycle(self, path: str, state: str) -> Json | None:
        view = await _found(self.cpo.office, path)
        return view if view is not None and view["state"] == state else None


async def _holds(player: Player, path: str, connection: str, count: int) -> bool:
    try:
        found = await player.office.get(path, connection=connection)
    except Refused:
        return False
    return bool(found["total"] == count)


async def _found(office: Office, path: str) -> Json | None:
    try:
        found: Json = await office.get(path)
    except Refused:
        return None
    return found


async def _booked(office: Office) -> bool:
    return bool((await office.get("/ledger"))["entries"])


@asynccontextmanager
async def pair(
    temporal_address: str, namespaces: tuple[str, str], database_urls: tuple[str, str], secret_key: str
) -> AsyncIterator[Pair]:
    """Both deployments at work."""
    sides = ((Side.CPO, cast.CPO_PARTY, "Operator"), (Side.EMSP, cast.EMSP_PARTY, "Provider"))
    where = zip(sides, namespaces, database_urls, strict=True)
    players: list[_Running] = []
    try:
        for (side, party, name), namespace, database_url in where:
            players.append(_Running())
            settings = {"party": party, "business_name": name, "sides": side, "secret_key": secret_key}
            await players[-1].start(settings, database_url, temporal_address, namespace)
        yield Pair(*(player.player for player in players))
    finally:
        for player in reversed(players):
            await player.stop()


class _Running:
    """One deployment while it runs. Start and stop are the same task's, as its parts ask for."""

    def __init__(self) -> None:
        self.player: Player
        self._done = asyncio.Event()
        self._ready: asyncio.Future[Player] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[None] | None = None

    async def start(self, settings: dict[str, str], database_url: str, address: str, namespace: str) -> None:
        self._task = asyncio.create_task(self._run(settings, database_url, address, namespace))
        await asyncio.wait({self._ready, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            self._task.result()
        self.player = await self._ready

    async def stop(self) -> None:
        self._done.set()
        if self._task is not None:
            await self._task

    async def _run(self, given: dict[str, str], database_url: str, address: str, namespace: str) -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            api_key = f"api-key-of-{namespace}-{os.urandom(16).hex()}"
            settings = Settings(
                **given,  # type: ignore[arg-type]
                public_url=f"http://127.0.0.1:{listener.getsockname()[1]}",
                database_url=SecretStr(database_url),
                contract_api_keys=(SecretStr(api_key),),
                allow_http_partners=True,
                allow_private_partners=True,
                page_limit=2,
                settlement_time_zone=cast.ZONE.key,
                graceful_shutdown_s=0.1,
            )
            where = {"TEMPORAL_ADDRESS": address, "TEMPORAL_NAMESPACE": namespace}
            with patch.dict(os.environ, where):
                opening = deployment(settings)
                built = await opening.__aenter__()
            try:
                async with _serving(create(built.services), listener), worker(built):
                    access = SimpleNamespace(url=settings.public_url, api_key=api_key)
                    office = Office(typed(Company, SimpleNamespace(deployment=access)))
                    self._ready.set_result(Player(built, office, api_key))
                    await self._done.wait()
                    await office.close()
            finally:
                await opening.__aexit__(None, None, None)


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ctrl-C belongs to the test run."""
        yield


@asynccontextmanager
async def _serving(app: FastAPI, listener: socket.socket) -> AsyncIterator[None]:
    telemetry.trace_requests(app)
    server = _Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110  uvicorn has no event for it
        await asyncio.sleep(0.005)
    try:
        yield
    finally:
        server.should_exit = True
        server.force_exit = True
        await task
