"""What must not be read by whoever can look into Temporal, the logs or the traces: secrets, and who the driver is."""

import base64
import json
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
import pytest_asyncio
from opentelemetry import trace
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.requests import Request
from starlette.responses import Response
from temporalio.api.enums.v1 import HistoryEventFilterType
from temporalio.api.workflowservice.v1 import (
    DescribeScheduleRequest,
    DescribeWorkflowExecutionRequest,
    GetWorkflowExecutionHistoryRequest,
    ListSchedulesRequest,
    ListWorkflowExecutionsRequest,
)
from temporalio.client import Client

from canonical.store import AccessPurpose
from deploy.demo import cast
from deploy.demo.meter import Meter
from deploy.demo.office import until
from deploy.embedded.temporal import EmbeddedTemporal
from deploy.span_redaction import RedactedSpans
from deploy.telemetry import _TALKATIVE, JsonFormatter
from tests.adapters.transport.partner import Handler, enveloped, running_partner
from tests.conftest import Databases
from tests.workflows.conftest import PAIR_WITH_SECRETS, WITH_AN_ECHO
from tests.workflows.pair import AT_CPO, AT_EMSP, Pair, Player, pair, playing
from tests.workflows.peer import VERSIONS, Peer, role
from tests.workflows.test_commands_between_two import ask, becomes, conclude, give, waiting
from tests.workflows.test_registration import invite, settled, token_in
from tests.workflows.test_webhook import Receiver
from workflows import ids

MASTER_KEY = "master-key-that-nobody-must-ever-see-0123456789"
KEYS = {
    "master key": MASTER_KEY,
    "former master key": "former-key-that-nobody-must-ever-see-0123456789",
    "evidence key": "evidence-key-that-nobody-must-ever-see-012345678",
}
UID, CONTRACT = "04DEC0DE5EC4E7", "BE-FWM-C5EC4E7D0"
DRIVER = {"contract_id": CONTRACT, "visual_number": "vis-5ec4e7-no", "issuer": "Issuer 5ec4e7", "group_id": "GRP5EC4E7"}
# Plain words: the last net under the log takes them for none of its business.
IN_A_VERSIONS_URL, IN_A_WEBHOOK_URL, IN_A_HEADER = "hidden.in.versions", "hidden.in.hook", "hidden.in.header"
IN_A_RESPONSE_URL, IN_A_LINK = "hidden.in.response", "hidden.in.link"
IDEMPOTENCY_KEY, REFERENCE, PLATE = "hidden.in.idempotency", "hidden.in.reference", "plate B-SE 5ec4e7"

TOKEN = {
    "uid": UID,
    "type": "RFID",
    "contract_id": CONTRACT,
    "issuer": DRIVER["issuer"],
    "valid": True,
    "whitelist": "ALWAYS",
    "last_updated": "2026-03-01T00:00:00Z",
}


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """Every span that this process makes, as an exporter would send it."""
    exporter = InMemorySpanExporter()
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
    processor = SimpleSpanProcessor(RedactedSpans(exporter))
    provider.add_span_processor(processor)
    instrumentor = HTTPXClientInstrumentor()
    fresh = not instrumentor.is_instrumented_by_opentelemetry
    if fresh:
        instrumentor.instrument(tracer_provider=provider)
    yield exporter
    if fresh:
        instrumentor.uninstrument()
    processor.shutdown()


