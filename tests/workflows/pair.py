"""Two real deployments in this process: stores, edges on ports, workers, and people who use their contract APIs."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import cast as typed
from unittest.mock import patch

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
from tests.conformance.serving import address, listener, serving
from workflows import ids
from workflows.financial_log import FinancialLog
from workflows.retention import Retention
from workflows.search_attributes import STATE
from workflows.sweep import Sweep
from workflows.synchronisation import Synchronisation, SynchronisationOrder
from workflows.token_rotation import TokenRotation

AT_CPO, AT_EMSP = "provider", "operator"
"""Id of the connection at the operator, and at the provider."""


@dataclass(frozen=True)
class Player:
    built: Deployment
    office: Office
    api_key: str
    restart_worker: Callable[[], Awaitable[None]]

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

    async def meet(self, query: str = "") -> str:
        """The handshake, and what each pulls after it. Returns the registration token.

        `query` is put behind the address at which the operator begins.
        """
        invitation = {"id": AT_EMSP, "name": "Operator", "sides": ["EMSP"], "mode": "invite"}
        invited = await self.emsp.office.post("/connections", invitation)
        await self.cpo.office.post(
            "/connections",
            {
                "id": AT_CPO,
                "name": "Provider",
                "sides": ["CPO"],
                "mode": "register",
                "versions_url": f"{invited['versions_url']}{query}",
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

    async def synchronise(self) -> None:
        """What the schedules start, at once: the provider pulls what changed, and then everything."""
        built = self.emsp.built
        for delta in (True, False):
            await built.client.execute_workflow(
                Synchronisation.run,
                SynchronisationOrder(AT_EMSP, delta),
                id=ids.synchronisation(AT_EMSP, delta=delta),
                task_queue=built.settings.task_queue,
            )

    async def sweep(self) -> None:
        for player in (self.cpo, self.emsp):
            queue = player.built.settings.task_queue
            await player.built.client.execute_workflow(Sweep.run, id=ids.SWEEP_SCHEDULE, task_queue=queue)
            await player.built.client.execute_workflow(FinancialLog.run, id=ids.LOG_SCHEDULE, task_queue=queue)
            await player.built.client.execute_workflow(Retention.run, id=ids.RETENTION_SCHEDULE, task_queue=queue)
            await player.built.client.execute_workflow(TokenRotation.run, id=ids.ROTATION_SCHEDULE, task_queue=queue)

    async def _judged(self, drive: Drive) -> bool:
        """A CDR is known by its own id: not every version says which session it is for."""
        sent = await self.cpo.office.cdr_of(AT_CPO, drive)
        held = await self.emsp.office.cdrs(AT_EMSP)
        states = {view["cdr"]["id"]: view["state"] for view in held}
        return sent is not None and states.get(sent["cdr"]["id"]) == "ACCEPTED"

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
    return len(found["items"]) == count


async def _found(office: Office, path: str) -> Json | None:
    try:
        found: Json = await office.get(path)
    except Refused:
        return None
    return found


async def _booked(office: Office) -> bool:
    return bool(await office.all("/ledger/entries"))


@asynccontextmanager
async def pair(
    temporal_address: str,
    namespaces: tuple[str, str],
    database_urls: tuple[str, str],
    secret_key: str,
    versions: tuple[str, str] = ("", ""),
    **more: str,
) -> AsyncIterator[Pair]:
    """Both deployments at work. `versions` are those of OCPI that each offers, with commas between; none named: all.

    `more` are further settings of both.
    """
    sides = ((Side.CPO, cast.CPO_PARTY, "Operator"), (Side.EMSP, cast.EMSP_PARTY, "Provider"))
    where = zip(sides, namespaces, database_urls, versions, strict=True)
    players: list[_Running] = []
    try:
        for (side, party, name), namespace, database_url, offered in where:
            players.append(_Running())
            settings = {"party": party, "business_name": name, "sides": side, "secret_key": secret_key}
            settings |= {"ocpi_versions": offered, **more}
            await players[-1].start(settings, database_url, temporal_address, namespace)
        yield Pair(*(player.player for player in players))
    finally:
        for player in reversed(players):
            await player.stop()


@asynccontextmanager
async def playing(
    settings: dict[str, str], database_url: str, temporal_address: str, namespace: str
) -> AsyncIterator[Player]:
    """One deployment at work, for a test with a partner that is not ours."""
    running = _Running()
    try:
        await running.start(settings, database_url, temporal_address, namespace)
        yield running.player
    finally:
        await running.stop()


class _Running:
    """One deployment while it runs. Start and stop are the same task's, as its parts ask for."""

    def __init__(self) -> None:
        self.player: Player
        self._work_on: asyncio.Queue[bool] = asyncio.Queue()
        self._ready: asyncio.Future[Player] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[None] | None = None

    async def start(self, settings: dict[str, str], database_url: str, temporal: str, namespace: str) -> None:
        self._task = asyncio.create_task(self._run(settings, database_url, temporal, namespace))
        await asyncio.wait({self._ready, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            self._task.result()
        self.player = await self._ready

    async def stop(self) -> None:
        await self._work_on.put(False)
        if self._task is not None:
            await self._task

    async def _run(self, given: dict[str, str], database_url: str, temporal: str, namespace: str) -> None:
        with listener() as door:
            api_key = f"api-key-of-{namespace}-{os.urandom(16).hex()}"
            settings = Settings(
                **given,  # type: ignore[arg-type]
                public_url=address(door),
                database_url=SecretStr(database_url),
                contract_api_keys=(SecretStr(api_key),),
                allow_http_partners=True,
                allow_private_partners=True,
                page_limit=2,
                settlement_time_zone=cast.ZONE.key,
                graceful_shutdown_s=0.1,
            )
            where = {"TEMPORAL_ADDRESS": temporal, "TEMPORAL_NAMESPACE": namespace}
            with patch.dict(os.environ, where):
                opening = deployment(settings)
                built = await opening.__aenter__()
            try:
                app = create(built.services)
                telemetry.trace_requests(app)
                async with serving(app, door):
                    access = SimpleNamespace(url=settings.public_url, api_key=api_key)
                    office = Office(typed(Company, SimpleNamespace(deployment=access)))
                    await self._work(Player(built, office, api_key, lambda: self._work_on.put(True)))
                    await office.close()
            finally:
                await opening.__aexit__(None, None, None)

    async def _work(self, player: Player) -> None:
        """One worker after another, until it is enough."""
        go_on = True
        while go_on:
            async with worker(player.built):
                if not self._ready.done():
                    self._ready.set_result(player)
                go_on = await self._work_on.get()
