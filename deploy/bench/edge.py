"""One run: a database, an api process, a client for each round; each measurement beside its ceiling, in turns."""

import asyncio
import json
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final
from urllib.parse import urlencode, urlsplit

import asyncpg
import httpx
import psutil
from pydantic import SecretStr

from adapters.contract import Adapter, Operation
from api.ocpi.addresses import object_url
from api.services import Services
from canonical.identity import PartyId
from canonical.location import EvseStatus
from canonical.partner import Side
from canonical.session import Session
from canonical.store import Store, migrate
from canonical.vault import Vault
from deploy.bench import data
from deploy.bench.client import PATIENCE_S, Job, Seen, write_requests
from deploy.bench.config import CEILING, US, ServerConfig, services
from deploy.embedded.ports import free_port
from deploy.embedded.postgres import EmbeddedPostgres

_DATABASE: Final = "bench"
_PAGE: Final = 100
_AUTHORIZE: Final = "authorize"
_AUTHORIZE_RATE: Final = 500.0


@dataclass(frozen=True)
class Plan:
    """How much is measured, and for how long: `rounds` of `seconds` for ours and for the ceiling, in turns."""

    size: data.Size
    rounds: int
    seconds: float
    connections: int
    cdrs: int

    @classmethod
    def full(cls) -> "Plan":
        return cls(data.Size(10_000, 1_000, 1_000_000), rounds=5, seconds=3.0, connections=8, cdrs=20_000)

    @classmethod
    def quick(cls) -> "Plan":
        """Only whether it runs: the numbers mean nothing."""
        return cls(data.Size(200, 20, 500), rounds=1, seconds=0.2, connections=2, cdrs=500)


@dataclass
class Way:
    """Ours or the ceiling, over all rounds. CPU in seconds."""

    took_ms: list[float] = field(default_factory=list)
    overslept_ms: list[float] = field(default_factory=list)
    per_second: list[float] = field(default_factory=list)
    server_cpu_s: float = 0.0
    database_cpu_s: float = 0.0
    client_cpu_s: float = 0.0
    refused: int = 0
    bytes: int = 0

    def told(self) -> dict[str, object]:
        answered = len(self.took_ms)
        ordered = sorted(self.took_ms)
        return {
            "requests": answered,
            "refused": self.refused,
            "per_second": round(statistics.median(self.per_second), 1) if self.per_second else 0,
            "p50_ms": round(_quantile(ordered, 0.50), 3),
            "p99_ms": round(_quantile(ordered, 0.99), 3),
            "client_late_p99_ms": round(_quantile(sorted(self.overslept_ms), 0.99), 3),
            "server_cpu_ms": _each(self.server_cpu_s, answered),
            "database_cpu_ms": _each(self.database_cpu_s, answered),
            "client_cpu_ms": _each(self.client_cpu_s, answered),
            "bytes": self.bytes // max(1, answered),
        }


@dataclass
class Measurement:
    """One kind of request and its ceiling; each a file of requests."""

    name: str
    ours: Path
    ceiling: Path
    rate: float | None = None
    repeat: bool = True
    fills: bool = False
    """What is read is written by the first reader: every request once, before anything is measured."""
    result: tuple[Way, Way] = field(default_factory=lambda: (Way(), Way()))

    def told(self) -> dict[str, object]:
        ours, ceiling = self.result
        pairs = [o / c for o, c in zip(ours.per_second, ceiling.per_second, strict=False) if c]
        work = (ours.server_cpu_s + ours.database_cpu_s) / max(1, len(ours.took_ms))
        least = (ceiling.server_cpu_s + ceiling.database_cpu_s) / max(1, len(ceiling.took_ms))
        return {
            "name": self.name,
            "rate": self.rate,
            "ours": ours.told(),
            "ceiling": ceiling.told(),
            "ratio": round(statistics.median(pairs), 3) if pairs else None,
            "cpu_ratio": round(least / work, 3) if work else None,
        }


NAMES = (
    "page of 100 locations",
    "one location",
    "PUT of an EVSE status",
    "PUT of a session",
    "PATCH of a session",
    "POST of a CDR",
    _AUTHORIZE,
    f"{_AUTHORIZE} at {_AUTHORIZE_RATE:.0f}/s",
)
"""All that is measured, in this order."""


