"""The log of financial records, and its signed checkpoints."""

from pydantic import AwareDatetime
from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field

from canonical.store.tables.row import Row


class LogLeafRow(Row, table=True):
    """One record in the log: the row `number` of the table `kind`, at one position, counted from 0.

    `hash` is that of the leaf, `subtrees` those of all complete subtrees that end with it, smallest first: 32 bytes
    each. `name` is what a person calls the record.
    """

    __tablename__ = "log_leaf"
    __table_args__ = (UniqueConstraint("kind", "number"),)

    position: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    kind: str
    number: int = Field(sa_type=BigInteger)
    name: str
    format: int
    hash: bytes
    subtrees: bytes


class LogCheckpointRow(Row, table=True):
    """What was signed: the log had `size` leaves with this root. `note` is the text that can be published."""

    __tablename__ = "log_checkpoint"

    size: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    root: bytes
    signed_at: AwareDatetime
    key_id: str
    note: str
