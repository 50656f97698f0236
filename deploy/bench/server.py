"""The api process of a measurement: the real application, and beside it the ceilings, on one web server."""

import asyncio
import json
import logging
import sys
from typing import Final
from urllib.parse import parse_qs

import asyncpg
import uvicorn
from pydantic import SecretStr
from starlette.types import ASGIApp, Receive, Scope, Send

from api.app import create
from canonical.store import Store
from canonical.vault import Vault
from deploy import garbage, telemetry
from deploy.api import server_config
from deploy.bench.config import CEILING, POOL_SIZE, ServerConfig, services
from deploy.event_loop import new_loop
from deploy.settings import LogFormat

_PAGE: Final = """
SELECT (SELECT coalesce(sum(total), 0)::bigint FROM object_count WHERE family = 'location' AND source = ''),
    string_agg(content, ','::bytea ORDER BY number)
FROM (
    SELECT number, content FROM representation
    WHERE family = 'location' AND adapter = $1 AND number > $2 ORDER BY number LIMIT $3
) p
"""
_ONE: Final = "SELECT content FROM representation WHERE family = 'location' AND number = $2 AND adapter = $1"
_TOKEN: Final = "SELECT document FROM token WHERE source = '' AND key = $1"  # noqa: S105
_UPSERT: Final = """
INSERT INTO bench_upsert (key, document) VALUES ($1, $2)
ON CONFLICT (key) DO UPDATE SET document = excluded.document
"""
_HEADERS: Final = [(b"content-type", b"application/json")]


class _Ceiling:
    """Stored bytes out, or one row in: the same web server, driver and database, with no other work."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}
        headers = list(_HEADERS)
        match scope["path"].removeprefix(f"{CEILING}/"):
            case "page":
                total, content = await self._pool.fetchrow(
                    _PAGE, asked["adapter"], int(asked["after"]), int(asked["limit"])
                )
                headers.append((b"x-total-count", str(total).encode()))
                body = b"".join((b'{"data":[', content, b'],"status_code":1000}'))
            case "one":
                content = await self._pool.fetchval(_ONE, asked["adapter"], int(asked["number"]))
                body = b"".join((b'{"data":', content, b',"status_code":1000}'))
            case "token":
                document = await self._pool.fetchval(_TOKEN, asked["key"])
                body = b"".join((b'{"data":', document.encode(), b',"status_code":1000}'))
            case _:
                await self._pool.execute(_UPSERT, asked["key"], (await _body(receive)).decode())
                body = b'{"status_code":1000}'
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def _body(receive: Receive) -> bytes:
    chunks = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)


def _beside(app: ASGIApp, ceiling: ASGIApp) -> ASGIApp:
    async def both(scope: Scope, receive: Receive, send: Send) -> None:
        under = scope["type"] == "http" and scope["path"].startswith(CEILING)
        await (ceiling if under else app)(scope, receive, send)

    return both


async def _nothing(connection: asyncpg.Connection) -> None:
    del connection


async def serve(config: ServerConfig) -> None:
    store = await Store.connect(config.database_url, Vault(SecretStr(config.secret_key)), pool_size=POOL_SIZE)
    pool = await asyncpg.create_pool(config.database_url, min_size=1, max_size=POOL_SIZE, reset=_nothing)
    try:
        app = create(services(store, config.port))
        telemetry.trace_requests(app)
        garbage.settle()
        both = _beside(app, _Ceiling(pool))
        await uvicorn.Server(server_config(both, "127.0.0.1", config.port, graceful_s=1)).serve()
    finally:
        await pool.close()
        await store.close()


def main() -> None:
    config = ServerConfig.model_validate(json.loads(sys.stdin.readline()))
    provider = telemetry.start("roam-bench", log_level="INFO", log_format=LogFormat.JSON)
    logging.getLogger("roamwork.bench").info("serving on port %d", config.port)
    try:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(serve(config))
    finally:
        telemetry.stop(provider)


if __name__ == "__main__":
    main()