def measure(plan: Plan, only: str | None, say: Callable[[str], None]) -> dict[str, object]:
    """Run it all. Needs the dependency group `embedded`."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="roam-bench-")))
        postgres = EmbeddedPostgres(folder / "postgres")
        postgres.start()
        stack.callback(postgres.stop)
        postgres.create_database(_DATABASE)
        config = ServerConfig(
            database_url=postgres.url(_DATABASE), secret_key=secrets.token_urlsafe(32), port=free_port()
        )
        say("filling the database")
        if only is not None and not any(only in name for name in NAMES if name.startswith(_AUTHORIZE)):
            plan = replace(plan, size=replace(plan.size, tokens=1_000))  # nothing else looks at them
        measurements = asyncio.run(_prepare(plan, config, folder))
        server = stack.enter_context(_server(config))
        watched = _Watched(server.pid, postgres.pid or 0)
        for measurement in measurements:
            if only is None or only in measurement.name:
                say(measurement.name)
                _measured(plan, measurement, config.port, watched)
        return {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "cores": psutil.cpu_count(),
            "locations": plan.size.locations,
            "tokens": plan.size.tokens,
            "connections": plan.connections,
            "measured": [m.told() for m in measurements if m.result[0].per_second],
        }


def _measured(plan: Plan, measurement: Measurement, port: int, watched: "_Watched") -> None:
    ways = (measurement.ours, measurement.ceiling)
    following = [0, 0]
    if measurement.fills:
        whole = Job(port=port, requests=str(measurement.ours), connections=2, seconds=120, repeat=False)
        _run(whole)
    for round_ in range(plan.rounds + 1):
        for place, requests in enumerate(ways):
            job = Job(
                port=port,
                requests=str(requests),
                first=following[place],
                connections=plan.connections,
                seconds=plan.seconds if round_ else plan.seconds / 3,
                rate=measurement.rate,
                repeat=measurement.repeat or place == 1,
            )
            before = watched.cpu_s()
            seen = _run(job)
            after = watched.cpu_s()
            following[place] = seen.next
            if round_ == 0 or not seen.took_ms:  # the first round fills caches
                continue
            side = measurement.result[place]
            side.took_ms += seen.took_ms
            side.overslept_ms += seen.overslept_ms
            side.per_second.append(len(seen.took_ms) / seen.seconds)
            side.server_cpu_s += after[0] - before[0]
            side.database_cpu_s += after[1] - before[1]
            side.client_cpu_s += seen.cpu_s
            side.refused += seen.refused
            side.bytes += seen.bytes


async def _prepare(plan: Plan, config: ServerConfig, folder: Path) -> list[Measurement]:
    await migrate(config.database_url)
    store = await Store.connect(config.database_url, Vault(SecretStr(config.secret_key)))
    try:
        made = services(store, config.port)
        adapter = next(a for a in made.registry.adapters() if a.routed)
        operator = await data.connect(store, adapter, data.OPERATOR, Side.EMSP)
        provider = await data.connect(store, adapter, data.PROVIDER, Side.CPO)
        await data.fill(config.database_url, plan.size, operator, store.drivers)
        numbers = await _numbers(config.database_url)
    finally:
        await store.close()
    requests = _Requests(plan, adapter, made, operator, provider, numbers, folder)
    return list(requests.all())


async def _numbers(database_url: str) -> list[int]:
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch("SELECT number FROM location WHERE source = '' ORDER BY number")
        return [row[0] for row in rows]
    finally:
        await connection.close()


class _Requests:
    """The bytes of every request, made before anything is measured."""

    def __init__(
        self,
        plan: Plan,
        adapter: Adapter,
        made: Services,
        operator: data.Caller,
        provider: data.Caller,
        numbers: list[int],
        folder: Path,
    ) -> None:
        self._plan = plan
        self._adapter = adapter
        self._services = made
        self._operator = operator
        self._provider = provider
        self._numbers = numbers
        self._folder = folder

    def all(self) -> Iterator[Measurement]:
        yield self._made("page of 100 locations", self._pages(), self._plain_pages(), fills=True)
        yield self._made("one location", self._locations(), self._plain_locations(), fills=True)
        yield self._written("PUT of an EVSE status", self._evse_statuses())
        yield self._written("PUT of a session", self._session_puts())
        yield self._written("PATCH of a session", self._session_patches())
        yield self._written("POST of a CDR", self._cdrs(), repeat=False)
        authorize, plain = self._authorize()
        yield self._made(_AUTHORIZE, authorize, plain)
        yield self._made(f"{_AUTHORIZE} at {_AUTHORIZE_RATE:.0f}/s", authorize, plain, rate=_AUTHORIZE_RATE)

    def _made(
        self,
        name: str,
        ours: list[bytes],
        ceiling: list[bytes],
        *,
        rate: float | None = None,
        repeat: bool = True,
        fills: bool = False,
    ) -> Measurement:
        stem = name.replace(" ", "-").replace("/", "-")
        paths = self._folder / f"{stem}.ours", self._folder / f"{stem}.ceiling"
        for path, requests in zip(paths, (ours, ceiling), strict=True):
            write_requests(path, requests)
        return Measurement(name, *paths, rate=rate, repeat=repeat, fills=fills)

    def _written(self, name: str, requests: list[tuple[str, str, bytes]], *, repeat: bool = True) -> Measurement:
        ours = [self._request(method, target, self._operator, body) for method, target, body in requests]
        bodies = [body for _, _, body in requests]
        ceiling = [
            _http("POST", f"{CEILING}/upsert?key={n if not repeat else n % self._plan.size.copies}", {}, body)
            for n, body in enumerate(bodies)
        ]
        return self._made(name, ours, ceiling, repeat=repeat)

    def _pages(self) -> list[bytes]:
        list_ = self._url(Operation.LIST_LOCATIONS)
        asked = [{"limit": _PAGE}] + [
            {"offset": offset, "limit": _PAGE, "after": f"{self._numbers[offset - 1]}-{offset}"}
            for offset in range(_PAGE, len(self._numbers), _PAGE)
        ]
        return [self._request("GET", f"{list_}?{urlencode(query)}", self._provider) for query in asked]

    def _plain_pages(self) -> list[bytes]:
        before = [0, *self._numbers[_PAGE - 1 : -1 : _PAGE]]
        asked = [{"adapter": self._adapter.key, "after": number, "limit": _PAGE} for number in before]
        return [_http("GET", f"{CEILING}/page?{urlencode(query)}", {}) for query in asked]

    def _locations(self) -> list[bytes]:
        places = range(0, self._plan.size.locations, 7)
        return [
            self._request("GET", self._url(Operation.GET_LOCATION, data.location_id(n)), self._provider) for n in places
        ]

    def _plain_locations(self) -> list[bytes]:
        asked = [{"adapter": self._adapter.key, "number": number} for number in self._numbers[::7]]
        return [_http("GET", f"{CEILING}/one?{urlencode(query)}", {}) for query in asked]

    def _evse_statuses(self) -> list[tuple[str, str, bytes]]:
        made = []
        for n in range(self._plan.size.copies * 4):
            number, turn = n % self._plan.size.copies, n // self._plan.size.copies
            status = EvseStatus.CHARGING if turn % 2 else EvseStatus.AVAILABLE
            # Equally old each time round: applied again.
            evse = data.evse(number, n % 4, status=status, seconds=86_400)
            target = self._url(Operation.PUT_EVSE, *_of(data.OPERATOR), data.location_id(number), evse.uid)
            made.append(("PUT", target, self._adapter.write(evse)))
        return made

    def _session_puts(self) -> list[tuple[str, str, bytes]]:
        made = []
        for n in range(self._plan.size.copies * 4):
            session = self._progress(n)
            target = self._url(Operation.PUT_SESSION, *_of(data.OPERATOR), session.id)
            made.append(("PUT", target, self._adapter.write(session)))
        return made

    def _session_patches(self) -> list[tuple[str, str, bytes]]:
        made = []
        for n in range(self._plan.size.copies * 4):
            session = self._progress(n)
            whole = json.loads(self._adapter.write(session))
            change = {name: whole[name] for name in ("kwh", "total_cost", "last_updated")}
            target = self._url(Operation.PATCH_SESSION, *_of(data.OPERATOR), session.id)
            made.append(("PATCH", target, json.dumps(change).encode()))
        return made

    def _progress(self, n: int) -> Session:
        """A session's state that is news each time round, and equally old, so that it is applied again."""
        energy = Decimal(n) / 100 + 1
        return data.session(n % self._plan.size.copies, seconds=86_400).model_copy(update={"energy_kwh": energy})

    def _cdrs(self) -> list[tuple[str, str, bytes]]:
        target = self._url(Operation.POST_CDR)
        first = data.cdr(0)
        made = []
        for n in range(self._plan.cdrs):
            own = first.model_copy(update={"id": f"CDR{n:09d}", "session_id": f"SESSION{n:09d}"})
            made.append(("POST", target, self._adapter.write(own)))
        return made

    def _authorize(self) -> tuple[list[bytes], list[bytes]]:
        body = json.dumps({"location_id": data.location_id(1)}).encode()
        ours, plain = [], []
        for number in data.asked_for(self._plan.size):
            target = self._url(Operation.AUTHORIZE, data.token_uid(number), "authorize")
            ours.append(self._request("POST", target, self._operator, body))
            plain.append(_http("GET", f"{CEILING}/token?key={data.token(number).object_id.key}", {}))
        return ours, plain

    def _url(self, operation: Operation, *segments: str) -> str:
        endpoint = next(e for e in self._adapter.endpoints if e.operation is operation)
        return urlsplit(object_url(self._services, self._adapter, endpoint, *segments)).path

    def _request(self, method: str, target: str, caller: data.Caller, body: bytes = b"") -> bytes:
        party = caller.connection.partner_roles[0].party
        headers = {
            "Authorization": self._adapter.encode_token(caller.token),
            "X-Request-ID": "bench-request",
            "X-Correlation-ID": "bench-correlation",
            "OCPI-from-country-code": party.country_code,
            "OCPI-from-party-id": party.party_id,
            "OCPI-to-country-code": US.country_code,
            "OCPI-to-party-id": US.party_id,
        }
        return _http(method, target, headers, body)


