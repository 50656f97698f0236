"""`roam retention`: what is due, and a driver who is forgotten only when nothing stands against it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner, Result

from canonical.store import Store
from canonical.vault import Vault, new_token
from deploy.cli import app
from tests.conftest import Databases
from tests.store import samples
from tests.store.samples import of

SECRET = new_token().get_secret_value()


@pytest.fixture
def deployed(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A deployment, named by the environment, with a CDR of one driver."""

    async def make() -> str:
        url = await databases.fresh()
        async with _store(url) as store, store.transaction() as work:
            await work.sessions.put(samples.session())
            await work.cdrs.add(samples.dossier(), connection_id="emsp", ours=True, evidence_id=None)
        return url

    url = asyncio.run(make())
    for name, value in {
        "DATABASE_URL": url, "SECRET_KEY": SECRET, "PARTY": "DE*RCO", "BUSINESS_NAME": "Rco", "PUBLIC_URL": "https://r.example",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"ROAM_{name}", value)
    yield url
    asyncio.run(databases.drop(url))


def _roam(*words: str) -> Result:
    return CliRunner().invoke(app, ["retention", *words])


def test_show_says_what_the_law_says_and_what_is_there(deployed: str) -> None:
    shown = _roam("show")
    assert shown.exit_code == 0, shown.output
    assert "VOUCHERS: 8 years from the end of the calendar year" in shown.output
    assert any(line.split()[:2] == ["cdr", "1"] for line in shown.output.splitlines())


def test_nothing_young_is_swept(deployed: str) -> None:
    assert "would go: 0 rows, and the identity of 0 drivers" in _roam("sweep", "--dry-run").output
    assert "gone: 0 rows" in _roam("sweep").output


def test_a_duty_stands_against_forgetting_until_a_reason_is_given(deployed: str) -> None:
    whom = ("forget", "--issuer", "nl*rem", "--contract", "nl-rem-c1")
    refused = _roam(*whom)
    assert refused.exit_code == 1
    assert "against it: VOUCHER until" in refused.output
    assert "against it: 1 × session is not over" in refused.output
    assert _roam(*whom, "--dry-run").exit_code == 0
    done = _roam(*whom, "--despite-duty", "a court said so")
    assert done.exit_code == 0, done.output
    assert _roam(*whom).exit_code == 2

    async def look() -> tuple[str, str | None]:
        async with _store(deployed) as store, store.transaction() as work:
            (case,) = await work.cases.list()
            kept = await work.cdrs.get(of("C1"), ours=True)
        assert kept is not None
        return kept.dossier.cdr.token.contract_id, case.decision

    contract, decision = asyncio.run(look())
    assert contract.startswith("ERASED-")
    assert decision == "a court said so"


@pytest.mark.parametrize(
    "words",
    [("--issuer", "nobody", "--token", "x"), ("--issuer", "NL*REM"), ("--issuer", "NL*REM", "--token", "NOBODY")],
)
def test_who_is_not_named_or_not_known_is_refused(deployed: str, words: tuple[str, ...]) -> None:
    assert _roam("forget", *words).exit_code == 2


@asynccontextmanager
async def _store(url: str) -> AsyncIterator[Store]:
    store = await Store.connect(url, Vault(SecretStr(SECRET)), pool_size=2)
    try:
        yield store
    finally:
        await store.close()
