"""Where each CDR of ours stands that its partner does not hold yet, and which CDRs were replaced before it did."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TAKE_UP = """
INSERT INTO cdr_delivery (cdr_number, connection_id, state, reason, since, next_at)
SELECT c.number, c.connection_id, CASE e.state WHEN 'UNDELIVERABLE' THEN 'PARKED' ELSE 'SENDING' END,
       CASE e.state WHEN 'UNDELIVERABLE' THEN e.text ELSE '' END, e.at,
       CASE e.state WHEN 'UNDELIVERABLE' THEN NULL ELSE now() END
FROM cdr c CROSS JOIN LATERAL (
    SELECT state, text, at FROM cdr_event WHERE cdr_number = c.number ORDER BY number DESC LIMIT 1
) e
WHERE c.ours AND e.state IN ('GENERATED', 'UNDELIVERABLE')
  AND NOT EXISTS (SELECT FROM cdr_receipt r WHERE r.cdr_number = c.number AND r.outcome <> 'REFUSED')
"""
"""What the release before had under way, or had put aside for a person."""

_COUNT_REPLACED = """
CREATE FUNCTION count_replaced_cdr() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM count_objects('cdr', connection_id, -1) FROM cdr WHERE number = NEW.cdr_number AND ours;
    RETURN NULL;
END
$$
"""
"""A CDR that was replaced is not on the list that its partner reads."""


def upgrade() -> None:
    """Bring both tables, and take up what is not delivered yet."""
    op.create_table(
        "cdr_delivery",
        sa.Column("cdr_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), server_default="", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("in_doubt", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("trying_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["cdr_number"], ["cdr.number"], name="cdr_delivery_cdr_number_fkey"),
        sa.PrimaryKeyConstraint("cdr_number", name="cdr_delivery_pkey"),
    )
    op.create_index("cdr_delivery_connection_id_cdr_number_idx", "cdr_delivery", ["connection_id", "cdr_number"])
    op.create_table(
        "cdr_replacement",
        sa.Column("cdr_number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("by_number", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["cdr_number"], ["cdr.number"], name="cdr_replacement_cdr_number_fkey"),
        sa.ForeignKeyConstraint(["by_number"], ["cdr.number"], name="cdr_replacement_by_number_fkey"),
        sa.PrimaryKeyConstraint("cdr_number", name="cdr_replacement_pkey"),
        sa.UniqueConstraint("by_number", name="cdr_replacement_by_number_key"),
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON cdr_replacement "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(_COUNT_REPLACED)
    op.execute(
        "CREATE TRIGGER count_replaced AFTER INSERT ON cdr_replacement "
        "FOR EACH ROW EXECUTE FUNCTION count_replaced_cdr()"
    )
    op.execute(_TAKE_UP)