class _Watched:
    """CPU seconds that the server has taken, and the database with all its processes."""

    def __init__(self, server: int, database: int) -> None:
        self._server = psutil.Process(server)
        self._database = psutil.Process(database)
        self._taken: dict[int, float] = {}
        """By process; what one that has ended had taken goes on counting."""

    def cpu_s(self) -> tuple[float, float]:
        backends = [self._database, *self._database.children(recursive=True)]
        self._taken |= {process.pid: taken for process in backends if (taken := _cpu_s([process]))}
        return _cpu_s([self._server]), sum(self._taken.values())


def _cpu_s(processes: list[psutil.Process]) -> float:
    total = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


@contextmanager
def _server(config: ServerConfig) -> Iterator[subprocess.Popen[str]]:
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.bench.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=log,
            text=True,
        )
        try:
            assert process.stdin is not None  # noqa: S101
            process.stdin.write(config.model_dump_json() + "\n")
            process.stdin.flush()
            deadline = time.monotonic() + 30
            while not _answers(config.port):
                if process.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    raise RuntimeError(f"the server did not start: {log.read()[-2000:]}")
                time.sleep(0.05)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/ready").is_success
    except httpx.TransportError:
        return False


def _run(job: Job) -> Seen:
    """One round. It ends: a client that hears nothing gives up, and one that does not is ended.

    What it has seen goes into a file: nobody waits at the other end of a pipe for a line of a hundred kilobytes.
    """
    with tempfile.TemporaryFile("w+") as seen, tempfile.TemporaryFile("w+") as log:
        finished = subprocess.run(
            [sys.executable, "-m", "deploy.bench.client"],
            input=job.model_dump_json(),
            stdout=seen,
            stderr=log,
            text=True,
            timeout=job.seconds + 2 * PATIENCE_S,
            check=False,
        )
        seen.seek(0)
        log.seek(0)
        if finished.returncode:
            raise RuntimeError(f"a round did not end well: {log.read()[-2000:]}")
        return Seen.model_validate_json(seen.read())


def _http(method: str, target: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", *(f"{n}: {v}" for n, v in headers.items())]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join((*lines, "", "")).encode() + body


def _of(party: PartyId) -> tuple[str, str]:
    return party.country_code, party.party_id


def _quantile(ordered: list[float], part: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0.0


def _each(seconds: float, answered: int) -> float:
    """Milliseconds of one answer."""
    return round(seconds * 1000 / max(1, answered), 3)
