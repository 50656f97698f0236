"""What is under way with whom, since when, what it waits for, and what of it needs a person."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.contract.listing import After, Limit, Listed, cursor, position
from api.errors import InvalidInput, NotReady
from api.services import CannotTell, Services
from canonical.model import Instant
from workflows.work import Place, Wanted, Work, WorkKind

_LIST = "work"

OfConnection = Annotated[
    str | None, Query(alias="connection", max_length=64, description="Id of the connection that it is about.")
]
InState = Annotated[
    str | None, Query(pattern=r"^[A-Z_]{1,64}$", description="Where it stands: PARKED, STUCK_PROVING, …")
]


class WorkView(BaseModel):
    """One process. `waiting_for` and `next_action` are its own words; null when no worker answered in time."""

    kind: WorkKind
    connection: str | None = Field(description="With whom.")
    about: str | None = Field(description="Key of the session, CDR or statement, the module, or the month.")
    state: str | None
    attention: bool = Field(description="It cannot go on without a person, or something outside is late.")
    broken: bool = Field(description="Its own code fails: it goes on when that is mended.")
    since: Instant = Field(description="Since when it has been in this state.")
    deadline: Instant | None = Field(description="When it does something by itself; null: never, or it is over.")
    waiting_for: str | None
    next_action: str | None = Field(description="What a person can do.")
    outcome: str | None = Field(description="How it ended; null while it runs.")
    workflow_id: str

    @classmethod
    def of(cls, work: Work) -> Self:
        return cls(
            kind=work.kind,
            connection=work.connection_id,
            about=work.about,
            state=work.state,
            attention=work.attention,
            broken=work.broken,
            since=work.since,
            deadline=work.deadline,
            waiting_for=work.waiting_for,
            next_action=work.next_action,
            outcome=work.outcome,
            workflow_id=work.workflow_id,
        )


class WorkListed(Listed[WorkView]):
    """A page of what is under way, what has waited longest first."""

    total: int = Field(description="How many there are on all pages.")
    unanswered: int = Field(description="How many of this page were asked for their words, and no worker answered.")


def routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/work", tags=["work"])

    @router.get("")
    async def list_work(
        kind: WorkKind | None = None,
        connection: OfConnection = None,
        state: InState = None,
        attention: Annotated[bool, Query(description="Only what needs a person.")] = False,  # noqa: FBT002
        ended: Annotated[bool, Query(description="Also what is over, while Temporal remembers it.")] = False,  # noqa: FBT002
        after: After = None,
        limit: Limit = 100,
    ) -> WorkListed:
        """What is under way, a second late at most. `not-ready` while Temporal cannot be asked."""
        wanted = Wanted(kind=kind, connection_id=connection, state=state, attention=attention, ended=ended)
        try:
            page = await services.signals.work(wanted, after=_place(after), limit=limit)
        except CannotTell as error:
            raise NotReady(str(error)) from error
        items = tuple(WorkView.of(work) for work in page.items)
        return WorkListed(
            items=items,
            next=cursor(_LIST, _name(page.items[-1])) if page.more else None,
            total=page.total,
            unanswered=sum(1 for item in items if item.outcome is None and item.waiting_for is None),
        )

    return router


def _name(work: Work) -> str:
    return f"{work.place.since.isoformat()} {work.place.workflow_id}"


def _place(after: str | None) -> Place | None:
    """Raises InvalidInput."""
    place = position(_LIST, after)
    if place is None:
        return None
    since, _, workflow_id = place.partition(" ")
    try:
        found = datetime.fromisoformat(since)
    except ValueError:
        raise InvalidInput.of("after", "is no cursor of this list") from None
    if found.tzinfo is None:
        raise InvalidInput.of("after", "is no cursor of this list")
    return Place(found, workflow_id)
