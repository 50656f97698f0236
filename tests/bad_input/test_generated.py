"""Requests that nobody thought of, generated from the descriptions of both faces: none brings a 5xx, none hangs.

`ROAM_FUZZ_EXAMPLES` sets how many are made of each operation, with a token; a few are made without.
"""

import asyncio
import os
import threading
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import pytest_asyncio
import requests
import schemathesis
from hypothesis import HealthCheck, Phase

from adapters.registry import build_registry
from canonical.vault import Vault
from deploy.commands import openapi
from tests.bad_input import described
from tests.bad_input.deployment import Target, target
from tests.conftest import Databases

EXAMPLES = int(os.environ.get("ROAM_FUZZ_EXAMPLES", "4"))
WITHOUT_TOKEN = max(1, EXAMPLES // 10)
TIMEOUT_S = 35.0
"""Longer than a reader of the feed may ask to wait for an event (30 s)."""
_FAULTS_OF_PARTNERS = {"partner-fault", "partner-silent"}
"""Where a partner had to be asked and gave no answer, the contract API says so with 502 and 504."""


def _operations(document: dict[str, Any]) -> list[Any]:
    return [found.ok() for found in schemathesis.openapi.from_dict(document).get_all_operations()]


def _in_contract() -> list[Any]:
    return _operations(openapi.document())


CONTRACT, EDGE = _in_contract(), _operations(described.edge())


class Served:
    """The deployment in a thread of its own: the generator's calls wait for their answers."""

    def __init__(self, database_url: str, vault: Vault) -> None:
        self.target: Target
        self._loop = asyncio.new_event_loop()
        self._done, self._ready = asyncio.Event(), threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(database_url, vault),))

    async def _run(self, database_url: str, vault: Vault) -> None:
        try:
            async with target(database_url, vault) as self.target:
                self._ready.set()
                await self._done.wait()
        finally:
            self._ready.set()

    def __enter__(self) -> Target:
        self._thread.start()
        self._ready.wait(30)
        return self.target

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(30)
        self._loop.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def database(databases: Databases) -> str:
    return await databases.fresh()


@pytest.fixture(scope="module")
def aim(database: str, vault: Vault) -> Iterator[Target]:
    with Served(database, vault) as served:
        yield served


def _name(operation: Any) -> str:
    return operation.label.replace("/", " ").replace("  ", " /")


def _provoke(aim: Target, operation: Any, authorization: str | None, examples: int, base: str = "") -> None:
    """Send requests that fit the description, and requests that do not."""
    modes = schemathesis.GenerationMode
    strategy = hypothesis.strategies.one_of(*(operation.as_strategy(generation_mode=mode) for mode in modes))

    @hypothesis.settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(case=strategy)
    def send(case: Any) -> None:
        if authorization is not None:
            case.headers["Authorization"] = authorization
        elif case.headers:
            case.headers.pop("Authorization", None)
        try:
            answer = case.call(base_url=f"http://127.0.0.1:{aim.port}{base}", timeout=TIMEOUT_S)
        except (requests.exceptions.InvalidHeader, requests.exceptions.InvalidURL):
            return  # what no client can send
        shown = f"{case.as_curl_command()}\n{answer.status_code} {answer.text[:500]}"
        if authorization is None:
            assert not 200 <= answer.status_code < 300, shown
        assert answer.status_code < 500 or _is_a_partners(answer), shown

    send()


def _is_a_partners(answer: Any) -> bool:
    return any(f"/{kind}" in answer.text for kind in _FAULTS_OF_PARTNERS)


@pytest.mark.parametrize("operation", CONTRACT, ids=_name)
def test_the_contract_api(aim: Target, operation: Any) -> None:
    _provoke(aim, operation, aim.authorizations["backend"], EXAMPLES, "/contract/v1")


@pytest.mark.parametrize("operation", CONTRACT, ids=_name)
def test_the_contract_api_without_a_key(aim: Target, operation: Any) -> None:
    _provoke(aim, operation, None, WITHOUT_TOKEN, "/contract/v1")


@pytest.mark.parametrize("operation", EDGE, ids=_name)
def test_the_edge(aim: Target, operation: Any) -> None:
    for who in ("operator", "provider"):
        _provoke(aim, operation, aim.authorizations[who], EXAMPLES)


@pytest.mark.parametrize("operation", EDGE, ids=_name)
def test_the_edge_without_a_token(aim: Target, operation: Any) -> None:
    _provoke(aim, operation, None, WITHOUT_TOKEN)


def test_every_operation_is_among_them() -> None:
    """Every row of every version's table, and versions and details."""
    adapters = build_registry(None).adapters()
    assert len(EDGE) == 1 + len(adapters) + sum(len(adapter.endpoints) for adapter in adapters)
    described_operations = sum(len(place) for place in openapi.document()["paths"].values())  # type: ignore[attr-defined]
    assert len(CONTRACT) == described_operations
