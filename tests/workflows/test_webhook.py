"""Webhooks to a receiver on a real port, which checks every signature as the Standard Webhooks specification says."""

import asyncio
import base64
import hashlib
import hmac
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.worker import Worker

import workflows
from activities.sweep import SweepActivities, SweepOrder
from activities.webhooks import WebhookActivities
from adapters.transport.address_guard import AddressPolicy
from adapters.transport.http import PartnerHttp
from canonical import webhook_signature
from canonical.event import EventKind
from canonical.store import Store, Webhook
from deploy.webhook_waker import webhooks_woken
from tests.api.recorder import Recorder
from tests.workflows.stage import Script, Stage, eventually
from tests.workflows.test_activities import resources
from workflows import ids
from workflows.signals import TemporalSignals

_numbers = count(1)
LOCAL = AddressPolicy(allow_http=True, allow_private=True)


class Receiver(ThreadingHTTPServer):
    """Answers what it was told to, in turn (the last answer stays), and remembers what came."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.came: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int | None] = [204]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/events"

    def keys(self) -> list[str]:
        return [json.loads(body)["object"]["key"] for _, body in self.came]


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.came.append(({name.lower(): value for name, value in self.headers.items()}, body))
        answers = self.server.answers
        status = answers.pop(0) if len(answers) > 1 else answers[0]
        if status is None:  # the answer is lost
            self.close_connection = True
            self.connection.close()
            return
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", self.server.url)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Silence."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    yield from _receiver()


@pytest.fixture
def dead() -> Iterator[Receiver]:
    """One that answers nothing but errors."""
    for made in _receiver():
        made.answers = [500]
        yield made


def _receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass
class Desk:
    store: Store
    signals: TemporalSignals
    stage: Stage
    secrets: dict[str, SecretStr] = field(default_factory=dict)

    async def webhook(self, url: str, *kinds: EventKind) -> Webhook:
        secret = webhook_signature.new_secret()
        async with self.store.transaction() as work:
            made = await work.webhooks.add(url, kinds, secret, position=await work.events.last())
        self.secrets[made.id] = secret
        return made

    async def happen(self, *keys: str, kind: EventKind = EventKind.CASE_OPENED) -> None:
        for key in keys:
            async with self.store.transaction() as work:
                await work.events.add(kind, key, "mobility", {"text": f"about {key}"})

    async def state(self, webhook: Webhook) -> Webhook:
        async with self.store.transaction() as work:
            return await work.webhooks.get(webhook.id)


@pytest_asyncio.fixture
async def desk(client: Client, store: Store) -> AsyncIterator[Desk]:
    """A worker that delivers, woken by what this process stores."""
    queue = f"webhooks-{next(_numbers)}"
    signals = TemporalSignals(client, queue)
    async with PartnerHttp(LOCAL) as http:
        made = resources(store, http)
        object.__setattr__(made, "clock", lambda: datetime.now(UTC))
        activities = WebhookActivities(made)
        worker = Worker(
            client,
            task_queue=queue,
            workflows=workflows.ALL,
            activities=[activities.deliver, activities.pause],
            graceful_shutdown_timeout=timedelta(0),
        )
        async with worker, webhooks_woken(store, signals):
            yield Desk(store, signals, Stage(client, Script(), signals, "none"))


def verified(secret: SecretStr, headers: dict[str, str], body: bytes) -> bool:
    """As a receiver does it, by the text of the specification."""
    key = base64.b64decode(secret.get_secret_value().removeprefix("whsec_"))
    content = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
    wanted = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return f"v1,{wanted}" in headers["webhook-signature"].split(" ")


async def test_events_arrive_in_order_signed_and_as_the_feed_has_them(desk: Desk, receiver: Receiver) -> None:
    webhook = await desk.webhook(receiver.url)
    await desk.happen("A", "B", "C", "A")
    await eventually(lambda: len(receiver.came) == 4, "four deliveries")
    assert receiver.keys() == ["A", "B", "C", "A"]
    for headers, body in receiver.came:
        assert verified(desk.secrets[webhook.id], headers, body)
        assert not verified(webhook_signature.new_secret(), headers, body)
        assert abs(int(headers["webhook-timestamp"]) - datetime.now(UTC).timestamp()) < 60
        assert headers["webhook-id"] == json.loads(body)["id"]
    async with desk.store.transaction() as work:
        feed = [stored.event for stored in await work.events.after(0, limit=10)]
    assert [json.loads(body) for _, body in receiver.came] == [event.model_dump(mode="json") for event in feed]


async def test_only_the_kinds_that_were_asked_for(desk: Desk, receiver: Receiver) -> None:
    await desk.webhook(receiver.url, EventKind.CDR_RECEIVED)
    await desk.happen("A")
    await desk.happen("B", kind=EventKind.CDR_RECEIVED)
    await eventually(lambda: bool(receiver.came))
    assert receiver.keys() == ["B"]


async def test_what_fails_or_loses_its_answer_comes_again_under_the_same_id_and_nothing_overtakes_it(
    desk: Desk, receiver: Receiver
) -> None:
    receiver.answers = [503, None, 200]
    webhook = await desk.webhook(receiver.url)
    await desk.happen("A", "B")
    await eventually(lambda: len(receiver.came) == 4, "two failures and two deliveries")
    assert receiver.keys() == ["A", "A", "A", "B"]
    assert len({headers["webhook-id"] for headers, _ in receiver.came[:3]}) == 1

    async def well() -> bool:
        state = await desk.state(webhook)
        return state.failure is None and state.delivered_at is not None

    await until(well)


async def until(check: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(15):
        while not await check():  # noqa: ASYNC110  a test has no event for it
            await asyncio.sleep(0.02)


async def test_a_dead_receiver_delays_no_other(desk: Desk, receiver: Receiver, dead: Receiver) -> None:
    stuck = await desk.webhook(dead.url)
    await desk.happen("A")
    await eventually(lambda: bool(dead.came))
    await desk.webhook(receiver.url)
    await desk.happen("B", "C")
    await eventually(lambda: receiver.keys() == ["B", "C"], within_s=8)
    assert set(dead.keys()) == {"A"}
    state = await desk.state(stuck)
    assert state.failure is not None
    assert "500" in state.failure


async def test_a_receiver_that_wants_no_more_is_paused_and_goes_on_where_it_stopped(
    desk: Desk, receiver: Receiver
) -> None:
    receiver.answers = [204, 410, 204]
    webhook = await desk.webhook(receiver.url)
    await desk.happen("A", "B", "C")
    await desk.stage.reaches(ids.webhook(webhook.id), "PAUSED", attention=True)
    assert (await desk.state(webhook)).paused_at is not None
    assert receiver.keys() == ["A", "B"]
    async with desk.store.transaction() as work:
        await work.webhooks.resume(webhook.id)
    await desk.signals.deliver(webhook.id)
    await eventually(lambda: receiver.keys() == ["A", "B", "B", "C"])
    await desk.stage.reaches(ids.webhook(webhook.id), "IDLE", attention=False)


async def test_two_secrets_sign_while_one_takes_over_from_the_other(desk: Desk, receiver: Receiver) -> None:
    webhook = await desk.webhook(receiver.url)
    old, new = desk.secrets[webhook.id], webhook_signature.new_secret()
    async with desk.store.transaction() as work:
        await work.webhooks.rotate(webhook.id, new, overlap_until=datetime.now(UTC) + timedelta(hours=1))
    await desk.happen("A")
    await eventually(lambda: len(receiver.came) == 1)
    assert [verified(secret, *receiver.came[0]) for secret in (old, new)] == [True, True]
    async with desk.store.transaction() as work:
        await work.webhooks.rotate(webhook.id, webhook_signature.new_secret(), overlap_until=datetime.now(UTC))
    await desk.happen("B")
    await eventually(lambda: len(receiver.came) == 2)
    assert [verified(secret, *receiver.came[1]) for secret in (old, new)] == [False, False]


async def test_a_redirect_is_not_followed(desk: Desk, receiver: Receiver, dead: Receiver) -> None:
    receiver.answers = [307]
    webhook = await desk.webhook(receiver.url)
    await desk.happen("A")
    await eventually(lambda: len(receiver.came) >= 1)

    async def failed() -> bool:
        return (await desk.state(webhook)).failure is not None

    await until(failed)
    assert "307" in str((await desk.state(webhook)).failure)


async def test_an_address_inside_is_never_called(client: Client, store: Store, receiver: Receiver) -> None:
    """In production a webhook leads outside, whatever the name that was typed in resolves to."""
    from adapters.contract import UnsafeUrl
    from adapters.transport.webhook import webhook_http

    for url in (receiver.url, receiver.url.replace("127.0.0.1", "localhost"), "http://169.254.169.254/"):
        async with webhook_http(AddressPolicy(allow_http=True)) as http:
            with pytest.raises(UnsafeUrl):
                await http.post(url, b"{}", {})
    assert receiver.came == []


async def test_a_webhook_that_is_removed_ends_its_process(desk: Desk, receiver: Receiver) -> None:
    webhook = await desk.webhook(receiver.url)
    await desk.happen("A")
    await eventually(lambda: bool(receiver.came))
    async with desk.store.transaction() as work:
        assert await work.webhooks.remove(webhook.id)
    await desk.signals.deliver(webhook.id)
    await desk.stage.reaches(ids.webhook(webhook.id), "REMOVED")

    async def ended() -> bool:
        return await desk.stage.status(ids.webhook(webhook.id)) is WorkflowExecutionStatus.COMPLETED

    await until(ended)


async def test_the_secret_is_in_no_history(desk: Desk, receiver: Receiver) -> None:
    receiver.answers = [500, 204]
    webhook = await desk.webhook(receiver.url)
    await desk.happen("A")
    await eventually(lambda: len(receiver.came) == 2)
    history: Any = await desk.stage.handle(ids.webhook(webhook.id)).fetch_history()
    assert desk.secrets[webhook.id].get_secret_value() not in history.to_json()


async def test_the_sweep_finds_what_nobody_was_woken_for(desk: Desk) -> None:
    webhook = await desk.webhook("http://127.0.0.1:9/")
    desk.store.on_events = lambda: None
    async with desk.store.transaction() as work:
        assert await work.webhooks.behind() == ()
    await desk.happen("A")
    async with desk.store.transaction() as work:
        assert await work.webhooks.behind(datetime.now(UTC) + timedelta(seconds=1), failing=False) == (webhook.id,)
    ear, made = Recorder(desk.store), resources(desk.store)
    sweep = SweepActivities(made, ear)
    object.__setattr__(made, "clock", lambda: datetime.now(UTC) + timedelta(minutes=1))
    assert (await sweep.wake_unattended(SweepOrder(recent_s=600))).webhooks == 1
    assert ear.of("deliver") == [(webhook.id,)]
    async with desk.store.transaction() as work:
        await work.webhooks.failed(webhook.id, "no answer", datetime.now(UTC))
        assert await work.webhooks.behind(failing=False) == ()
        assert await work.webhooks.behind() == (webhook.id,)
        await work.webhooks.pause(webhook.id, datetime.now(UTC))
        assert await work.webhooks.behind() == ()
