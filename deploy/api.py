"""The process that answers on HTTP: partners on one face, the operator's own systems on the other."""

import logging

import uvicorn

from api.app import create
from deploy import telemetry
from deploy.composition import deployment
from deploy.settings import Settings

_log = logging.getLogger(__name__)


async def run(settings: Settings) -> None:
    """Serve until the process is asked to end; then let requests under way finish, if they do in time."""
    provider = telemetry.start("roam-api", log_level=settings.log_level, log_format=settings.log_format)
    try:
        async with deployment(settings) as built:
            app = create(built.services)
            telemetry.trace_requests(app)
            config = uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=round(settings.graceful_shutdown_s),
            )
            server = uvicorn.Server(config)
            await server.serve()
            if not server.started:
                raise RuntimeError(f"cannot listen on {settings.host}:{settings.port}")
    finally:
        telemetry.stop(provider)
