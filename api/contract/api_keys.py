"""API keys: one for each of the operator's own systems, with no more than it needs."""

from typing import Annotated, Self

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.contract.exact_json import ExactRoute
from api.contract.listing import After, Limit, Listed, listed, position
from api.contract.scopes import Scope
from api.contract.writing import Afterwards, IdempotencyKey, Write
from api.errors import InvalidInput
from api.services import Services
from canonical.model import Instant
from canonical.store import ApiKey, UnitOfWork

_LIST = "keys"


class NewKey(BaseModel):
    """A key to make. Without `expires_at` it lives until it is revoked."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"name": "charging backend", "scopes": ["charging:write", "charging:read", "catalogue:write"]}]
        },
    )

    name: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1, max_length=len(Scope))]
    expires_at: Instant | None = Field(default=None, examples=["2027-01-01T00:00:00Z"])


class KeyView(BaseModel):
    """A key without its secret. `used_at` is known to the minute."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    created_at: Instant
    expires_at: Instant | None
    revoked_at: Instant | None
    used_at: Instant | None

    @classmethod
    def of(cls, key: ApiKey) -> Self:
        return cls.model_validate(key, from_attributes=True)


class KeyWithSecret(BaseModel):
    """A key with its secret, which is shown here and nowhere else."""

    key: KeyView
    secret: str = Field(repr=False, examples=["roam_Zp1…"])


def routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/keys", tags=["keys"], route_class=ExactRoute)

    @router.post("", status_code=201, response_model=KeyWithSecret)
    async def create_key(order: NewKey, request: Request, key: IdempotencyKey = None) -> Response:
        """Make a key. Its secret is in the answer, and nowhere else."""
        if order.expires_at is not None and order.expires_at <= services.clock():
            raise InvalidInput.of("expires_at", "is in the past")

        async def work(unit: UnitOfWork, _afterwards: Afterwards) -> KeyWithSecret:
            scopes = [scope.value for scope in order.scopes]
            made, secret = await unit.api_keys.create(order.name, scopes, order.expires_at)
            return KeyWithSecret(key=KeyView.of(made), secret=secret.get_secret_value())

        return await Write(services, request, key).do(work, status=201)

    @router.get("")
    async def list_keys(after: After = None, limit: Limit = 100) -> Listed[KeyView]:
        """All keys, the expired and revoked ones too. The keys in the settings are not among them."""
        async with services.store.transaction() as unit:
            found = await unit.api_keys.list(after=position(_LIST, after) or "", limit=limit + 1)
        return listed(_LIST, [KeyView.of(key) for key in found], limit, lambda key: key.id)

    @router.delete("/{key_id}", response_model=KeyView)
    async def revoke_key(key_id: str, request: Request, key: IdempotencyKey = None) -> Response:
        """End a key at once and for good."""

        async def work(unit: UnitOfWork, _afterwards: Afterwards) -> KeyView:
            return KeyView.of(await unit.api_keys.revoke(key_id))

        return await Write(services, request, key).do(work)

    return router
