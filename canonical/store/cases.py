"""Cases: what a person has to decide, until it is decided."""

from datetime import datetime

from sqlalchemy import select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from canonical.event import EventKind
from canonical.settlement import Case, CaseState
from canonical.store.documents import text_of
from canonical.store.errors import AlreadyExists, NotFound
from canonical.store.events import EventRepository
from canonical.store.tables import CaseRow
from canonical.store.transaction import Transaction


class CaseRepository:
    """Cases by id."""

    def __init__(self, connection: Transaction) -> None:
        self._connection = connection

    async def open(self, case: Case) -> bool:
        """Open a case. False when its id is known: what was found or decided first stays.

        Repeated: False. Cut off: nothing is opened.
        """
        opening = (
            insert(CaseRow)
            .values(
                id=case.id,
                kind=case.kind,
                subject=case.subject,
                state=case.state.value,
                opened_at=case.opened_at,
                document=text_of(case),
            )
            .on_conflict_do_nothing(index_elements=["id"])
            .returning(col(CaseRow.id))
        )
        if (await self._connection.execute(opening)).first() is None:
            return False
        await EventRepository(self._connection).add(EventKind.CASE_OPENED, case.id, None, case)
        return True

    async def close(self, case_id: str, decision: str, at: datetime, *, accepted: bool = False) -> None:
        """Close a case with a decision. Raises NotFound, or AlreadyExists when it was decided otherwise.

        Repeated: nothing more happens. At the same time: one decision wins, the other raises. Cut off: the
        case stays open.
        """
        query = select(col(CaseRow.document)).where(col(CaseRow.id) == case_id).with_for_update()
        document = (await self._connection.execute(query)).scalar()
        if document is None:
            raise NotFound(f"no case {case_id}")
        case = Case.model_validate_json(document)
        if case.state is CaseState.CLOSED:
            if (case.decision, case.accepted) != (decision, accepted):
                raise AlreadyExists(f"case {case_id} was decided otherwise")
            return
        closed = Case.model_validate(
            {
                **case.model_dump(),
                "state": CaseState.CLOSED,
                "closed_at": at,
                "accepted": accepted,
                "decision": decision,
            }
        )
        await self._connection.execute(
            update(CaseRow).where(col(CaseRow.id) == case_id).values(state=closed.state.value, document=text_of(closed))
        )

    async def open_about(self, kind: str, subject: str) -> tuple[Case, ...]:
        """Open cases of one kind about one subject."""
        query = select(col(CaseRow.document)).where(
            col(CaseRow.subject) == subject, col(CaseRow.kind) == kind, col(CaseRow.state) == CaseState.OPEN.value
        )
        rows = (await self._connection.execute(query)).scalars()
        return tuple(Case.model_validate_json(document) for document in rows)

    async def list(self, *, state: CaseState | None = None) -> tuple[Case, ...]:
        """Cases, oldest first."""
        query = select(col(CaseRow.document)).order_by(col(CaseRow.opened_at), col(CaseRow.id))
        if state is not None:
            query = query.where(col(CaseRow.state) == state.value)
        rows = (await self._connection.execute(query)).scalars()
        return tuple(Case.model_validate_json(document) for document in rows)

    async def page(
        self, *, state: CaseState | None = None, after: tuple[datetime, str] | None = None, limit: int
    ) -> tuple[Case, ...]:
        """Cases behind one of them (when it was opened, and its id), oldest first."""
        query = select(col(CaseRow.document)).order_by(col(CaseRow.opened_at), col(CaseRow.id)).limit(limit)
        if state is not None:
            query = query.where(col(CaseRow.state) == state.value)
        if after is not None:
            query = query.where(tuple_(col(CaseRow.opened_at), col(CaseRow.id)) > tuple_(*after))
        rows = (await self._connection.execute(query)).scalars()
        return tuple(Case.model_validate_json(document) for document in rows)

    async def get(self, case_id: str) -> Case:
        """Raises NotFound."""
        query = select(col(CaseRow.document)).where(col(CaseRow.id) == case_id)
        document = (await self._connection.execute(query)).scalar()
        if document is None:
            raise NotFound(f"no case {case_id}")
        return Case.model_validate_json(document)
