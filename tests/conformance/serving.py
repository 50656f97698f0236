"""An ASGI application on a port of this machine, behind the web server of production."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp

from deploy.api import server_config


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ctrl-C belongs to the test run."""
        yield


def listener() -> socket.socket:
    """A free port, held."""
    opened = socket.socket()
    opened.bind(("127.0.0.1", 0))
    return opened


def address(opened: socket.socket) -> str:
    return f"http://127.0.0.1:{opened.getsockname()[1]}"


@asynccontextmanager
async def serving(app: ASGIApp, opened: socket.socket) -> AsyncIterator[None]:
    config = server_config(app, "127.0.0.1", 0, graceful_s=1)
    config.lifespan = "off"
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[opened]))
    while not server.started:  # noqa: ASYNC110  uvicorn has no event for it
        await asyncio.sleep(0.005)
    try:
        yield
    finally:
        server.should_exit = True
        server.force_exit = True
        await task
