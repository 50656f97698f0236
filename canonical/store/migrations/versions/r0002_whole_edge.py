"""What the whole edge needs: several sides on one connection, and the tables of the modules that came with it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


_OBJECTS = ("location", "tariff", "token", "session")

_NEXT_REVISION = """
CREATE FUNCTION next_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.revision := nextval('object_revision');
    RETURN NEW;
END
$$
"""

_COUNT = """
CREATE FUNCTION count_objects(counted text, owner text, difference bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- A row that nobody else holds: writers of one source never wait for each other, and never dead-lock.
    UPDATE object_count SET total = total + difference WHERE number = (
        SELECT number FROM object_count WHERE family = counted AND source = owner LIMIT 1 FOR UPDATE SKIP LOCKED
    );
    IF NOT FOUND THEN
        INSERT INTO object_count (family, source, total) VALUES (counted, owner, difference);
    END IF;
END
$$
"""

_COUNT_ADDED = """
CREATE FUNCTION count_added_objects() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM count_objects(TG_TABLE_NAME, source, count(*)) FROM added GROUP BY source;
    RETURN NULL;
END
$$
"""

_COUNT_REMOVED = """
CREATE FUNCTION count_removed_objects() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM count_objects(TG_TABLE_NAME, source, -count(*)) FROM removed GROUP BY source;
    DELETE FROM representation r USING removed WHERE r.family = TG_TABLE_NAME AND r.number = removed.number;
    RETURN NULL;
END
$$
"""

_COUNT_CDRS = """
CREATE FUNCTION count_added_cdrs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM count_objects('cdr', connection_id, count(*)) FROM added WHERE ours GROUP BY connection_id;
    RETURN NULL;
END
$$
"""

_TELL_ADMISSION = """
CREATE FUNCTION tell_admission() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('roam_admission', '');
    RETURN NULL;
END
$$
"""


def upgrade() -> None:
    op.execute(
        "UPDATE connection SET document = (document - 'our_side')"
        " || jsonb_build_object('our_sides', jsonb_build_array(document -> 'our_side'))"
        " WHERE document ? 'our_side'"
    )
    _pulling()
    _add_revisions()
    _add_counts()
    _add_representations()
    _tell_of_admission()
    _tell_the_operator()
    _take_commands()
    _know_hub_clients()


_DRAW_EVENT_NUMBER = """
CREATE FUNCTION draw_event_number() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    floor bigint;
BEGIN
    -- Before the first draw of a transaction: everybody sees that numbers above this one are under way.
    IF coalesce(current_setting('roam.event_floor', true), '') = '' THEN
        SELECT last_value INTO floor FROM event_number_seq;
        PERFORM pg_advisory_xact_lock_shared((7164262::bigint << 40) + floor);
        PERFORM set_config('roam.event_floor', floor::text, true);
    END IF;
    NEW.number := nextval('event_number_seq');
    RETURN NEW;
END
$$
"""

_SETTLED_EVENTS = """
CREATE FUNCTION settled_events() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    drawn bigint;
    floor bigint;
BEGIN
    -- In this order: what is drawn after the first look is above it, what was drawn before shows in the second.
    SELECT last_value INTO drawn FROM event_number_seq;
    SELECT min((classid::bigint << 32 | objid::bigint) - (7164262::bigint << 40)) INTO floor
        FROM pg_locks
        WHERE locktype = 'advisory' AND objsubid = 1 AND classid::bigint >> 8 = 7164262
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database());
    RETURN least(drawn, floor);
