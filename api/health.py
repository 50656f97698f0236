"""Liveness and readiness, for whatever runs us."""

from fastapi import APIRouter, Response
from pydantic import BaseModel

from api.services import Services
from canonical.store import StoreUnavailable


class Health(BaseModel):
    status: str


def health_routes(services: Services) -> APIRouter:
    """`/health/live`: the process answers. `/health/ready`: it can also reach its database."""
    router = APIRouter(prefix="/health", tags=["health"])

    @router.get("/live")
    async def live() -> Health:
        return Health(status="live")

    @router.get("/ready")
    async def ready(response: Response) -> Health:
        try:
            await services.store.ping()
        except StoreUnavailable:
            response.status_code = 503
            return Health(status="database unreachable")
        return Health(status="ready")

    return router
