"""Two sites, each with a PostgreSQL, a Temporal server, an api and a worker of its own: started, killed, kept alive.

What ends by itself, because what it needs is down just then, is started again, as any supervisor of services does.
"""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, TypeVar

from pydantic import SecretStr
from temporalio.client import Client

from canonical.partner import Side
from canonical.vault import Vault
from deploy.chaos.evidence import FaultLog, Site
from deploy.chaos.plan import CPO, EMSP, Part
from deploy.embedded.ports import free_port
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.temporal import EmbeddedTemporal
from deploy.local import LocalDeployment
from deploy.processes import ChildProcess
from deploy.temporal_client import connect_to
from workflows import ids
from workflows.search_attributes import REGISTERED

CPO_PARTY, EMSP_PARTY = "NL*KLP", "NL*RYD"
TO_EMSP, TO_CPO = "rijder", "klaproos"
"""Id of the connection at the operator, and at the provider."""

_NAMES: Final = {CPO: "Klaproos Laden", EMSP: "Rijder Mobiliteit"}
_PREPARING: Final = asyncio.Lock()
"""Migrations know one database at a time."""
_LOOK_EVERY_S: Final = 0.05
_WATCH_EVERY_S: Final = 0.5


T = TypeVar("T")


class Server(Protocol):
    """Something that can be killed and started again, where the call returns when it is done."""

    @property
    def pid(self) -> int | None: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...


@dataclass
class Member:
    """One of the four of a site. It has a thread to itself, for a server ends with the thread that started it."""

    site: str
    part: Part
    server: Server
    crash: Callable[[], None]
    """SIGKILL."""
    ready: Callable[[], bool]
    wanted: bool = True
    """False while it is down on purpose."""
    ended_by_itself: int = 0
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by who kills it until it runs again."""
    _thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))

    @property
    def name(self) -> str:
        return f"{self.site} {self.part}"

    async def start(self) -> None:
        """Return when it runs; it may not be ready yet. What fails to start is tried again by who keeps it alive."""
        self.wanted = True
        await self._do(self.server.start)

    async def kill(self) -> None:
        self.wanted = False
        await self._do(self.crash)

    async def stop(self) -> None:
        self.wanted = False
        await self._do(self.server.stop)

    async def is_ready(self) -> bool:
        return self.server.pid is not None and await self._do(self.ready)

    async def wait_ready(self, patience_s: float = 120.0) -> None:
        """Raises TimeoutError."""
        async with asyncio.timeout(patience_s):
            while not await self.is_ready():  # noqa: ASYNC110  it is another process: nobody sets an event
                await asyncio.sleep(_LOOK_EVERY_S)

    async def close(self) -> None:
        await self.stop()
        self._thread.shutdown()

    async def _do(self, act: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, act)


class Ground:
    """One site: its four members, and what has to be known to look into it."""

    def __init__(self, name: str, folder: Path, api_port: int, public_url: str) -> None:
        self.name = name
        self._folder = folder
        self._public_url = public_url
        self._api_port = api_port
        self._postgres = EmbeddedPostgres(folder / "postgres", durable=False)
        self._temporal = EmbeddedTemporal(folder / "temporal", [name], search_attributes=REGISTERED)
        self.members: dict[Part, Member] = {
            Part.POSTGRES: Member(name, Part.POSTGRES, self._postgres, self._postgres.crash, _runs(self._postgres)),
            Part.TEMPORAL: Member(name, Part.TEMPORAL, self._temporal, self._temporal.kill, self._temporal.ready),
        }
        self.site: Site
        self.clock_offset_s = 0
        self._processes: dict[Part, ChildProcess] = {}
        self._client: Client | None = None

    async def open(self) -> None:
        """Databases and Temporal, then api and worker; returns when all of them answer."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for member in self.members.values():
            await member.start()
        await asyncio.to_thread(self._postgres.create_database, self.name)
        deployment = LocalDeployment(
            folder=self._folder,
            party=CPO_PARTY if self.name == CPO else EMSP_PARTY,
            business_name=_NAMES[self.name],
            sides=[Side.CPO if self.name == CPO else Side.EMSP],
            port=self._api_port,
            database_url=self._postgres.url(self.name),
            temporal_address=self._temporal.address,
            temporal_namespace=self.name,
            public_url=self._public_url,
            settings={
                "ROAM_ALLOW_HTTP_PARTNERS": "true",
                "ROAM_ALLOW_PRIVATE_PARTNERS": "true",
                "ROAM_COMMAND_TIMEOUT_S": "60",
            },
        )
        async with _PREPARING:
            await asyncio.to_thread(deployment.prepare)
        self.site = _site(self.name, deployment)
        self._processes = {Part.API: deployment.api(), Part.WORKER: deployment.worker()}
        for part, process in self._processes.items():
            self.members[part] = Member(self.name, part, process, process.kill, _is_ready(process))
            await self.members[part].start()
        for member in self.members.values():
            await member.wait_ready()

    def move_clock(self, offset_s: int) -> None:
        """From their next start on, api and worker believe that it is so much later."""
        self.clock_offset_s = offset_s
        for process in self._processes.values():
            process.env = {**process.env, "ROAM_CLOCK_OFFSET_S": str(offset_s)}

    async def temporal(self) -> Client:
        """A client that survives kills of the server."""
        if self._client is None:
            vault = Vault(SecretStr(self.site.secret_key))
            self._client = await connect_to(self.site.temporal_address, self.site.temporal_namespace, vault)
        return self._client

    async def extend_log(self) -> None:
        """Have the log of financial records extended now."""
        client = await self.temporal()
        await client.get_schedule_handle(ids.LOG_SCHEDULE).trigger()

    async def keep_alive(self, faults: FaultLog) -> None:
        """Start again whatever has ended by itself. Runs until it is cancelled."""
        while True:
            for member in self.members.values():
                if member.wanted and member.server.pid is None and not member.busy.locked():
                    member.ended_by_itself += 1
                    faults.add("ended by itself", member.name, "what it needs was down; started again")
                    with contextlib.suppress(Exception):  # it is tried again
                        await member.start()
            await asyncio.sleep(_WATCH_EVERY_S)

    async def close(self) -> None:
        for part in (Part.WORKER, Part.API, Part.TEMPORAL, Part.POSTGRES):
            if part in self.members:
                await self.members[part].close()


