"""The process that answers on HTTP: partners on one face, the operator's own systems on the other."""

import logging

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from api.app import create
from api.contract.keys import Callers
from deploy import codec, codec_server, garbage, telemetry
from deploy.bounded_http import BoundedHttp
from deploy.composition import Deployment, deployment
from deploy.settings import Settings

_log = logging.getLogger(__name__)


async def run(settings: Settings) -> None:
    """Serve until the process is asked to end; then let requests under way finish, if they do in time."""
    provider = telemetry.start(
        "roam-api", log_level=settings.log_level, log_format=settings.log_format, metrics_at=settings.metrics_at
    )
    try:
        async with deployment(settings) as built:
            app = create(built.services)
            if settings.temporal_ui_origin is not None:
                app.mount(codec_server.PATH, _payloads(built, settings.temporal_ui_origin))
            telemetry.trace_requests(app, measured=settings.metrics_at is not None)
            garbage.settle()
            config = server_config(app, settings.host, settings.port, graceful_s=round(settings.graceful_shutdown_s))
            server = uvicorn.Server(config)
            await server.serve()
            if not server.started:
                raise RuntimeError(f"cannot listen on {settings.host}:{settings.port}")
    finally:
        telemetry.stop(provider)


def _payloads(built: Deployment, ui_origin: str) -> FastAPI:
    """What workflows carry, in clear, for whoever has a key to read it."""
    return codec_server.for_readers(
        codec.codec(built.settings.vault),
        built.client.namespace,
        callers=Callers(built.services),
        vault=built.settings.vault,
        ui_origin=ui_origin,
        clock=built.services.clock,
    )


def server_config(app: ASGIApp, host: str, port: int, *, graceful_s: int) -> uvicorn.Config:
    """The web server as we run it: the parser in C, and our own line about each request instead of its."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=BoundedHttp,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=graceful_s,
    )
