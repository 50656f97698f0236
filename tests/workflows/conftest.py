"""Real Temporal servers out of the wheel: one as the embedded stack starts it, one whose workflows skip time."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.testing import WorkflowEnvironment

from canonical.vault import Vault
from deploy.codec import data_converter
from deploy.embedded.temporal import EmbeddedTemporal, binary
from deploy.temporal_client import connect_to
from tests.conftest import _quick_place
from tests.workflows.stage import Stage, staged
from workflows import search_attributes
from workflows.search_attributes import REGISTERED

NAMESPACE = "tests"
PAIR = ("operator", "provider")
"""Namespaces of two deployments that play together."""
PAIR_IN_STEP = ("operator-in-step", "provider-in-step")
PAIR_ON_BOTH_SIDES = ("one-on-both-sides", "other-on-both-sides")
PAIR_WITH_SECRETS = ("operator-with-secrets", "provider-with-secrets")
WITH_AN_ECHO = "us-with-an-echo"
PAIR_WITHIN_BUDGET = ("operator-within-budget", "provider-within-budget")
PAIR_TRACED = ("operator-traced", "provider-traced")
"""The same for a test that must find no workflow of another one, for each has a key of its own."""
_EVENTS_UNTIL_NEW_RUN = 40
_numbers = count(1)


@pytest.fixture(scope="session")
def temporal() -> Iterator[EmbeddedTemporal]:
    """The server of development and demo, with the same timers and search attributes."""
    with tempfile.TemporaryDirectory(prefix="roam-temporal-", dir=_quick_place()) as folder:
        server = EmbeddedTemporal(
            Path(folder),
            [
                NAMESPACE,
                *PAIR,
                *PAIR_IN_STEP,
                *PAIR_ON_BOTH_SIDES,
                *PAIR_WITH_SECRETS,
                *PAIR_TRACED,
                *PAIR_WITHIN_BUDGET,
                WITH_AN_ECHO,
            ],
            search_attributes=REGISTERED,
        )
        server.start()
        yield server
        server.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def client(temporal: EmbeddedTemporal, vault: Vault) -> Client:
    """A client as both of our processes have it."""
    return await connect_to(temporal.address, NAMESPACE, vault)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def timeless(vault: Vault) -> AsyncIterator[WorkflowEnvironment]:
    """A server on which every workflow has a clock of its own that skips idle time, and histories are soon full."""
    settings = {
        "frontend.WorkflowTimeSkippingEnabled": "true",
        "history.timerProcessorMaxTimeShift": '"1ms"',
        "limit.historyCount.suggestContinueAsNew": str(_EVENTS_UNTIL_NEW_RUN),
    }
    flags = [f for name, value in settings.items() for f in ("--dynamic-config-value", f"{name}={value}")]
    attributes = [v for v in vars(search_attributes).values() if isinstance(v, SearchAttributeKey)]
    async with await WorkflowEnvironment.start_time_skipping_v2(
        dev_server_existing_path=str(binary()),
        dev_server_extra_args=flags,
        data_converter=data_converter(vault),
        search_attributes=attributes,
    ) as environment:
        yield environment


@pytest_asyncio.fixture
async def stage(client: Client) -> AsyncIterator[Stage]:
    """A worker with scripted activities, and a connection id that no other test uses."""
    async with staged(client, f"partner-{next(_numbers)}") as built:
        yield built


@pytest_asyncio.fixture
async def timeless_stage(timeless: WorkflowEnvironment) -> AsyncIterator[Stage]:
    """The same where months pass in a moment."""
    async with staged(timeless.client, f"partner-{next(_numbers)}") as built:
        yield built
