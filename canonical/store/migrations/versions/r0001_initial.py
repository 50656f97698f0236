"""The first schema: all families, append-only by trigger, ledger entries balanced at commit."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_APPEND_ONLY = (
    "evidence",
    "tariff_version",
    "meter_reading",
    "billing_context",
    "signed_meter_data",
    "session_outcome",
    "cdr",
    "cdr_line",
    "cdr_event",
    "cdr_receipt",
    "ledger_entry",
    "ledger_posting",
    "invoice",
    "invoice_file",
    "invoice_number",
    "statement",
    "reconciliation_report",
)

_REFUSE_CHANGE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END
$$
"""

_REQUIRE_BALANCE = """
CREATE FUNCTION require_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    entry bigint;
    legs_wanted integer;
    legs_found integer;
BEGIN
    IF TG_TABLE_NAME = 'ledger_entry' THEN
        entry := NEW.number;
    ELSE
        entry := NEW.entry_number;
    END IF;
    SELECT legs INTO legs_wanted FROM ledger_entry WHERE number = entry;
    SELECT count(*) INTO legs_found FROM ledger_posting WHERE entry_number = entry;
    IF legs_found <> legs_wanted THEN
        RAISE EXCEPTION 'ledger entry % has % postings instead of %', entry, legs_found, legs_wanted
            USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (
        SELECT FROM ledger_posting WHERE entry_number = entry GROUP BY currency HAVING sum(amount_minor) <> 0
    ) THEN
        RAISE EXCEPTION 'ledger entry % does not balance', entry USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$$
"""


def upgrade() -> None:
    _create_tables()
    op.execute(_REFUSE_CHANGE)
    for table in _APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(_REQUIRE_BALANCE)
    for table in ("ledger_entry", "ledger_posting"):
        op.execute(
            f"CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON {table} "
            "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION require_balance()"
        )


