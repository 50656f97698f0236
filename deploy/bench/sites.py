"""Two companies that roam while they are measured: each with a PostgreSQL, a Temporal, an api and a worker of its own.

Nothing is shared, so that the CPU time of each process belongs to one side.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx
import psutil

from canonical.partner import Side
from deploy.demo.cast import CARD_A, CARDS, CPO_NAME, CPO_PARTY, EMSP_NAME, EMSP_PARTY, LOCATIONS, TARIFFS
from deploy.embedded.ports import free_port
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.temporal import EmbeddedTemporal
from deploy.local import LocalDeployment
from deploy.processes import ChildProcess
from workflows.search_attributes import REGISTERED

AT_CPO, AT_EMSP = "provider", "operator"
"""Id of the connection at the operator, and at the provider."""
CARD: Final = CARD_A

_SETTINGS: Final = {"ROAM_ALLOW_HTTP_PARTNERS": "true", "ROAM_ALLOW_PRIVATE_PARTNERS": "true"}
_PATIENCE_S: Final = 60.0
_LOOK_EVERY_S: Final = 0.02


@dataclass
class Site:
    """One company, running."""

    name: str
    deployment: LocalDeployment
    postgres: EmbeddedPostgres
    temporal: EmbeddedTemporal
    api: ChildProcess
    worker: ChildProcess

    def cpu_s(self) -> dict[str, float]:
        """CPU seconds that each of its processes has taken so far, with the children that it has."""
        pids = {
            "temporal": self.temporal.pid,
            "worker": self.worker.pid,
            "api": self.api.pid,
            "database": self.postgres.pid,
        }
        return {name: _cpu_s(pid) for name, pid in pids.items() if pid is not None}


@contextmanager
def two_sites(folder: Path) -> Iterator[tuple[Site, Site]]:
    """Operator and provider, running, while the context lasts. Must be used from one thread: servers end with it."""
    with ExitStack() as stack:
        sites = (
            _site(stack, folder, "cpo", CPO_PARTY, CPO_NAME, Side.CPO),
            _site(stack, folder, "emsp", EMSP_PARTY, EMSP_NAME, Side.EMSP),
        )
        processes = [process for site in sites for process in (site.api, site.worker)]
        for process in processes:
            stack.callback(process.stop)
            process.start()
        for process in processes:
            process.wait_ready()
        yield sites


def _site(stack: ExitStack, folder: Path, name: str, party: str, business_name: str, side: Side) -> Site:
    home = folder / name
    postgres, temporal = (
        EmbeddedPostgres(home / "postgres"),
        EmbeddedTemporal(home / "temporal", [name], search_attributes=REGISTERED),
    )
    for server in (postgres, temporal):
        stack.callback(server.stop)
        server.start()
    postgres.create_database(name)
    deployment = LocalDeployment(
        folder=home,
        party=party,
        business_name=business_name,
        sides=[side],
        port=free_port(),
        database_url=postgres.url(name),
        temporal_address=temporal.address,
        temporal_namespace=name,
        settings=_SETTINGS,
    )
    deployment.prepare()
    return Site(name, deployment, postgres, temporal, deployment.api(), deployment.worker())


class Backend:
    """A company's own systems: they call its contract API. Use as an asynchronous context."""

    def __init__(self, site: Site) -> None:
        self._client = httpx.AsyncClient(
            base_url=f"{site.deployment.url}/contract/v1",
            headers={"Authorization": f"Bearer {site.deployment.api_key}"},
            timeout=_PATIENCE_S,
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=100),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def get(self, path: str, **query: str | int) -> Any:  # noqa: ANN401  JSON
        return (await self._client.get(path, params=query)).raise_for_status().json()

    async def write(self, method: str, path: str, body: dict[str, Any], **query: str) -> Any:  # noqa: ANN401  JSON
        """With an idempotency key of its own. Raises httpx.HTTPStatusError."""
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        answer = await self._client.request(method, path, json=body, params=query, headers=headers)
        return answer.raise_for_status().json()


async def meet(cpo: Backend, emsp: Backend) -> None:
    """Tariffs, locations and cards, and the handshake; returns when each side has what the other owns."""
    for tariff_id, tariff in TARIFFS.items():
        await cpo.write("PUT", f"/tariffs/{tariff_id}", tariff)
    for location_id, location in LOCATIONS.items():
        await cpo.write("PUT", f"/locations/{location_id}", location)
    await emsp.write("PUT", f"/tokens/{CARD}", CARDS[CARD], type="RFID")
    order = {"id": AT_EMSP, "name": CPO_NAME, "sides": ["EMSP"], "mode": "invite"}
    invited = await emsp.write("POST", "/connections", order)
    order = {"id": AT_CPO, "name": EMSP_NAME, "sides": ["CPO"], "mode": "register"}
    known = {"versions_url": invited["versions_url"], "token": invited["registration_token"]}
    await cpo.write("POST", "/connections", order | known)

    async def met() -> bool:
        places = (await emsp.get("/locations", connection=AT_EMSP))["items"]
        prices = (await emsp.get("/tariffs", connection=AT_EMSP))["items"]
        cards = (await cpo.get("/tokens", connection=AT_CPO))["items"]
        return (len(places), len(prices), len(cards)) == (len(LOCATIONS), len(TARIFFS), 1)

    await until("the handshake", met)


async def until(what: str, reached: Callable[[], Awaitable[bool]], *, patience_s: float = _PATIENCE_S) -> None:
    """Look again until it is so. Raises TimeoutError, naming what did not come about."""
    deadline = time.monotonic() + patience_s
    while not await reached():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {patience_s:.0f} s")
        await asyncio.sleep(_LOOK_EVERY_S)


def _cpu_s(pid: int) -> float:
    total = 0.0
    process = psutil.Process(pid)
    for each in (process, *process.children(recursive=True)):
        try:
            times = each.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total