END
$$
"""
"""The number up to which every event is visible or will never be, to a statement that begins after this one."""


def _tell_the_operator() -> None:
    op.execute("CREATE SEQUENCE event_number_seq")
    op.create_table(
        "event",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("object_kind", sa.String(), nullable=False),
        sa.Column("object_key", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("document", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="event_pkey"),
    )
    op.create_index("event_kind_number_idx", "event", ["kind", "number"], unique=False)
    op.execute("ALTER SEQUENCE event_number_seq OWNED BY event.number")
    op.execute(_DRAW_EVENT_NUMBER)
    op.execute(_SETTLED_EVENTS)
    op.execute("CREATE TRIGGER draw_number BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION draw_event_number()")
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.create_table(
        "webhook",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("kinds", ARRAY(sa.String()), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("previous_sealed_secret", sa.LargeBinary(), nullable=True),
        sa.Column("previous_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure", sa.String(), nullable=True),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="webhook_pkey"),
    )
    op.create_table(
        "api_key",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("lookup_hash", sa.String(), nullable=False),
        sa.Column("scopes", ARRAY(sa.String()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="api_key_pkey"),
        sa.UniqueConstraint("lookup_hash", name="api_key_lookup_hash_key"),
    )


def _add_revisions() -> None:
    op.execute("CREATE SEQUENCE object_revision CACHE 100")
    op.execute(_NEXT_REVISION)
    for table in _OBJECTS:
        op.add_column(
            table,
            sa.Column(
                "revision", sa.BigInteger(), server_default=sa.text("nextval('object_revision')"), nullable=False
            ),
        )
        op.create_index(f"{table}_source_last_updated_number_idx", table, ["source", "last_updated", "number"])
        op.execute(
            f"CREATE TRIGGER next_revision BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION next_revision()"
        )
    op.create_index("cdr_connection_id_ours_number_idx", "cdr", ["connection_id", "ours", "number"])
    op.create_index(
        "cdr_connection_id_ours_last_updated_number_idx", "cdr", ["connection_id", "ours", "last_updated", "number"]
    )


def _add_counts() -> None:
    op.create_table(
        "object_count",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("family", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="object_count_pkey"),
    )
    op.create_index("object_count_family_source_idx", "object_count", ["family", "source"])
    op.execute(_COUNT)
    op.execute(_COUNT_ADDED)
    op.execute(_COUNT_REMOVED)
    op.execute(_COUNT_CDRS)
    for table in _OBJECTS:
        op.execute(f"SELECT count_objects('{table}', source, count(*)) FROM {table} GROUP BY source")  # noqa: S608
        op.execute(
            f"CREATE TRIGGER count_added AFTER INSERT ON {table} REFERENCING NEW TABLE AS added"
            " FOR EACH STATEMENT EXECUTE FUNCTION count_added_objects()"
        )
        op.execute(
            f"CREATE TRIGGER count_removed AFTER DELETE ON {table} REFERENCING OLD TABLE AS removed"
            " FOR EACH STATEMENT EXECUTE FUNCTION count_removed_objects()"
        )
    op.execute("SELECT count_objects('cdr', connection_id, count(*)) FROM cdr WHERE ours GROUP BY connection_id")
    op.execute(
        "CREATE TRIGGER count_added AFTER INSERT ON cdr REFERENCING NEW TABLE AS added"
        " FOR EACH STATEMENT EXECUTE FUNCTION count_added_cdrs()"
    )


def _add_representations() -> None:
    op.create_table(
        "representation",
        sa.Column("family", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("adapter", sa.String(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("build", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("family", "number", "adapter", name="representation_pkey"),
    )


def _know_hub_clients() -> None:
    op.create_table(
        "hub_client",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("party_key", sa.String(), nullable=False),
        sa.Column("last_updated", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="hub_client_pkey"),
        sa.UniqueConstraint("source", "key", name="hub_client_source_key_key"),
    )
    op.create_index("hub_client_source_party_key_idx", "hub_client", ["source", "party_key"])


def _tell_of_admission() -> None:
    op.execute(_TELL_ADMISSION)
    for table in ("access_token", "connection"):
        op.execute(
            f"CREATE TRIGGER tell_admission AFTER INSERT OR UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION tell_admission()"
        )


def _pulling() -> None:
    op.create_table(
        "crawl",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("module", sa.String(), nullable=False),
        sa.Column("crawl_key", sa.String(), nullable=False),
        sa.Column("sweep", sa.Boolean(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("whole", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("readable", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("number", name="crawl_pkey"),
        sa.UniqueConstraint("connection_id", "module", "crawl_key", name="crawl_connection_id_module_crawl_key_key"),
    )
    op.create_index(
        "crawl_connection_id_module_number_idx", "crawl", ["connection_id", "module", "number"], unique=False
    )
    op.create_table(
        "sighting",
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("module", sa.String(), nullable=False),
        sa.Column("object_key", sa.String(), nullable=False),
        sa.Column("crawl_number", sa.BigInteger(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("missed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("heard", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("connection_id", "module", "object_key", name="sighting_pkey"),
    )
    op.create_table(
        "invoice_record",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("ours", sa.Boolean(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("invoice_id", sa.String(), nullable=False),
        sa.Column("last_updated", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("document", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="invoice_record_pkey"),
        sa.UniqueConstraint("ours", "connection_id", "key", name="invoice_record_ours_connection_id_key_key"),
    )
    op.create_index(
        "invoice_record_ours_connection_id_number_idx",
        "invoice_record",
        ["ours", "connection_id", "number"],
        unique=False,
    )


def _take_commands() -> None:
    op.create_table(
        "command",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("party_key", sa.String(), nullable=True),
        sa.Column("ours", sa.Boolean(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("settled", sa.Boolean(), nullable=False),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("token_key", sa.String(), nullable=True),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("admits_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("session_key", sa.String(), nullable=True),
        sa.Column("order_hash", sa.String(), nullable=True),
        sa.Column("sealed_reply_to", sa.LargeBinary(), nullable=True),
        sa.Column("document", JSONB(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("response", JSONB(none_as_null=True), nullable=True),
        sa.Column("result", JSONB(none_as_null=True), nullable=True),
        sa.Column("concluded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("afterword", JSONB(none_as_null=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("words_told", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="command_pkey"),
        sa.UniqueConstraint("id", name="command_id_key"),
    )
    op.create_index("command_connection_id_order_hash_idx", "command", ["connection_id", "order_hash"], unique=False)
    op.create_index("command_connection_id_subject_idx", "command", ["connection_id", "subject"], unique=False)
    op.create_index("command_connection_id_reference_idx", "command", ["connection_id", "reference"], unique=False)
    op.create_index("command_token_key_idx", "command", ["token_key"], unique=False)
    op.create_index(
        "command_unsettled_idx", "command", ["due_at"], unique=False, postgresql_where=sa.text("NOT settled")
    )
    op.create_table(
        "smart_charging",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("session_key", sa.String(), nullable=False),
        sa.Column("active_profile", JSONB(none_as_null=True), nullable=True),
        sa.Column("active_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("preferences", JSONB(none_as_null=True), nullable=True),
        sa.Column("preferences_answer", sa.String(), nullable=True),
        sa.Column("preferences_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("source", "session_key", name="smart_charging_pkey"),
    )