def _create_tables() -> None:
    op.create_table(
        "access_token",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("request_key", sa.String(), nullable=False),
        sa.Column("lookup_hash", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("number", name="access_token_pkey"),
        sa.UniqueConstraint(
            "connection_id", "purpose", "request_key", name="access_token_connection_id_purpose_request_key_key"
        ),
        sa.UniqueConstraint("lookup_hash", name="access_token_lookup_hash_key"),
    )
    op.create_table(
        "billing_context",
        sa.Column("session_key", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("document", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("session_key", name="billing_context_pkey"),
    )
    op.create_index("billing_context_connection_id_idx", "billing_context", ["connection_id"], unique=False)
    op.create_table(
        "connection",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("party_keys", ARRAY(sa.String()), nullable=False),
        sa.Column("document", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="connection_pkey"),
        sa.UniqueConstraint("key", name="connection_key_key"),
    )
    op.create_index("connection_party_keys_idx", "connection", ["party_keys"], unique=False, postgresql_using="gin")
    op.create_table(
        "evidence",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("module", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("url_or_path", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", JSONB(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("body_sha256", sa.String(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("answer_sha256", sa.String(), nullable=False),
        sa.Column("adapter", sa.String(), nullable=True),
        sa.Column("object_key", sa.String(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name="evidence_pkey"),
    )
    op.create_index("evidence_object_key_idx", "evidence", ["object_key"], unique=False)
    op.create_table(
        "idempotency",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("sealed_body", sa.LargeBinary(), nullable=True),
        sa.Column("began_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key", name="idempotency_pkey"),
    )
    op.create_table(
        "invoice",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("statement_key", sa.String(), nullable=False),
        sa.Column("issued", sa.Boolean(), nullable=False),
        sa.Column("month", sa.String(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("net", sa.Numeric(), nullable=False),
        sa.Column("vat", sa.Numeric(), nullable=False),
        sa.Column("gross", sa.Numeric(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("document", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="invoice_pkey"),
        sa.UniqueConstraint("issuer", "key", name="invoice_issuer_key_key"),
    )
    op.create_index("invoice_connection_id_number_idx", "invoice", ["connection_id", "number"], unique=False)
    op.create_table(
        "invoice_file",
        sa.Column("invoice_key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("invoice_key", "name", name="invoice_file_pkey"),
    )
    op.create_table(
        "invoice_number",
        sa.Column("series", sa.String(), nullable=False),
        sa.Column("statement_key", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("series", "statement_key", name="invoice_number_pkey"),
        sa.UniqueConstraint("series", "position", name="invoice_number_series_position_key"),
    )
    op.create_table(
        "invoice_series",
        sa.Column("series", sa.String(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("series", name="invoice_series_pkey"),
    )
    op.create_table(
        "ledger_entry",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("legs", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("number", name="ledger_entry_pkey"),
        sa.UniqueConstraint("key", name="ledger_entry_key_key"),
    )
    op.create_table(
        "location",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("last_updated", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="location_pkey"),
        sa.UniqueConstraint("source", "key", name="location_source_key_key"),
    )
    op.create_index("location_source_number_idx", "location", ["source", "number"], unique=False)
    op.create_table(
        "meter_reading",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("session_key", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("energy_kwh", sa.Numeric(), nullable=False),
        sa.Column("document", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="meter_reading_pkey"),
        sa.UniqueConstraint("session_key", "at", name="meter_reading_session_key_at_key"),
    )
    op.create_table(
        "outbound_token",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("request_key", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("number", name="outbound_token_pkey"),
        sa.UniqueConstraint("connection_id", "request_key", name="outbound_token_connection_id_request_key_key"),
    )
    op.create_table(
        "outbox",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("module", sa.String(), nullable=False),
        sa.Column("object_key", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("number", name="outbox_pkey"),
    )
    op.create_index(
        "outbox_pending_idx",
        "outbox",
        ["connection_id", "number"],
        unique=False,
        postgresql_where=sa.text("settled_at IS NULL AND refused_at IS NULL"),
    )
    op.create_table(
        "reconciliation_report",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("statement_key", sa.String(), nullable=False),
        sa.Column("checked_by", sa.String(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("agreed_net", sa.Numeric(), nullable=False),
        sa.Column("agreed_gross", sa.Numeric(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("document", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="reconciliation_report_pkey"),
        sa.UniqueConstraint(
            "statement_key", "checked_by", "sha256", name="reconciliation_report_statement_key_checked_by_sha256_key"
        ),
    )
    op.create_table(
        "review_case",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="review_case_pkey"),
    )
    op.create_index("review_case_subject_idx", "review_case", ["subject"], unique=False)
    op.create_table(
        "session",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("last_updated", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document", JSONB(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("is_final", sa.Boolean(), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("number", name="session_pkey"),
        sa.UniqueConstraint("source", "key", name="session_source_key_key"),
    )
    op.create_index(
        "session_alive_idx", "session", ["source", "number"], unique=False, postgresql_where=sa.text("NOT is_final")
    )
    op.create_index("session_source_number_idx", "session", ["source", "number"], unique=False)
    op.create_table(
        "session_outcome",
        sa.Column("session_key", sa.String(), nullable=False),
        sa.Column("cdr_key", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("session_key", name="session_outcome_pkey"),
    )
    op.create_table(
        "signed_meter_data",
        sa.Column("session_key", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("document", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("session_key", name="signed_meter_data_pkey"),
    )
    op.create_table(
        "statement",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("month", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("document", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="statement_pkey"),
        sa.UniqueConstraint("key", name="statement_key_key"),
    )
    op.create_index("statement_connection_id_month_idx", "statement", ["connection_id", "month"], unique=False)
    op.create_table(
        "tariff",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("last_updated", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="tariff_pkey"),
        sa.UniqueConstraint("source", "key", name="tariff_source_key_key"),
    )
    op.create_index("tariff_source_number_idx", "tariff", ["source", "number"], unique=False)
    op.create_table(
        "tariff_version",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("took_effect", sa.Boolean(), nullable=False),
        sa.Column("current_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("document", JSONB(), nullable=True),
        sa.PrimaryKeyConstraint("number", name="tariff_version_pkey"),
    )
    op.create_index("tariff_version_key_sha256_idx", "tariff_version", ["key", "sha256"], unique=False)
    op.create_index(
        "tariff_version_source_key_current_from_idx", "tariff_version", ["source", "key", "current_from"], unique=False
    )
    op.create_table(
        "token",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("last_updated", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="token_pkey"),
        sa.UniqueConstraint("source", "key", name="token_source_key_key"),
    )
    op.create_index("token_source_number_idx", "token", ["source", "number"], unique=False)
    op.create_table(
        "token_authorization",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("token_key", sa.String(), nullable=False),
        sa.Column("allowed", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="token_authorization_pkey"),
        sa.UniqueConstraint(
            "connection_id", "token_key", "at", name="token_authorization_connection_id_token_key_at_key"
        ),
    )
    op.create_table(
        "told",
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("module", sa.String(), nullable=False),
        sa.Column("object_key", sa.String(), nullable=False),
        sa.Column("document", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("connection_id", "module", "object_key", name="told_pkey"),
    )
    op.create_table(
        "cdr",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("ours", sa.Boolean(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("session_key", sa.String(), nullable=True),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("evidence_number", sa.BigInteger(), nullable=True),
        sa.Column("start_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("end_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_updated", sa.DateTime(timezone=True), nullable=False),
        sa.Column("energy_kwh", sa.Numeric(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("net", sa.Numeric(), nullable=False),
        sa.Column("gross", sa.Numeric(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("document", JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["evidence_number"], ["evidence.number"], name="cdr_evidence_number_fkey"),
        sa.PrimaryKeyConstraint("number", name="cdr_pkey"),
        sa.UniqueConstraint("ours", "connection_id", "key", name="cdr_ours_connection_id_key_key"),
        sa.UniqueConstraint("reference", name="cdr_reference_key"),
    )
    op.create_index("cdr_connection_id_ours_end_at_idx", "cdr", ["connection_id", "ours", "end_at"], unique=False)
    op.create_index(
        "cdr_connection_id_ours_session_key_idx", "cdr", ["connection_id", "ours", "session_key"], unique=False
    )
    op.create_table(
        "ledger_posting",
        sa.Column("entry_number", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["entry_number"], ["ledger_entry.number"], name="ledger_posting_entry_number_fkey"),
        sa.PrimaryKeyConstraint("entry_number", "position", name="ledger_posting_pkey"),
    )
    op.create_index("ledger_posting_account_currency_idx", "ledger_posting", ["account", "currency"], unique=False)
    op.create_table(
        "cdr_event",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("cdr_number", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["cdr_number"], ["cdr.number"], name="cdr_event_cdr_number_fkey"),
        sa.PrimaryKeyConstraint("number", name="cdr_event_pkey"),
    )
    op.create_index("cdr_event_cdr_number_number_idx", "cdr_event", ["cdr_number", "number"], unique=False)
    op.create_table(
        "cdr_line",
        sa.Column("cdr_number", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("component", sa.String(), nullable=False),
        sa.Column("measured", sa.Numeric(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("unit_price", sa.Numeric(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("net", sa.Numeric(), nullable=False),
        sa.Column("tax_name", sa.String(), nullable=True),
        sa.Column("tax_percent", sa.Numeric(), nullable=True),
        sa.Column("tax", sa.Numeric(), nullable=True),
        sa.Column("gross", sa.Numeric(), nullable=True),
        sa.Column("tariff_key", sa.String(), nullable=True),
        sa.Column("tariff_sha256", sa.String(), nullable=True),
        sa.Column("tariff_element", sa.Integer(), nullable=True),
        sa.Column("tariff_component", sa.Integer(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["cdr_number"], ["cdr.number"], name="cdr_line_cdr_number_fkey"),
        sa.PrimaryKeyConstraint("cdr_number", "position", name="cdr_line_pkey"),
    )
    op.create_table(
        "cdr_receipt",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("cdr_number", sa.BigInteger(), nullable=False),
        sa.Column("http_status", sa.Integer(), nullable=False),
        sa.Column("ocpi_status", sa.Integer(), nullable=False),
        sa.Column("url", sa.String(), nullable=True),
        sa.Column("version_accepted", sa.String(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("findings", JSONB(), nullable=False),
        sa.Column("proved", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["cdr_number"], ["cdr.number"], name="cdr_receipt_cdr_number_fkey"),
        sa.PrimaryKeyConstraint("number", name="cdr_receipt_pkey"),
    )
    op.create_index("cdr_receipt_cdr_number_number_idx", "cdr_receipt", ["cdr_number", "number"], unique=False)
