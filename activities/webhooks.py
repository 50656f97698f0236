"""Deliver events to one of the operator's own systems: in order, signed, and the same one again until it arrives."""

from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.heartbeat import beating
from activities.resources import Resources
from adapters.contract import PartnerError
from adapters.transport.webhook import Received, WebhookHttp, webhook_http
from canonical import webhook_signature
from canonical.store import NotFound, StoredEvent, Webhook

BATCH = 50
"""Events of one attempt at most: few enough to be delivered to a slow receiver well within the activity's time."""

_GONE = 410
"""The receiver wants no more of it (RFC 9110)."""


@dataclass(frozen=True)
class Delivered:
    """What there is left to do: `more` events wait. `exists` and `paused` tell of the webhook itself."""

    sent: int
    more: bool = False
    exists: bool = True
    paused: bool = False


class WebhookActivities:
    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    @activity.defn(name="webhook-deliver")
    async def deliver(self, webhook_id: str) -> Delivered:
        """Send what waits, one event after the other, each when the one before has arrived.

        Keyed by the event: what arrived is noted at once, so that a repeat goes on where this one was cut off. An
        event whose answer was lost is sent again under the same id.
        """
        store = self._resources.store
        sent = 0
        async with beating(), webhook_http(self._resources.http.policy) as http:
            while sent < BATCH:
                async with store.transaction() as work:
                    try:
                        webhook = await work.webhooks.get(webhook_id)
                    except NotFound:
                        return Delivered(sent, exists=False)
                    if webhook.paused_at is not None:
                        return Delivered(sent, paused=True)
                    waiting = await work.events.after(webhook.position, kinds=webhook.kinds, limit=1)
                if not waiting:
                    return Delivered(sent)
                await self._send(http, webhook, waiting[0])
                async with store.transaction() as work:
                    await work.webhooks.delivered(webhook_id, waiting[0].number, self._resources.clock())
                sent += 1
        return Delivered(sent, more=True)

    @activity.defn(name="webhook-pause")
    async def pause(self, webhook_id: str) -> None:
        """Send nothing more until a person resumes it. Repeated: it is paused."""
        async with self._resources.store.transaction() as work:
            await work.webhooks.pause(webhook_id, self._resources.clock())

    async def _send(self, http: WebhookHttp, webhook: Webhook, stored: StoredEvent) -> None:
        """Raises ApplicationError when the event did not arrive; the reason is kept for whoever looks."""
        body = stored.event.model_dump_json().encode()
        now = self._resources.clock()
        async with self._resources.store.transaction() as work:
            keys = await work.webhooks.secrets(webhook.id, now)
        headers = webhook_signature.headers(keys, stored.event.id, int(now.timestamp()), body)
        try:
            received = await http.post(webhook.url, body, headers)
        except PartnerError as error:
            await self._failed(webhook, str(error))
            raise _failure(str(error)) from error
        if not 200 <= received.status < 300:
            reason = f"the receiver answered {received.status} to event {stored.event.id}"
            await self._failed(webhook, reason)
            raise _failure(reason, received)

    async def _failed(self, webhook: Webhook, reason: str) -> None:
        async with self._resources.store.transaction() as work:
            await work.webhooks.failed(webhook.id, reason, self._resources.clock())


def _failure(reason: str, received: Received | None = None) -> ApplicationError:
    later = received.retry_after_s if received else None
    return ApplicationError(
        reason,
        type="WebhookFailed",
        non_retryable=received is not None and received.status == _GONE,
        next_retry_delay=timedelta(seconds=min(later, 3600)) if later else None,
        category=ApplicationErrorCategory.BENIGN,
    )
