"""Drivers, as far as they have to be known: their keys, and the names by which these are found."""

from datetime import date

from pydantic import AwareDatetime
from sqlalchemy import BigInteger, CheckConstraint, Index
from sqlmodel import Field

from canonical.store.tables.row import NOW, Row


class DriverKeyRow(Row, table=True):
    """The key under which everything is sealed that names one driver in rows that never change.

    `lookup_hash`, keyed, is of the contract, or of a card of which no contract is known. `sealed_key` opens with the
    deployment's secret. Once it is shredded both are gone, and `shredded_for` says why. The days say up to when
    something of the driver was kept as a voucher, as a letter, and in the feed of events: always the end of a month.
    """

    __tablename__ = "driver_key"
    __table_args__ = (
        CheckConstraint(
            "(shredded_at IS NULL) = (sealed_key IS NOT NULL) AND (shredded_at IS NULL) = (lookup_hash IS NOT NULL)",
            name="driver_key_shredded_check",
        ),
    )

    number: int = Field(primary_key=True, sa_type=BigInteger)
    lookup_hash: str | None = Field(unique=True)
    sealed_key: bytes | None
    voucher_on: date | None
    letter_on: date | None
    feed_on: date | None
    created_at: AwareDatetime = Field(sa_column_kwargs=NOW)
    shredded_at: AwareDatetime | None
    shredded_for: str | None


class DriverNameRow(Row, table=True):
    """A name by which a driver is known: a contract or a card. Found by keyed hash, kept sealed under his key."""

    __tablename__ = "driver_name"
    __table_args__ = (Index(None, "lookup_hash"),)

    driver_number: int = Field(primary_key=True, sa_type=BigInteger, foreign_key="driver_key.number")
    lookup_hash: str = Field(primary_key=True)
    sealed: bytes
