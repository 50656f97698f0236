"""The web application: both faces, and what an orchestrator asks to know whether we live."""

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from api import contract, ocpi
from api.health import health_routes
from api.services import Services

_EDGE = "/ocpi"


class Application(FastAPI):
    """The partners' edge stands beside the framework, not in it: its layers would take longer than the edge itself."""

    def __init__(self, edge: ASGIApp) -> None:
        super().__init__(title="Roamwork", docs_url=None, redoc_url=None, openapi_url=None)
        self.edge = edge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (scope["path"] == _EDGE or scope["path"].startswith(f"{_EDGE}/")):
            root_path = f"{scope.get('root_path', '')}{_EDGE}"
            await self.edge({**scope, "root_path": root_path}, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create(services: Services) -> Application:
    """Build the application out of its services. It owns none of them: closing them is the caller's task."""
    app = Application(ocpi.build(services))
    app.include_router(health_routes(services))
    app.mount("/contract/v1", contract.build(services))
    return app
