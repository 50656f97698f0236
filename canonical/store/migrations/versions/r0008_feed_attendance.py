"""Until when somebody stays at the outbox of a partner, and when what waits there is due."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "feed_attendance",
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("connection_id", name="feed_attendance_pkey"),
    )
    op.add_column(
        "outbox", sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)
    )
