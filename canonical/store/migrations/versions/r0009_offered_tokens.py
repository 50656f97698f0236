"""A token that a partner offers is kept with what it brings, and is not in use until the exchange is answered."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outbound_token", sa.Column("offer", JSONB(), nullable=True))
