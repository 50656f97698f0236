"""The operator's own interface: its charging backend, app and billing talk here.

Versioned in its path, described by its OpenAPI document, and free of partners except as metadata.
"""

from fastapi import Depends, FastAPI

from api.contract import (
    authorizations,
    cases,
    cdrs,
    connections,
    invoices,
    locations,
    pages,
    problems,
    sessions,
    settlements,
    tariffs,
    tokens,
)
from api.contract.keys import key_check
from api.contract.limits import BodyLimit
from api.services import Services

_FAMILIES = (
    connections,
    locations,
    tariffs,
    tokens,
    authorizations,
    sessions,
    cdrs,
    cases,
    settlements,
    invoices,
)
_DESCRIPTION = """
What an operator's systems tell Roamwork and ask of it. Energy is in kWh, money in the currency that stands beside
it, both exact: send numbers as JSON numbers or as text. Instants are ISO 8601 with a zone. Every write takes an
`Idempotency-Key`; every error is a problem (RFC 9457).
"""


def build(services: Services) -> FastAPI:
    """The application to mount under `/contract/v1`."""
    app = FastAPI(
        title="Roamwork contract API",
        version="1",
        description=_DESCRIPTION,
        dependencies=[Depends(key_check(services.contract_keys))],
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
    app.add_middleware(BodyLimit)
    for family in _FAMILIES:
        app.include_router(family.routes(services))
    return app
