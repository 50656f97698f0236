"""What money needs: agreements, the taxes and meter readings behind each line, what left us, and CDRs billed once."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_APPEND_ONLY = ("cdr_tax", "cdr_meter_link", "cdr_emission", "agreement")


def upgrade() -> None:
    """Bring the tables, and the keys by which the database itself sees to it that nothing is billed twice."""
    _read_keys_of_cdrs()
    _take_lines()
    _take_emissions()
    _take_agreements()
    for table in _APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def _read_keys_of_cdrs() -> None:
    for name, kind, expression in (
        ("idempotency_key", sa.String(), "document #>> '{handles,idempotency_key}'"),
        ("billing_record", sa.String(), "document #>> '{handles,billing_record}'"),
        ("credit_of", sa.String(), "upper(document #>> '{cdr,credit_reference_id}')"),
        (
            "settles_at",
            sa.DateTime(timezone=True),
            "CASE WHEN (document #>> '{cdr,credit}') = 'true' THEN last_updated ELSE end_at END",
        ),
        ("authorization_key", sa.String(), "upper(document #>> '{cdr,authorization_reference}')"),
        (
            "evse_key",
            sa.String(),
            "upper((document #>> '{cdr,charge_point,location_id}') || '/' || "
            "(document #>> '{cdr,charge_point,evse_uid}'))",
        ),
    ):
        op.add_column("cdr", sa.Column(name, kind, sa.Computed(expression, persisted=True), nullable=True))
    _only_once("cdr_billed_once", ("idempotency_key",))
    _only_once("cdr_credited_once", ("connection_id", "credit_of"))
    op.create_index("cdr_billing_record_idx", "cdr", ["billing_record"], postgresql_where=sa.text("ours"))
    op.create_index(
        "cdr_connection_id_ours_settles_at_idx", "cdr", ["connection_id", "ours", "settles_at"], unique=False
    )
    op.create_index(
        "cdr_connection_id_ours_authorization_key_idx", "cdr", ["connection_id", "ours", "authorization_key"]
    )
    op.create_index(
        "cdr_connection_id_ours_evse_key_end_at_idx", "cdr", ["connection_id", "ours", "evse_key", "end_at"]
    )
    op.create_index(
        "cdr_credits_idx", "cdr", ["connection_id", "credit_of"], unique=False, postgresql_where=sa.text("NOT ours")
    )


def _only_once(name: str, key: tuple[str, ...]) -> None:
    """From now on no CDR of ours has the key of another. What an older release kept twice stays, for no CDR is ever
    changed: the first one of them holds the key.
    """
    columns, known = ", ".join(key), " AND ".join(f"{column} IS NOT NULL" for column in key)
    ordered = f"SELECT number, row_number() OVER (PARTITION BY {columns} ORDER BY number) AS nth FROM cdr"  # noqa: S608
    again = f"SELECT number FROM ({ordered} WHERE ours AND {known}) AS kept WHERE nth > 1 ORDER BY number"  # noqa: S608
    numbers = [str(number) for number in op.get_bind().execute(sa.text(again)).scalars()]
    where = f"ours AND number <> ALL ('{{{','.join(numbers)}}}'::bigint[])" if numbers else "ours"
    op.create_index(name, "cdr", list(key), unique=True, postgresql_where=sa.text(where))


def _take_lines() -> None:
    op.create_table(
        "cdr_tax",
        sa.Column("cdr_number", sa.BigInteger(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("account_number", sa.String(), nullable=True),
        sa.Column("percent", sa.Numeric(), nullable=True),
        sa.Column("amount", sa.Numeric(), nullable=False),
        sa.ForeignKeyConstraint(
            ["cdr_number", "line"], ["cdr_line.cdr_number", "cdr_line.position"], name="cdr_tax_cdr_number_line_fkey"
        ),
        sa.PrimaryKeyConstraint("cdr_number", "line", "position", name="cdr_tax_pkey"),
    )
    op.create_table(
        "cdr_meter_link",
        sa.Column("cdr_number", sa.BigInteger(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("begin_sha256", sa.String(), nullable=False),
        sa.Column("end_sha256", sa.String(), nullable=False),
        sa.Column("begin_kwh", sa.Numeric(), nullable=False),
        sa.Column("end_kwh", sa.Numeric(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("verdict_reason", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["cdr_number", "line"],
            ["cdr_line.cdr_number", "cdr_line.position"],
            name="cdr_meter_link_cdr_number_line_fkey",
        ),
        sa.PrimaryKeyConstraint("cdr_number", "line", name="cdr_meter_link_pkey"),
    )


def _take_emissions() -> None:
    op.create_table(
        "cdr_emission",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("cdr_number", sa.BigInteger(), nullable=False),
        sa.Column("adapter", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("body_sha256", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("findings", JSONB(), nullable=False),
        sa.Column("losses", JSONB(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["cdr_number"], ["cdr.number"], name="cdr_emission_cdr_number_fkey"),
        sa.PrimaryKeyConstraint("number", name="cdr_emission_pkey"),
        sa.UniqueConstraint(
            "cdr_number", "adapter", "body_sha256", name="cdr_emission_cdr_number_adapter_body_sha256_key"
        ),
    )
    # A refusal may be an answer that is no OCPI.
    op.alter_column("cdr_receipt", "ocpi_status", existing_type=sa.Integer(), nullable=True)


def _take_agreements() -> None:
    op.create_table(
        "agreement",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("document", sa.String(), nullable=False),
        sa.Column("agreed_by", sa.String(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("number", name="agreement_pkey"),
        sa.UniqueConstraint("connection_id", "valid_from", name="agreement_connection_id_valid_from_key"),
    )
