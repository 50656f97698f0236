"""A deployment under test on a real port."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from api.app import create
from tests.api.partner import Deployment


@asynccontextmanager
async def served(roam: Deployment) -> AsyncIterator[str]:
    """Its address, while the block runs."""
    server = uvicorn.Server(uvicorn.Config(create(roam.services), port=0, log_config=None, lifespan="off"))
    task = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(10):
            while not server.started:  # noqa: ASYNC110  the server has no event for it
                await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task
