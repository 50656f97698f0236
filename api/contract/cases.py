"""Cases: what a person has to decide."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.contract.exact_json import ExactRoute
from api.contract.listing import After, Limit, Listed, listed, position
from api.contract.writing import Afterwards, IdempotencyKey, Write
from api.errors import InvalidInput
from api.services import Services
from canonical.settlement import Case, CaseState
from canonical.store import UnitOfWork

_LIST = "cases"


class Decision(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"accepted": True, "decision": "agreed by phone"}]}
    )

    accepted: bool = Field(description="Let the matter pass: a quarantined CDR may be paid.")
    decision: Annotated[str, Field(min_length=1, max_length=10_000)]


def routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/cases", tags=["cases"], route_class=ExactRoute)

    @router.get("")
    async def list_cases(state: CaseState | None = None, after: After = None, limit: Limit = 100) -> Listed[Case]:
        """Cases, oldest first."""
        async with services.store.transaction() as unit:
            found = await unit.cases.page(state=state, after=_place(after), limit=limit + 1)
        return listed(_LIST, found, limit, lambda case: f"{case.opened_at.isoformat()} {case.id}")

    @router.get("/{case_id}")
    async def get_case(case_id: str) -> Case:
        """One case."""
        async with services.store.transaction() as unit:
            return await unit.cases.get(case_id)

    @router.post("/{case_id}/decision", response_model=Case)
    async def decide(case_id: str, decision: Decision, request: Request, key: IdempotencyKey = None) -> Response:
        """Close a case. A case that was decided otherwise stays as it is: 409."""

        async def work(unit: UnitOfWork, _afterwards: Afterwards) -> Case:
            await unit.cases.close(case_id, decision.decision, services.clock(), accepted=decision.accepted)
            return await unit.cases.get(case_id)

        return await Write(services, request, key).do(work)

    return router


def _place(after: str | None) -> tuple[datetime, str] | None:
    """When a case was opened, and its id. Raises InvalidInput."""
    place = position(_LIST, after)
    if place is None:
        return None
    opened_at, _, case_id = place.partition(" ")
    try:
        return datetime.fromisoformat(opened_at), case_id
    except ValueError:
        raise InvalidInput.of("after", "is no cursor of this list") from None
