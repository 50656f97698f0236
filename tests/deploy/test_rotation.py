"""`roam rotate-keys`, and what `roam doctor` says of keys."""

import asyncio

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from canonical.store import AccessPurpose, Store
from canonical.vault import Vault
from deploy.cli import app
from deploy.commands import rotation
from deploy.settings import load
from tests.deploy.test_settings import COMPLETE
from tests.store.samples import connection

FIRST, SECOND = "the first secret key and it is long enough", "the second secret key and it is long enough"


@pytest.fixture
async def set_up(database_url: str, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A deployment with a token, from before the rotation."""
    store = await Store.connect(database_url, Vault(SecretStr(FIRST)), pool_size=1)
    async with store.transaction() as work:
        await work.connections.add(connection())
        await work.access.issue("emsp", AccessPurpose.ACCESS, "a")
    await store.close()
    for name, value in (COMPLETE | {"ROAM_DATABASE_URL": database_url, "ROAM_SECRET_KEY": SECOND}).items():
        monkeypatch.setenv(name, value)
    return monkeypatch


async def roam(*arguments: str) -> tuple[int, str]:
    result = await asyncio.to_thread(CliRunner().invoke, app, list(arguments))
    assert FIRST not in result.output + repr(result.exception)
    assert SECOND not in result.output + repr(result.exception)
    return result.exit_code, result.output


async def test_it_says_what_is_sealed_by_which_key_and_seals_it_anew(set_up: pytest.MonkeyPatch) -> None:
    set_up.setenv("ROAM_FORMER_SECRET_KEYS", FIRST)
    old, new = (Vault(SecretStr(key)).key_id.hex() for key in (FIRST, SECOND))
    assert (await rotation.finding(load())).warning
    code, said = await roam("rotate-keys", "--look")
    assert code == 0
    assert f"access_token.sealed: 1 by key {old} (former)" in said
    code, said = await roam("rotate-keys")
    assert code == 0
    assert f"access_token.sealed: 1 by key {new} (newest)" in said
    assert "Everything is sealed by the newest key." in said
    found = await rotation.finding(load())
    assert (found.fault, found.warning) == (False, False)


async def test_a_former_key_that_is_missing_is_named_by_its_id(set_up: pytest.MonkeyPatch) -> None:
    code, said = await roam("rotate-keys")
    assert code == 2
    assert Vault(SecretStr(FIRST)).key_id.hex() in said
    found = await rotation.finding(load())
    assert found.fault
    assert Vault(SecretStr(FIRST)).key_id.hex() in found.words


async def test_the_first_key_has_to_stay(set_up: pytest.MonkeyPatch) -> None:
    set_up.setenv("ROAM_FORMER_SECRET_KEYS", FIRST)
    await roam("rotate-keys")
    set_up.delenv("ROAM_FORMER_SECRET_KEYS")
    assert (await rotation.finding(load())).fault
    code, said = await roam("rotate-keys", "--look")
    assert code == 2
    assert "with which this deployment began" in said
