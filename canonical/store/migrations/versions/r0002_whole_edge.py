"""What the whole edge needs: several sides on one connection, and the tables of the modules that came with it."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "UPDATE connection SET document = (document - 'our_side')"
        " || jsonb_build_object('our_sides', jsonb_build_array(document -> 'our_side'))"
        " WHERE document ? 'our_side'"
    )