class Grounds:
    """Both sites."""

    def __init__(self, folder: Path, cpo_url: str, emsp_url: str, ports: dict[str, int]) -> None:
        self.cpo = Ground(CPO, folder / CPO, ports[CPO], cpo_url)
        self.emsp = Ground(EMSP, folder / EMSP, ports[EMSP], emsp_url)

    @property
    def both(self) -> tuple[Ground, Ground]:
        return self.cpo, self.emsp

    def __getitem__(self, site: str) -> Ground:
        return self.cpo if site == CPO else self.emsp


def ports() -> dict[str, int]:
    """Where the two apis will listen."""
    return {CPO: free_port(), EMSP: free_port()}


def _site(name: str, deployment: LocalDeployment) -> Site:
    secrets = deployment.folder / "secrets"
    return Site(
        name=name,
        party=deployment.party,
        database_url=deployment.database_url,
        temporal_address=deployment.temporal_address,
        temporal_namespace=deployment.temporal_namespace,
        secret_key=deployment.secret_key,
        evidence_key=(secrets / "roam_evidence_key").read_text(encoding="utf-8"),
        contract_url=f"{deployment.url}/contract/v1",
        api_key=deployment.api_key,
        connection_id=TO_EMSP if name == CPO else TO_CPO,
    )


def _runs(server: Server) -> Callable[[], bool]:
    return lambda: server.pid is not None  # its start returns when it takes connections


def _is_ready(process: ChildProcess) -> Callable[[], bool]:
    return lambda: process.ready(process)
