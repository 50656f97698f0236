"""The log of financial records, a number for every kind of them, and what evidence did not say yet."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_APPEND_ONLY = ("log_leaf", "log_checkpoint")
_UNNUMBERED = ("billing_context", "signed_meter_data", "invoice_file")


def upgrade() -> None:
    """Bring the tables. Rows that are there already become leaves with the first extension of the log."""
    _say_more_of_evidence()
    for table in _UNNUMBERED:
        _number(table)
    _keep_a_log()
    for table in _APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def _say_more_of_evidence() -> None:
    op.add_column("evidence", sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("evidence", sa.Column("partner", sa.String(), nullable=True))
    op.add_column("evidence", sa.Column("rule_set", sa.String(), nullable=True))
    op.add_column("evidence", sa.Column("answer_headers", JSONB(none_as_null=True), nullable=True))


def _number(table: str) -> None:
    op.execute(f"CREATE SEQUENCE {table}_number_seq")
    op.add_column(
        table,
        sa.Column("number", sa.BigInteger(), server_default=sa.text(f"nextval('{table}_number_seq')"), nullable=False),
    )
    op.execute(f"ALTER SEQUENCE {table}_number_seq OWNED BY {table}.number")
    op.create_unique_constraint(f"{table}_number_key", table, ["number"])


def _keep_a_log() -> None:
    op.create_table(
        "log_leaf",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("format", sa.Integer(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("subtrees", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("position", name="log_leaf_pkey"),
        sa.UniqueConstraint("kind", "number", name="log_leaf_kind_number_key"),
    )
    op.create_table(
        "log_checkpoint",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("size", name="log_checkpoint_pkey"),
    )
