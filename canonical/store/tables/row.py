"""What all tables share."""

from typing import ClassVar

from sqlalchemy import Computed, MetaData, func, text
from sqlmodel import SQLModel

NOW = {"server_default": func.now()}
NEXT_REVISION = {"server_default": text("nextval('object_revision')")}


class Row(SQLModel):
    """Base of all rows. They are read and written by column, never as objects."""

    metadata: ClassVar[MetaData] = MetaData(
        naming_convention={
            "ix": "%(table_name)s_%(column_0_N_name)s_idx",
            "uq": "%(table_name)s_%(column_0_N_name)s_key",
            "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
            "pk": "%(table_name)s_pkey",
        }
    )


def next_number(table: str) -> dict[str, object]:
    """The next number of a table that has another key."""
    return {"server_default": text(f"nextval('{table}_number_seq')")}


def computed(expression: str) -> tuple[Computed]:
    """A column that the database computes out of others, and nobody writes."""
    return (Computed(expression, persisted=True),)
