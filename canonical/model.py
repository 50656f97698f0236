"""What every canonical model has in common: frozen, closed, exact, and in aware UTC."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
)


def _to_utc(instant: datetime) -> datetime:
    try:
        return instant.astimezone(UTC)
    except OverflowError:  # the first and the last day of all calendars are not there in UTC
        raise ValueError("is out of the range of all calendars") from None


def _finite(number: Decimal) -> Decimal:
    if not number.is_finite():
        raise ValueError("must be a finite number")
    return number


Instant = Annotated[AwareDatetime, AfterValidator(_to_utc)]
"""A moment: always aware, always UTC. Local time exists only together with a time zone."""

Number = Annotated[Decimal, AfterValidator(_finite)]
"""An exact decimal, parsed from text; never a float."""

Identifier = Annotated[str, StringConstraints(min_length=1, max_length=64)]
"""An id as its owner spelt it. Compared without regard to case (OCPI CiString): see `fold`."""

Text = Annotated[str, StringConstraints(max_length=10_000)]

Percentage = Annotated[Number, Field(ge=0, le=100)]


def fold(identifier: str) -> str:
    """The form in which two spellings of one identifier are equal (OCPI 2.2.1 types, CiString)."""
    return identifier.upper()


class CanonicalModel(BaseModel):
    """Base of all canonical models: immutable values, equal when their fields are."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Extension(CanonicalModel):
    """A field that the sender added and the canonical model does not name: kept for forwarding, never interpreted.

    `pointer` is the place in the sender's document (RFC 6901), `json_text` the value as JSON text.
    `of_version` names the protocol version whose own field it is; None: an addition of the sender.
    """

    pointer: str
    json_text: str
    of_version: str | None = None


class DisplayText(CanonicalModel):
    """A text for people, in one language (ISO 639-1)."""

    language: Annotated[str, StringConstraints(min_length=2, max_length=2)]
    text: Text


class Finding(CanonicalModel):
    """One thing that a reader, a validator or a reconciliation noticed, in words a person and a machine can use.

    `code` is stable (`cdr.parking_cost_differs`, `tolerance.timestamp_without_zone`), `where` names the
    field, `expected` and `stated` are the two sides of a difference as text, and `difference` is stated less
    expected, where both are numbers.
    """

    code: str
    message: str
    where: str | None = None
    expected: str | None = None
    stated: str | None = None
    difference: str | None = None
    blocks: bool = False
    """True when nothing may be paid or published on the strength of the object until a person decided."""
