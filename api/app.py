"""The web application: both faces, and what an orchestrator asks to know whether we live."""

from fastapi import FastAPI

from api import contract, ocpi
from api.health import health_routes
from api.services import Services


def create(services: Services) -> FastAPI:
    """Build the application out of its services. It owns none of them: closing them is the caller's task."""
    app = FastAPI(title="Roamwork", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(health_routes(services))
    app.mount("/contract/v1", contract.build(services))
    app.mount("/ocpi", ocpi.build(services))
    return app
