"""Lists of objects: those that we serve, quickly, and those that are pulled from partners."""

from pydantic import AwareDatetime
from sqlalchemy import BigInteger, Index, UniqueConstraint, text
from sqlmodel import Field

from canonical.store.tables.row import Row


class ObjectCountRow(Row, table=True):
    """How many objects of a family a source has: the sum of its rows. Kept by triggers, never written by hand.

    There are as many rows of one source as there were writers at once: each takes a row that nobody holds, so
    that none waits for another. The source of a CDR of ours is the connection that it is for.
    """

    __tablename__ = "object_count"
    __table_args__ = (Index(None, "family", "source"),)

    number: int = Field(primary_key=True, sa_type=BigInteger)
    family: str
    source: str
    total: int = Field(sa_type=BigInteger)


class RepresentationRow(Row, table=True):
    """The bytes that an adapter writes for one state of an object: good for exactly the `revision` it names.

    `build` is the code that wrote them. `content` is NULL where the adapter's version has no words for the object.
    """

    __tablename__ = "representation"

    family: str = Field(primary_key=True)
    number: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    adapter: str = Field(primary_key=True)
    revision: int = Field(sa_type=BigInteger)
    build: str
    content: bytes | None


class CrawlRow(Row, table=True):
    """One walk through one list of one partner, known by `crawl_key` (the workflow that walks).

    `since` is the beginning that was asked for, NULL for everything. `whole` is false once something showed that
    the list may not be complete, `readable` once an element of it could not be read.
    """

    __tablename__ = "crawl"
    __table_args__ = (
        UniqueConstraint("connection_id", "module", "crawl_key"),
        Index(None, "connection_id", "module", "number"),
    )

    number: int = Field(primary_key=True, sa_type=BigInteger)
    connection_id: str
    module: str
    crawl_key: str
    sweep: bool
    since: AwareDatetime | None
    whole: bool = Field(sa_column_kwargs={"server_default": text("true")})
    readable: bool = Field(sa_column_kwargs={"server_default": text("true")})
    started_at: AwareDatetime
    finished_at: AwareDatetime | None


class SightingRow(Row, table=True):
    """When an object of a partner was last on its list, and how many full sweeps in a row have missed it since.

    `heard` is the object's own `last_updated` when it was missed: a newer state begins the count anew.
    """

    __tablename__ = "sighting"

    connection_id: str = Field(primary_key=True)
    module: str = Field(primary_key=True)
    object_key: str = Field(primary_key=True)
    crawl_number: int = Field(sa_type=BigInteger)
    page: int
    missed: int = Field(sa_column_kwargs={"server_default": text("0")})
    heard: AwareDatetime | None
