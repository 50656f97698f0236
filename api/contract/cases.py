"""Cases: what a person has to decide."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.contract.writing import Afterwards, IdempotencyKey, Write
from api.services import Services
from canonical.settlement import Case, CaseState
from canonical.store import UnitOfWork


class Decision(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"accepted": True, "decision": "agreed by phone"}]}
    )

    accepted: bool = Field(description="Let the matter pass: a quarantined CDR may be paid.")
    decision: Annotated[str, Field(min_length=1, max_length=10_000)]


def routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/cases", tags=["cases"])

    @router.get("")
    async def list_cases(state: CaseState | None = None) -> list[Case]:
        """Cases, oldest first."""
        async with services.store.transaction() as unit:
            return list(await unit.cases.list(state=state))

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
