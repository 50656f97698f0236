"""How long what is kept, and whose it is."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_REFUSE_CHANGE_OF_EVENTS = """
CREATE FUNCTION refuse_change_of_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('roam.retiring', true) = 'event' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END
$$
"""

_KEEP_YOUNG_EVENTS = """
CREATE FUNCTION keep_young_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.at > now() - interval '30 days' THEN
        RAISE EXCEPTION 'event % is kept until 30 days have passed', OLD.number USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END
$$
"""
"""Whoever asks, and whatever the settings say."""

_RETIRE_EVENTS = """
CREATE FUNCTION retire_events(before timestamptz, most bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    retired bigint;
BEGIN
    PERFORM set_config('roam.retiring', 'event', true);
    DELETE FROM event WHERE number IN (
        SELECT number FROM event WHERE at < before
            AND NOT EXISTS (SELECT FROM webhook w WHERE w.paused_at IS NULL AND w.position < event.number)
        ORDER BY number LIMIT most
    );
    GET DIAGNOSTICS retired = ROW_COUNT;
    PERFORM set_config('roam.retiring', '', true);
    RETURN retired;
END
$$
"""


def upgrade() -> None:
    """Bring the keys of drivers, and a way out for events whose time has passed."""
    _keep_keys()
    op.create_index("event_at_idx", "event", ["at"])
    for function in (_REFUSE_CHANGE_OF_EVENTS, _KEEP_YOUNG_EVENTS, _RETIRE_EVENTS):
        op.execute(function)
    op.execute("DROP TRIGGER append_only ON event")
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_events()"
    )
    op.execute("CREATE TRIGGER keep_young BEFORE DELETE ON event FOR EACH ROW EXECUTE FUNCTION keep_young_events()")


def _keep_keys() -> None:
    op.create_table(
        "driver_key",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("lookup_hash", sa.String(), nullable=True),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=True),
        sa.Column("voucher_on", sa.Date(), nullable=True),
        sa.Column("letter_on", sa.Date(), nullable=True),
        sa.Column("feed_on", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("shredded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("shredded_for", sa.String(), nullable=True),
        sa.CheckConstraint(
            "(shredded_at IS NULL) = (sealed_key IS NOT NULL) AND (shredded_at IS NULL) = (lookup_hash IS NOT NULL)",
            name="driver_key_shredded_check",
        ),
        sa.PrimaryKeyConstraint("number", name="driver_key_pkey"),
        sa.UniqueConstraint("lookup_hash", name="driver_key_lookup_hash_key"),
    )
    op.create_table(
        "driver_name",
        sa.Column("driver_number", sa.BigInteger(), nullable=False),
        sa.Column("lookup_hash", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["driver_number"], ["driver_key.number"], name="driver_name_driver_number_fkey"),
        sa.PrimaryKeyConstraint("driver_number", "lookup_hash", name="driver_name_pkey"),
    )
    op.create_index("driver_name_lookup_hash_idx", "driver_name", ["lookup_hash"])
    op.execute("CREATE INDEX cdr_driver_idx ON cdr (split_part(document #>> '{cdr,token,contract_id}', ':', 2))")