@pytest.fixture
def log_file(tmp_path: Path) -> Iterator[Path]:
    """A log as our processes write it, at the level that they have by default."""
    path = tmp_path / "process.log"
    handler = logging.FileHandler(path)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    levels = {logger: logger.level for logger in (root, *map(logging.getLogger, _TALKATIVE))}
    for logger in levels:
        logger.setLevel(logging.INFO if logger is root else logging.WARNING)
    root.addHandler(handler)
    yield path
    for logger, level in levels.items():
        logger.setLevel(level)
    root.removeHandler(handler)
    handler.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A system of the operator that is told of events."""
    with Receiver() as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield listening
        listening.shutdown()


@pytest_asyncio.fixture
async def two_databases(databases: Databases) -> AsyncIterator[tuple[str, str]]:
    urls = (await databases.fresh(), await databases.fresh())
    yield urls
    for url in urls:
        await databases.drop(url)


@pytest_asyncio.fixture
async def two(
    temporal: EmbeddedTemporal, two_databases: tuple[str, str], spans: InMemorySpanExporter, log_file: Path
) -> AsyncIterator[Pair]:
    more = {"former_secret_keys": KEYS["former master key"], "evidence_key": KEYS["evidence key"]}
    async with pair(temporal.address, PAIR_WITH_SECRETS, two_databases, MASTER_KEY, **more) as playing:
        yield playing


async def test_secrets_are_nowhere_and_drivers_in_no_history_no_list_and_no_log(
    two: Pair, two_databases: tuple[str, str], spans: InMemorySpanExporter, log_file: Path, receiver: Receiver
) -> None:
    await two.prepare(cast.CARDS[cast.CARD_A] | DRIVER, UID)
    secrets = {"registration token": await two.meet(query=f"?key={IN_A_VERSIONS_URL}"), **KEYS}
    secrets |= {f"access token {name}": token for name, token in (await _access_tokens(two)).items()}
    await _charge(two)
    await two.renew()
    secrets |= {f"renewed token {name}": token for name, token in (await _access_tokens(two)).items()}
    await two.settle(cast.MONTH)
    secrets |= await _with_its_own_systems(two, receiver)
    await _order(two)
    await two.synchronise()
    await two.sweep()
    schedules = b"".join([await _all_schedules(player.built.client) for player in (two.cpo, two.emsp)])
    await _part(two)
    secrets |= {"API key of the operator": two.cpo.api_key, "API key of the provider": two.emsp.api_key}
    assert len(set(secrets.values())) == len(secrets) == 13
    # What stands in the database in clear, because it is an address or a word of the operator's own.
    words = {"versions url": IN_A_VERSIONS_URL, "webhook url": IN_A_WEBHOOK_URL, "header": IN_A_HEADER}
    words |= {"idempotency key": IDEMPOTENCY_KEY, "password of the database": urlsplit(two_databases[0]).password or ""}
    words |= {"reference": REFERENCE, "free text": PLATE}
    drivers = {"token uid": UID, **DRIVER}

    temporal = schedules
    for player in (two.cpo, two.emsp):
        temporal += await _everything_in(player.built.client)
    logs = log_file.read_bytes()  # noqa: ASYNC240
    traces = "\n".join(span.to_json() for span in spans.get_finished_spans()).encode()
    # The search would find them: what may be read is found.
    assert AT_CPO.encode() in temporal
    assert b"full-sweep" in schedules
    assert b"feed-drain" in traces
    assert temporal.count(b"binary/encrypted") > 50
    kinds = ("command/", "delta/", "full-sweep/", "webhook/", "unregistration/")
    assert [kind for kind in kinds if kind.encode() not in temporal] == []
    assert receiver.came
    tables = b"".join([await _all_rows(url) for url in two_databases])
    assert all(value.encode() in tables for value in (UID, REFERENCE, PLATE, IN_A_WEBHOOK_URL))

    assert _found(secrets, temporal=temporal, logs=logs, traces=traces, tables=tables) == set()
    assert _found(words | drivers, temporal=temporal, logs=logs, traces=traces) == set()


async def _charge(two: Pair) -> None:
    """A session of which a driver is told in every place where there can be one, with a header of the backend's own."""
    drive = replace(cast.ORDINARY[0], token=UID)
    await two.cpo.office.start(drive, reference=REFERENCE)
    await two.cpo.office.stop(drive, Meter().signed(drive))
    await until("the CDR", lambda: two.cpo.office.cdr_of(AT_CPO, drive))
    await until("the receipt", lambda: two._proved(drive))
    order = {
        "id": "S-PLATE",
        "token": {"uid": UID, "type": "RFID"},
        "auth_method": "WHITELIST",
        "location_id": "L1",
        "evse_uid": drive.evse,
        "connector_id": "1",
        "start": "2026-03-27T08:00:00Z",
        "billing_record": PLATE,
    }
    headers = {
        "Authorization": f"Bearer {two.cpo.api_key}",
        "Idempotency-Key": IDEMPOTENCY_KEY,
        "X-Backend-Secret": IN_A_HEADER,
        "traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01",
        "tracestate": f"vendor={IN_A_HEADER}",
        "baggage": f"key={IN_A_HEADER}",
    }
    async with httpx.AsyncClient(headers=headers) as client:
        url = f"{two.cpo.built.settings.public_url}/contract/v1/sessions"
        assert (await client.post(url, json=order)).is_success


async def _with_its_own_systems(two: Pair, receiver: Receiver) -> dict[str, str]:
    """Secrets between the operator and its own systems, all of which were used."""
    order = {"url": f"{receiver.url}?key={IN_A_WEBHOOK_URL}", "from_beginning": True}
    made = await ask(two.cpo, "POST", "/webhooks", order)
    rotated = await ask(two.cpo, "POST", f"/webhooks/{made['webhook']['id']}/secret", {"overlap_hours": 1})
    key = await ask(two.cpo, "POST", "/keys", {"name": "backend", "scopes": ["charging:read"]})
    with_key = replace(two.cpo, api_key=key["secret"])
    assert (await ask(with_key, "GET", "/commands"))["items"] == []

    async def told() -> bool:
        return any(json.loads(body)["type"] == "cdr.delivered" for _, body in receiver.came)

    await until("the webhook", told)
    return {
        "webhook secret": made["secret"].removeprefix("whsec_"),
        "new webhook secret": rotated["secret"].removeprefix("whsec_"),
        "key with scopes": key["secret"],
    }


