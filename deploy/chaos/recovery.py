"""How long it takes from the restart of a killed process until business goes through it again."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final

import httpx
from temporalio.service import RPCError

from deploy.chaos.plan import Part
from deploy.chaos.sites import Ground
from workflows import ids

_AGAIN_AFTER_S: Final = 0.1
_ANSWER_WITHIN_S: Final = 3.0
_GIVE_UP_S: Final = 180.0


@dataclass(frozen=True)
class Recovered:
    """One kill and its end. Seconds count from the restart; what else was down meanwhile is in them."""

    number: int
    target: str
    down_s: float
    """Between kill and restart: on purpose."""
    ready_s: float
    """Until it took requests."""
    business_s: float | None
    """Until the first business request went through it; None: it never did in the time that there was."""


@dataclass
class Recoveries:
    found: list[Recovered] = field(default_factory=list)

    def figures(self) -> dict[str, dict[str, float]]:
        """By what was killed, and for all: how many, median and longest, in seconds."""
        kinds: dict[str, list[Recovered]] = {}
        for each in self.found:
            kinds.setdefault(each.target.split()[-1], []).append(each)
        return {kind: _figures(these) for kind, these in (*sorted(kinds.items()), ("all", self.found)) if these}


def _figures(these: Sequence[Recovered]) -> dict[str, float]:
    ready = [each.ready_s for each in these]
    business = [each.business_s for each in these if each.business_s is not None]
    figures = {"count": len(these), "ready_p50": round(median(ready), 2), "ready_max": round(max(ready), 2)}
    if business:
        figures |= {"business_p50": round(median(business), 2), "business_max": round(max(business), 2)}
    return figures


async def business(ground: Ground, part: Part, http: httpx.AsyncClient) -> float | None:
    """Ask until the part is at work again; how many seconds that took.

    An api and a PostgreSQL are at work when the contract API answers out of the store; a worker and a Temporal server
    when a workflow answers a question, for which the worker has to read its history.
    """
    began = time.monotonic()
    works = _store_answers if part in (Part.API, Part.POSTGRES) else _workflow_answers
    while not await works(ground, http):
        if time.monotonic() - began > _GIVE_UP_S:
            return None
        await asyncio.sleep(_AGAIN_AFTER_S)
    return time.monotonic() - began


async def _store_answers(ground: Ground, http: httpx.AsyncClient) -> bool:
    site = ground.site
    try:
        answer = await http.get(
            f"{site.contract_url}/connections",
            headers={"Authorization": f"Bearer {site.api_key}"},
            timeout=_ANSWER_WITHIN_S,
        )
    except httpx.TransportError:
        return False
    return answer.is_success


async def _workflow_answers(ground: Ground, _http: httpx.AsyncClient) -> bool:
    try:
        async with asyncio.timeout(2 * _ANSWER_WITHIN_S):
            client = await ground.temporal()
            handle = client.get_workflow_handle(ids.handshake(ground.site.connection_id))
            await handle.query("__temporal_workflow_metadata")
    except (RPCError, RuntimeError, TimeoutError):
        return False
    return True
