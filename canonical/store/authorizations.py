"""Answers of issuers to "may this token charge here, now?", as they were given."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from canonical.model import fold
from canonical.store.documents import text_of
from canonical.store.tables import AuthorizationRow
from canonical.token import Authorization, TokenType


class AuthorizationRepository:
    """Authorisations by token."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, authorization: Authorization, *, connection_id: str, at: datetime) -> None:
        """Keep an answer.

        Repeated with the same moment: kept once. Reordered: `latest` goes by `at`. Cut off: nothing is kept.
        """
        token = authorization.token
        adding = insert(AuthorizationRow).values(
            connection_id=connection_id,
            token_key=_token_key(token.uid, token.type),
            allowed=authorization.allowed.value,
            at=at,
            document=text_of(authorization),
        )
        await self._connection.execute(adding.on_conflict_do_nothing())

    async def latest(self, uid: str, token_type: TokenType, *, connection_id: str) -> Authorization | None:
        """The newest answer about a token on one connection."""
        query = (
            select(col(AuthorizationRow.document))
            .where(
                col(AuthorizationRow.connection_id) == connection_id,
                col(AuthorizationRow.token_key) == _token_key(uid, token_type),
            )
            .order_by(col(AuthorizationRow.at).desc(), col(AuthorizationRow.number).desc())
            .limit(1)
        )
        document = (await self._connection.execute(query)).scalar()
        return None if document is None else Authorization.model_validate_json(document)


def _token_key(uid: str, token_type: TokenType) -> str:
    return f"{token_type}/{fold(uid)}"