async def _order(two: Pair) -> None:
    """An order of the provider, and the word of the operator's backend on it."""
    site = cast.LOCATIONS["L1"]
    capable = {**site["evses"][0], "capabilities": ["REMOTE_START_STOP_CAPABLE"]}
    await ask(two.cpo, "PUT", "/locations/L1", {**site, "evses": [capable, *site["evses"][1:]]})
    token = {"uid": UID, "type": "RFID"}
    ours = await give(two, "START_SESSION", token=token, location_id="L1", evse_uid=capable["uid"])
    await conclude(two, (await waiting(two, "START_SESSION"))["id"], "REJECTED")
    await becomes(two.emsp, ours, "CONCLUDED")


async def _part(two: Pair) -> None:
    """The operator ends the relation, and the provider hears of it."""
    await ask(two.cpo, "DELETE", f"/connections/{AT_CPO}")

    async def over() -> bool:
        return bool((await ask(two.emsp, "GET", f"/connections/{AT_EMSP}"))["state"] == "UNREGISTERED")

    await until("the end", over)


async def _all_rows(database_url: str) -> bytes:
    """Everything that a database holds, as text."""
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        names = [row["tablename"] for row in tables]
        rows = [await connection.fetch(f'SELECT t::text AS row FROM "{name}" t') for name in names]  # noqa: S608
    finally:
        await connection.close()
    return "\n".join(row["row"] for found in rows for row in found).encode()


def _found(sought: dict[str, str], **places: bytes) -> set[str]:
    return {
        f"{name} in {place}"
        for place, content in places.items()
        for name, value in sought.items()
        if value.lower().encode() in content.lower()
    }


async def _access_tokens(two: Pair) -> dict[str, str]:
    """Of both directions, as the operator's store has them."""
    async with two.cpo.built.resources.store.transaction() as work:
        theirs = await work.access.live(AT_CPO, AccessPurpose.ACCESS)
        ours = await work.access.outbound(AT_CPO)
    async with two.emsp.built.resources.store.transaction() as work:
        assert await work.access.outbound(AT_EMSP) == theirs
    assert theirs is not None
    return {"they call us with": theirs.get_secret_value(), "we call them with": ours.get_secret_value()}


async def _all_schedules(client: Client) -> bytes:
    """Schedules of a namespace, as they come from the server."""
    service, namespace = client.workflow_service, client.namespace
    listed = await service.list_schedules(ListSchedulesRequest(namespace=namespace, maximum_page_size=1000))
    everything = listed.SerializeToString()
    for each in listed.schedules:
        described = await service.describe_schedule(
            DescribeScheduleRequest(namespace=namespace, schedule_id=each.schedule_id)
        )
        everything += described.SerializeToString()
    return everything


async def _everything_in(client: Client) -> bytes:
    """Lists and histories of a namespace, as they come from the server: nothing is decoded."""
    service, namespace = client.workflow_service, client.namespace
    listed = await service.list_workflow_executions(ListWorkflowExecutionsRequest(namespace=namespace, page_size=1000))
    assert not listed.next_page_token
    everything = listed.SerializeToString()
    for execution in listed.executions:
        everything += (
            await service.describe_workflow_execution(
                DescribeWorkflowExecutionRequest(namespace=namespace, execution=execution.execution)
            )
        ).SerializeToString()
        history = await service.get_workflow_execution_history(
            GetWorkflowExecutionHistoryRequest(
                namespace=namespace,
                execution=execution.execution,
                history_event_filter_type=HistoryEventFilterType.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT,
            )
        )
        assert not history.next_page_token
        everything += history.SerializeToString()
    return everything


@pytest_asyncio.fixture
async def us(
    temporal: EmbeddedTemporal, databases: Databases, spans: InMemorySpanExporter, log_file: Path
) -> AsyncIterator[Player]:
    url = await databases.fresh()
    settings = {"party": "DE*RCO", "business_name": "Roam Co", "sides": "CPO,EMSP", "secret_key": MASTER_KEY}
    async with playing(settings, url, temporal.address, WITH_AN_ECHO) as player:
        yield player
    await databases.drop(url)


