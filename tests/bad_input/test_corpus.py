"""Malformed and hostile messages get exactly the answer that stands beside them, and change nothing."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from canonical.vault import Vault
from tests.bad_input.deployment import Target, target
from tests.bad_input.message import Message, corpus
from tests.bad_input.wire import Answer
from tests.conftest import Databases

MESSAGES = corpus()
_TRACES = ("Traceback", 'File "', "site-packages", "sqlalchemy", "asyncpg", "pydantic")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def aim(databases: Databases, vault: Vault) -> AsyncIterator[Target]:
    async with target(await databases.fresh(), vault) as built:
        yield built


def test_there_are_enough_of_them() -> None:
    assert len(MESSAGES) >= 200
    assert len({message.name for message in MESSAGES}) == len(MESSAGES)


@pytest.mark.parametrize("message", MESSAGES, ids=str)
async def test_a_bad_message(aim: Target, message: Message) -> None:
    status, code, words = message.answer
    answer = await aim.send(message.bytes(aim.authorizations.get(message.who)))
    changed = await aim.changed()
    assert (answer.status, _code(message, answer)) == (status, code), answer.body.decode(errors="replace")
    assert words in _words(answer)
    _check_harmless(aim, answer)
    assert changed <= set(message.changes)


def _code(message: Message, answer: Answer) -> int | str | None:
    """The status code of an envelope, or the kind of a problem: one of the two is there, and it is whole."""
    if message.answer[1] is None:
        return None
    if message.answer[0] in (204, 304) or (message.send.startswith("HEAD") and not answer.body):
        return message.answer[1]
    document = json.loads(answer.body)
    if answer.headers["content-type"] == "application/problem+json":
        assert {"type", "title", "status", "detail"} <= document.keys()
        assert document["status"] == answer.status
        kind: str = document["type"].rpartition("/")[2]
        return kind
    assert {"status_code", "timestamp"} <= document.keys()
    assert {"x-request-id", "x-correlation-id"} <= answer.headers.keys()
    assert answer.headers["content-type"] == "application/json"
    return int(document["status_code"])


def _words(answer: Answer) -> str:
    """What the answer says to a person."""
    try:
        document = json.loads(answer.body)
    except ValueError:
        return answer.body.decode("latin-1")
    return str(document.get("status_message") or document.get("detail") or "")


def _check_harmless(aim: Target, answer: Answer) -> None:
    """Nothing of our inside, and nobody's secret."""
    text = answer.body.decode("utf-8") + json.dumps(answer.headers)
    assert [secret for secret in aim.secrets if secret in text] == []
    assert [trace for trace in _TRACES if trace in text] == []
    assert len(answer.body) < 20_000
