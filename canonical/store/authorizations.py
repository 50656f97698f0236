"""Answers of issuers to "may this token charge here, now?", as they were given."""

from datetime import datetime

from sqlalchemy import select
from sqlmodel import col

from canonical.model import fold
from canonical.store.documents import text_of
from canonical.store.tables import AuthorizationRow
from canonical.store.transaction import Transaction
from canonical.token import Authorization, TokenType

_ADD = (
    "INSERT INTO token_authorization (connection_id, token_key, allowed, at, document)"
    " VALUES ($1, $2, $3, $4, $5::jsonb) ON CONFLICT DO NOTHING"
)


class AuthorizationRepository:
    """Authorisations by token."""

    def __init__(self, connection: Transaction) -> None:
        self._connection = connection

    async def add(self, authorization: Authorization, *, connection_id: str, at: datetime) -> None:
        """Keep an answer.

        Repeated with the same moment: kept once. Reordered: `latest` goes by `at`. Cut off: nothing is kept.
        Raises ValueError for an answer that does not say which token it is about.
        """
        token = authorization.token
        if token is None:
            raise ValueError("the answer does not say which token it is about")
        token_key, text = _token_key(token.uid, token.type), text_of(authorization)
        await self._connection.write(_ADD, connection_id, token_key, authorization.allowed.value, at, text)

    async def latest(
        self, uid: str, token_type: TokenType, *, connection_id: str, since: datetime | None = None
    ) -> Authorization | None:
        """The newest answer about a token on one connection; None where it was given before `since`."""
        query = (
            select(col(AuthorizationRow.document))
            .where(
                col(AuthorizationRow.connection_id) == connection_id,
                col(AuthorizationRow.token_key) == _token_key(uid, token_type),
                *(() if since is None else (col(AuthorizationRow.at) >= since,)),
            )
            .order_by(col(AuthorizationRow.at).desc(), col(AuthorizationRow.number).desc())
            .limit(1)
        )
        document = (await self._connection.execute(query)).scalar()
        return None if document is None else Authorization.model_validate_json(document)


def _token_key(uid: str, token_type: TokenType) -> str:
    return f"{token_type}/{fold(uid)}"
