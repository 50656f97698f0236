"""What goes to partners and comes from them: its evidence, what is still to be sent, and orders."""

from pydantic import AwareDatetime
from sqlalchemy import BigInteger, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from canonical.store.tables.row import NOW, Row


class EvidenceRow(Row, table=True):
    """Bytes of one request and its answer as they went over the wire, compressed with zlib.

    `partner` is the party that it was exchanged with, `rule_set` the code that read and wrote it.
    """

    __tablename__ = "evidence"
    __table_args__ = (Index(None, "object_key"),)

    number: int = Field(primary_key=True, sa_type=BigInteger)
    direction: str
    connection_id: str
    module: str
    method: str
    url_or_path: str
    status: int | None
    headers: str = Field(sa_type=JSONB)
    body: bytes
    body_sha256: str
    answer: bytes
    answer_sha256: str
    adapter: str | None
    object_key: str | None
    at: AwareDatetime
    finished_at: AwareDatetime | None
    partner: str | None
    rule_set: str | None
    answer_headers: str | None = Field(sa_type=JSONB(none_as_null=True))


class OutboxRow(Row, table=True):
    """Something that a partner has yet to be told, in the order in which it happened."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "outbox_pending_idx",
            "connection_id",
            "number",
            postgresql_where=text("settled_at IS NULL AND refused_at IS NULL"),
        ),
    )

    number: int = Field(primary_key=True, sa_type=BigInteger)
    connection_id: str
    module: str
    object_key: str
    action: str
    added_at: AwareDatetime = Field(sa_column_kwargs=NOW)
    due_at: AwareDatetime = Field(sa_column_kwargs=NOW)
    settled_at: AwareDatetime | None
    refused_at: AwareDatetime | None
    reason: str | None


class FeedAttendanceRow(Row, table=True):
    """Until when somebody stays at a partner's outbox, or is sure to come back to it."""

    __tablename__ = "feed_attendance"

    connection_id: str = Field(primary_key=True)
    until: AwareDatetime


class ToldRow(Row, table=True):
    """An object as a partner last acknowledged it."""

    __tablename__ = "told"

    connection_id: str = Field(primary_key=True)
    module: str = Field(primary_key=True)
    object_key: str = Field(primary_key=True)
    document: str
    at: AwareDatetime = Field(sa_column_kwargs=NOW)


class CommandRow(Row, table=True):
    """One order, given by us (`ours`) or by a partner. `document` is without the address for the result.

    That address is kept sealed; `order_hash`, keyed, is of it and the order: a partner's repeat is known by it.
    `subject` names the session or reservation that the order is about. `settled`: nothing is left to do.
    `reference` is the folded authorisation reference, by which the session that came of it is found: `session_key`.
    `words_told` counts what the partner has acknowledged of result and afterword.
    """

    __tablename__ = "command"
    __table_args__ = (
        Index(None, "connection_id", "order_hash"),
        Index(None, "connection_id", "subject"),
        Index(None, "connection_id", "reference"),
        Index(None, "token_key"),
        Index("command_unsettled_idx", "due_at", postgresql_where=text("NOT settled")),
    )

    number: int = Field(primary_key=True, sa_type=BigInteger)
    id: str = Field(unique=True)
    connection_id: str
    party_key: str | None
    ours: bool
    kind: str
    state: str
    settled: bool
    subject: str | None
    token_key: str | None
    reference: str | None
    admits_until: AwareDatetime | None
    session_key: str | None
    order_hash: str | None
    sealed_reply_to: bytes | None
    document: str = Field(sa_type=JSONB)
    given_at: AwareDatetime
    due_at: AwareDatetime
    sent_at: AwareDatetime | None
    response: str | None = Field(sa_type=JSONB(none_as_null=True))
    result: str | None = Field(sa_type=JSONB(none_as_null=True))
    concluded_at: AwareDatetime | None
    afterword: str | None = Field(sa_type=JSONB(none_as_null=True))
    told_at: AwareDatetime | None
    words_told: int
    note: str
