"""Figures for Prometheus: what the edge answers, and what waits in the store. Others are counted where they happen.

All are made with OpenTelemetry's API, whose reader shows them on a page of this process. Names of labels are few and
their values known beforehand: connections, modules, kinds. No driver, no token and no path of a stranger is one.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import prometheus_client
from opentelemetry import metrics
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.metrics.view import DropAggregation, View
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.contract import Module
from adapters.registry import VERSIONS
from canonical.store import Store, StoreError

_LOG = logging.getLogger(__name__)
_READ_EVERY_S = 15.0
_OTHER: Final = "other"
_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
_MODULES: Final = frozenset(module.value for module in Module)
_SPOKEN: Final = frozenset(version.number for version in VERSIONS)

UNBOUNDED: Final = tuple(
    View(instrument_name=name, aggregation=DropAggregation())
    for name in ("http.server.duration", "http.server.re*.size", "http.server.active_requests", "http.client.*")
)
"""Figures that libraries make and nobody is to see: with the name that a caller gives our host, or a partner's host."""

_METER = metrics.get_meter("roamwork")
_REQUESTS = _METER.create_histogram(
    "roam.edge.request.duration",
    unit="s",
    description="Requests of partners, until the last byte of the answer is handed over",
    explicit_bucket_boundaries_advisory=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
_WAITING = _METER.create_gauge("roam.outbox.waiting", description="What a partner has yet to be told")
_OLDEST = _METER.create_gauge("roam.outbox.oldest.age", unit="s", description="How long the oldest of it has waited")
_CASES = _METER.create_gauge("roam.cases", description="Cases of each kind, open and closed")


def served(host: str, port: int) -> MetricReader | None:
    """Show the figures of this process at `/metrics`; None when the port cannot be had, which is no reason to stop."""
    try:
        prometheus_client.start_http_server(port, host)
    except OSError as error:
        _LOG.warning("no figures are shown: %s:%s cannot be had: %s", host, port, error.strerror)
        return None
    return PrometheusMetricReader(disable_target_info=True, scope_info_enabled=False)


class Measured:
    """The edge with a stopwatch."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, told)
        finally:
            _REQUESTS.record(time.perf_counter() - began, _labels(scope, status))


def _labels(scope: Scope, status: int) -> dict[str, str | int]:
    """What of a request is one of a few words. `status` 0: there was no answer."""
    parts = frozenset(scope["path"].split("/", 6)[:6])
    return {
        "version": next(iter(parts & _SPOKEN), _OTHER),
        "module": next(iter(parts & _MODULES), _OTHER),
        "method": scope["method"] if scope["method"] in _METHODS else _OTHER,
        "status": status,
    }


@asynccontextmanager
async def watching(store: Store) -> AsyncIterator[None]:
    """Read what waits in the store, every few seconds while the context lasts."""
    task = asyncio.create_task(_watch(store))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _watch(store: Store) -> None:
    seen: set[str] = set()
    while True:
        try:
            seen |= await read(store, seen)
        except StoreError as error:
            _LOG.warning("the store could not be read for figures: %s", error)
        await asyncio.sleep(_READ_EVERY_S)


async def read(store: Store, seen: set[str]) -> set[str]:
    """Read once. `seen` are connections that had something waiting before: they are told to have nothing.

    Returns those that have now.
    """
    async with store.transaction() as work:
        figures = await work.figures.read()
    waiting = {backlog.connection_id: backlog for backlog in figures.backlogs}
    for connection_id in seen | waiting.keys():
        backlog = waiting.get(connection_id)
        _WAITING.set(backlog.waiting if backlog else 0, {"connection": connection_id})
        age = time.time() - backlog.oldest.timestamp() if backlog else 0.0
        _OLDEST.set(max(age, 0.0), {"connection": connection_id})
    for (kind, state), count in figures.cases.items():
        _CASES.set(count, {"kind": kind, "state": state.lower()})
    return set(waiting)
