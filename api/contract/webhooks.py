"""Webhooks: where events are sent to, signed, in order, and again until they arrive."""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Self

from fastapi import APIRouter, Request, Response
from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field

from adapters.contract import UnsafeUrl
from api.contract.exact_json import ExactRoute
from api.contract.listing import After, Limit, Listed, listed, position
from api.contract.writing import Afterwards, IdempotencyKey, Write
from api.errors import InvalidInput
from api.services import Services
from canonical import webhook_signature
from canonical.event import EventKind
from canonical.model import Instant
from canonical.store import NotFound, UnitOfWork, Webhook

_LIST = "webhooks"
_OVERLAP = timedelta(hours=24)


class NewWebhook(BaseModel):
    """Where to send events. Without `kinds`, all of them; `from_beginning`: also those that have happened."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"url": "https://backend.example/roaming-events", "kinds": ["session.ended", "cdr.checked"]},
            ]
        },
    )

    url: Annotated[AnyHttpUrl, Field(description="Plain HTTP and private addresses only where the settings allow.")]
    kinds: tuple[EventKind, ...] = ()
    from_beginning: bool = False


class WebhookView(BaseModel):
    """A webhook and how it fares. `failure` is why the last attempt came to nothing."""

    id: str
    url: str
    kinds: tuple[EventKind, ...]
    created_at: Instant
    delivered_at: Instant | None
    failed_at: Instant | None
    failure: str | None
    paused_at: Instant | None
    previous_secret_until: Instant | None

    @classmethod
    def of(cls, webhook: Webhook) -> Self:
        return cls.model_validate(webhook, from_attributes=True)


class WebhookWithSecret(BaseModel):
    """A webhook with its newest secret, which is shown here and nowhere else."""

    webhook: WebhookView
    secret: str = Field(repr=False, examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])


class Removed(BaseModel):
    """It is gone."""

    id: str


class Rotation(BaseModel):
    """How long the secret of before signs as well."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"overlap_hours": 24}]})

    overlap_hours: Annotated[int, Field(ge=0, le=24 * 30)] = int(_OVERLAP.total_seconds() // 3600)


def routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/webhooks", tags=["webhooks"], route_class=ExactRoute)

    def woken(webhook_id: str, afterwards: Afterwards) -> None:
        afterwards.do(f"webhook {webhook_id}", lambda: services.signals.deliver(webhook_id))

    @router.post("", status_code=201, response_model=WebhookWithSecret)
    async def create_webhook(order: NewWebhook, request: Request, key: IdempotencyKey = None) -> Response:
        """Have events sent to an address, from now on. The secret that signs is in the answer, and nowhere else."""
        url = _checked(services.guard_url, str(order.url))

        async def work(unit: UnitOfWork, afterwards: Afterwards) -> WebhookWithSecret:
            secret = webhook_signature.new_secret()
            start = 0 if order.from_beginning else await unit.events.last()
            webhook = await unit.webhooks.add(url, order.kinds, secret, position=start)
            woken(webhook.id, afterwards)
            return WebhookWithSecret(webhook=WebhookView.of(webhook), secret=secret.get_secret_value())

        return await Write(services, request, key).do(work, status=201)

    @router.get("")
    async def list_webhooks(after: After = None, limit: Limit = 100) -> Listed[WebhookView]:
        """All webhooks, with how they fare."""
        async with services.store.transaction() as unit:
            found = await unit.webhooks.list(after=position(_LIST, after) or "", limit=limit + 1)
        return listed(_LIST, [WebhookView.of(webhook) for webhook in found], limit, lambda webhook: webhook.id)

    @router.get("/{webhook_id}")
    async def get_webhook(webhook_id: str) -> WebhookView:
        """One webhook, with how it fares."""
        async with services.store.transaction() as unit:
            return WebhookView.of(await unit.webhooks.get(webhook_id))

    @router.post("/{webhook_id}/secret", response_model=WebhookWithSecret)
    async def rotate_secret(
        webhook_id: str, rotation: Rotation, request: Request, key: IdempotencyKey = None
    ) -> Response:
        """Sign with a new secret. For a while the old one signs as well, so that no delivery is lost on the way."""

        async def work(unit: UnitOfWork, _afterwards: Afterwards) -> WebhookWithSecret:
            secret = webhook_signature.new_secret()
            until = services.clock() + timedelta(hours=rotation.overlap_hours)
            webhook = await unit.webhooks.rotate(webhook_id, secret, overlap_until=until)
            return WebhookWithSecret(webhook=WebhookView.of(webhook), secret=secret.get_secret_value())

        return await Write(services, request, key).do(work)

    @router.post("/{webhook_id}/resume", response_model=WebhookView)
    async def resume_webhook(webhook_id: str, request: Request, key: IdempotencyKey = None) -> Response:
        """Go on after a pause, with the event that did not arrive. What waits is sent in order."""

        async def work(unit: UnitOfWork, afterwards: Afterwards) -> WebhookView:
            webhook = await unit.webhooks.resume(webhook_id)
            woken(webhook_id, afterwards)
            return WebhookView.of(webhook)

        return await Write(services, request, key).do(work)

    @router.delete("/{webhook_id}", response_model=Removed)
    async def delete_webhook(webhook_id: str, request: Request, key: IdempotencyKey = None) -> Response:
        """Send nothing more to it. What waited for it stays in the feed."""

        async def work(unit: UnitOfWork, afterwards: Afterwards) -> Removed:
            if not await unit.webhooks.remove(webhook_id):
                raise NotFound(f"no webhook {webhook_id}")
            woken(webhook_id, afterwards)
            return Removed(id=webhook_id)

        return await Write(services, request, key).do(work)

    return router


def _checked(guard: Callable[[str], object], url: str) -> str:
    """Raises InvalidInput for an address that is not called, as far as its text tells."""
    try:
        guard(url)
    except UnsafeUrl as error:
        raise InvalidInput.of("url", str(error)) from None
    return url
