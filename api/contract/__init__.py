"""The operator's own interface: its charging backend, app and billing talk here.

Versioned in its path, described by its OpenAPI document, and free of partners except as metadata.
"""

from collections.abc import Iterable

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute

from api.contract import (
    agreements,
    api_keys,
    authorizations,
    cases,
    cdrs,
    charging_profiles,
    commands,
    connections,
    deliveries,
    events,
    handshakes,
    invoice_records,
    invoices,
    locations,
    pages,
    partners,
    problems,
    pushes,
    sessions,
    settlements,
    tariffs,
    tokens,
    webhooks,
    work,
)
from api.contract.addresses import WholeIds, whole_ids
from api.contract.description import describe
from api.contract.keys import Callers, Endpoint, KeyBeforeBody, key_check
from api.contract.limits import BodyLimit
from api.contract.scopes import Scope, needed
from api.services import Services

_FAMILIES = (
    connections,
    deliveries,
    handshakes,
    pushes,
    locations,
    tariffs,
    tokens,
    authorizations,
    sessions,
    commands,
    charging_profiles,
    cdrs,
    cases,
    settlements,
    invoices,
    invoice_records,
    partners,
    agreements,
    events,
    webhooks,
    work,
    api_keys,
)
_DESCRIPTION = """
What an operator's systems tell Roamwork and ask of it. Energy is in kWh, money in the currency that stands beside
it, both exact: send numbers as JSON numbers or as text. Instants are ISO 8601 with a zone. Every write takes an
`Idempotency-Key`; every error is a problem (RFC 9457).
"""


def build(services: Services) -> FastAPI:
    """The application to mount under `/contract/v1`."""
    routers = tuple(family.routes(services) for family in _FAMILIES)
    scopes, callers = _scopes(routers), Callers(services)
    app = FastAPI(
        title="Roamwork contract API",
        version="1",
        description=_DESCRIPTION,
        dependencies=[Depends(whole_ids), Depends(key_check(callers, scopes))],
        separate_input_output_schemas=False,
        strict_content_type=False,
        docs_url=None,
        redoc_url=None,
        responses={
            "4XX": {"description": "A problem of the request", "model": problems.ProblemDetails},
            "5XX": {"description": "A problem of ours or of a partner", "model": problems.ProblemDetails},
        },
    )
    problems.install(app)
    pages.install(app)
    app.add_middleware(KeyBeforeBody, callers=callers)
    app.add_middleware(WholeIds)
    app.add_middleware(BodyLimit)
    for router in routers:
        app.include_router(router)
    describe(app)
    return app


def _scopes(routers: Iterable[APIRouter]) -> dict[Endpoint, Scope]:
    """The scope that each call needs. Raises KeyError for a family that is in no area: no call is without a scope."""
    calls = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    return {call.endpoint: needed(map(str, call.tags), call.methods or ()) for call in calls}
