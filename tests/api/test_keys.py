"""API keys: what they open, how long, and that nobody can read them back."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from canonical.store import Store
from deploy.cli import app
from tests.api.partner import API_KEY, NOW, Deployment
from tests.api.served import served
from tests.api.test_contract import problem

ORDER = {"name": "charging backend", "scopes": ["charging:write", "charging:read"]}


async def made(roam: Deployment, **changes: object) -> dict:
    answer = await roam.contract("POST", "/keys", json={**ORDER, **changes})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def ask(roam: Deployment, secret: str, method: str, path: str, **more: object) -> httpx.Response:
    headers = {"Authorization": f"Bearer {secret}"}
    return await roam.http.request(method, f"/contract/v1{path}", headers=headers, **more)


async def test_a_key_opens_what_its_scopes_say(roam: Deployment):
    key = await made(roam)
    assert (await ask(roam, key["secret"], "GET", "/sessions")).status_code == 200
    refused = problem(await ask(roam, key["secret"], "GET", "/ledger"), 403, "not-allowed")
    assert "finance:read" in refused["detail"]
    problem(await ask(roam, key["secret"], "POST", "/keys", json=ORDER), 403, "not-allowed")
    admin = await made(roam, scopes=["admin"])
    assert (await ask(roam, admin["secret"], "GET", "/ledger")).status_code == 200
    problem(await roam.contract("POST", "/keys", json={**ORDER, "scopes": ["everything"]}), 422, "invalid-input")


@pytest.mark.parametrize("header", [None, "Bearer no-key-of-ours", "Basic no-key-of-ours", "Bearer"])
async def test_nothing_is_read_from_who_has_no_key(roam: Deployment, header: str | None):
    """Neither sent on nor parsed: what is large, or no JSON at all, is not even looked at."""
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(100):
            read += 1
            yield b"["

    headers = {"Authorization": header} if header else {}
    for content in (body(), b"{"):
        answer = await roam.http.post("/contract/v1/keys", content=content, headers=headers)
        problem(answer, 401, "unauthenticated")
    assert read == 0


async def test_who_tries_more_than_its_key_opens_is_a_security_event(
    roam: Deployment, caplog: pytest.LogCaptureFixture
):
    key = await made(roam)
    await ask(roam, key["secret"], "GET", "/ledger")
    await ask(roam, "a-guessed-key", "GET", "/ledger")
    told = [record.getMessage() for record in caplog.records if record.name == "roamwork.security"]
    assert told == [
        f"key {key['key']['id']} was used for a call that needs finance:read",
        "a request to the contract API came with an unknown key",
    ]
    assert key["secret"] not in caplog.text
    assert "a-guessed-key" not in caplog.text


async def test_a_revoked_key_opens_nothing_and_stays_on_the_list(roam: Deployment):
    key = await made(roam)
    for _ in range(2):
        ended = await roam.contract("DELETE", f"/keys/{key['key']['id']}")
        assert ended.json()["revoked_at"] is not None
    problem(await ask(roam, key["secret"], "GET", "/sessions"), 401, "unauthenticated")
    (listed,) = (await roam.contract("GET", "/keys")).json()["items"]
    assert (listed["id"], listed["revoked_at"]) == (key["key"]["id"], ended.json()["revoked_at"])
    problem(await roam.contract("DELETE", "/keys/none"), 404, "unknown-object")


async def test_an_expired_key_opens_nothing(roam: Deployment):
    problem(await roam.contract("POST", "/keys", json={**ORDER, "expires_at": NOW.isoformat()}), 422, "invalid-input")
    later = await made(roam, expires_at="2026-03-29T00:00:00Z")
    assert (await ask(roam, later["secret"], "GET", "/sessions")).status_code == 200
    async with roam.store._begin() as opened:
        await opened.execute(text("UPDATE api_key SET expires_at = '2026-03-28T11:59:59Z'"))
    problem(await ask(roam, later["secret"], "GET", "/sessions"), 401, "unauthenticated")


async def test_its_last_use_is_known(roam: Deployment):
    key = await made(roam)
    assert key["key"]["used_at"] is None
    await ask(roam, key["secret"], "GET", "/sessions")
    (listed,) = (await roam.contract("GET", "/keys")).json()["items"]
    assert listed["used_at"] == "2026-03-28T12:00:00Z"


async def test_the_secret_is_shown_once_and_stored_nowhere(
    roam: Deployment, store: Store, caplog: pytest.LogCaptureFixture
):
    headers = {"Idempotency-Key": "make-it"}
    first = await roam.contract("POST", "/keys", json=ORDER, headers=headers)
    again = await roam.contract("POST", "/keys", json=ORDER, headers=headers)
    assert first.content == again.content
    secret = first.json()["secret"]
    assert secret not in (await roam.contract("GET", "/keys")).text
    async with store._begin() as opened:
        for table in ("api_key", "idempotency"):
            rows = (await opened.execute(text(f"SELECT t::text FROM {table} t"))).scalars().all()  # noqa: S608
            assert rows
            assert not any(secret in row or secret.encode().hex() in row for row in rows)
    assert secret not in caplog.text


async def test_an_idempotency_key_is_its_callers_own(roam: Deployment):
    """Two systems that choose the same key do not see each other's answers."""
    keys = [await made(roam, name=name, scopes=["admin"]) for name in ("one", "two")]
    answers = []
    for key in keys:
        headers = {"Authorization": f"Bearer {key['secret']}", "Idempotency-Key": "k1"}
        answers.append(await roam.http.post("/contract/v1/keys", json=ORDER, headers=headers))
    assert [a.status_code for a in answers] == [201, 201]
    assert answers[0].json()["secret"] != answers[1].json()["secret"]


async def test_the_command_line(roam: Deployment, monkeypatch: pytest.MonkeyPatch):
    async with served(roam) as url:
        monkeypatch.setenv("ROAM_URL", url)
        monkeypatch.setenv("ROAM_API_KEY", API_KEY)
        key = await keys_command(
            "create", "billing", "finance:read", "finance:write", "--expires", "2027-01-01T00:00:00Z"
        )
        assert key["key"]["scopes"] == ["finance:read", "finance:write"]
        assert (await ask(roam, key["secret"], "GET", "/ledger")).status_code == 200
        (listed,) = await keys_command("list")
        assert listed["name"] == "billing"
        assert "secret" not in listed
        await keys_command("revoke", key["key"]["id"])
        problem(await ask(roam, key["secret"], "GET", "/ledger"), 401, "unauthenticated")


async def keys_command(*arguments: str) -> Any:
    result = await asyncio.to_thread(CliRunner().invoke, app, ["keys", *arguments])
    assert result.exit_code == 0, result.output
    return json.loads(result.output)