async def test_a_partner_that_says_back_what_it_hears_brings_nothing_into_histories_logs_and_traces(
    us: Player, spans: InMemorySpanExporter, log_file: Path
) -> None:
    async with running_partner() as partner:
        peer = Peer(partner, us.built.settings.public_url, VERSIONS[0], roles=(role("NL*ECO"),))
        await us.office.put("/tariffs/PER-KWH", cast.TARIFFS[cast.TariffId.PER_KWH])
        site = cast.LOCATIONS["L1"]
        capable = {**site["evses"][0], "capabilities": ["REMOTE_START_STOP_CAPABLE"]}
        await us.office.put("/locations/L1", {**site, "evses": [capable, *site["evses"][1:]]})
        name = await invite(us, peer)
        secrets = {"registration token": peer.token, "master key": MASTER_KEY}
        peer.offers(peer.version)
        peer.token = token_in(await peer.credentials("POST"), peer.version)
        await settled(us, name, peer)
        assert (await peer.call("GET", "/versions")).status_code == 200
        secrets |= {"token it calls us with": peer.token, "token we call it with": peer.answered[-1]}

        partner.answers = {**partner.answers, **Echo(peer).everywhere()}
        order = {
            "response_url": f"{partner.url('/result')}?secret={IN_A_RESPONSE_URL}",
            "token": TOKEN | {"party_id": "ECO", "country_code": "NL"},
            "location_id": "L1",
            "evse_uid": capable["uid"],
        }
        ordered = await peer.call(
            "POST", f"/{peer.version}/receiver/commands/START_SESSION", body=json.dumps(order).encode()
        )
        assert ordered.json()["data"]["result"] == "ACCEPTED", ordered.text
        (found,) = (await us.office.get("/commands", connection=name))["items"]
        await us.office.post(f"/commands/{found['id']}/result", {"outcome": "REJECTED"})
        await _reaches(us, ids.command(name, found["id"]), "UNTOLD")
        await us.built.signals.pull(name, "tokens")
        await _reaches(us, ids.resync(name, "tokens"), "REFUSED")
        await us.office.post(f"/connections/{name}/renew")
        await _reaches(us, ids.handshake(name), "STUCK_DISCOVERING")
        shown = json.dumps(await us.office.get(f"/connections/{name}"))

        temporal = await _everything_in(us.built.client) + await _all_schedules(us.built.client)
        logs = log_file.read_bytes()  # noqa: ASYNC240
        traces = "\n".join(span.to_json() for span in spans.get_finished_spans()).encode()
        assert b"STUCK_DISCOVERING" in temporal
        words = {"response url": IN_A_RESPONSE_URL, "link": IN_A_LINK, "header": IN_A_HEADER, "token uid": UID}
        words |= {"contract id": CONTRACT}
        assert _found(secrets | words, temporal=temporal, logs=logs, traces=traces, shown=shown.encode()) == set()
        await us.built.client.get_workflow_handle(ids.handshake(name)).signal("give_up")


@dataclass
class Echo:
    """Answers no, and says in every place of the answer with what it was asked, and what we were told."""

    peer: Peer
    redirected: bool = False

    def everywhere(self) -> dict[tuple[str, str], Handler]:
        own = f"/{self.peer.version}"
        return {
            ("GET", "/versions"): self.in_an_envelope,
            ("GET", own): self.in_an_envelope,
            ("GET", f"{own}/sender/tokens"): self.in_an_envelope,
            ("PUT", f"{own}/sender/credentials"): self.in_words,
            ("POST", "/result"): self.in_a_redirect_and_then_in_an_envelope,
        }

    async def in_an_envelope(self, request: Request) -> Response:
        return enveloped(status_code=2001, message=self._heard(request), http=400, headers=self._headers(request))

    async def in_words(self, request: Request) -> Response:
        return Response(f"<html>{self._heard(request)}</html>", 400, self._headers(request), "text/html")

    async def in_a_redirect_and_then_in_an_envelope(self, request: Request) -> Response:
        if self.redirected:
            return await self.in_an_envelope(request)
        self.redirected = True
        return Response(self._heard(request), 307, self._headers(request))

    def _heard(self, request: Request) -> str:
        given = request.headers["authorization"]
        spelt = base64.b64decode(given.split()[1] + "==").decode("utf-8", "replace")
        return f"who are you? {given}, {spelt}, {self.peer.answered[-1]}, {self.peer.token}, {request.url}"

    def _headers(self, request: Request) -> dict[str, str]:
        given = request.headers["authorization"]
        link = f"{self.peer.partner.url('/elsewhere')}?key={IN_A_LINK}&token={given.split()[1]}"
        return {"location": link, "link": f'<{link}>; rel="next"', "x-heard": given, "x-secret": IN_A_HEADER}


async def _reaches(player: Player, workflow_id: str, state: str) -> None:
    async def there() -> bool:
        return await player.state(workflow_id) == state

    await until(f"{workflow_id} in {state}", there)
