"""Two contents under one id, field by field: what came again, and what a partner holds of ours."""

from decimal import Decimal

from canonical.cdr import Cdr
from canonical.model import Finding
from settlement.validation.findings import differs

_LONGEST = 200


def conflict(held: Cdr, again: Cdr) -> tuple[Finding, ...]:
    """What came again with another content: the first one stands. Empty when both say the same."""
    message = "it came again under the same id with another content"
    return _differences(held, again, "cdr.same_id_other_content", message, blocks=True)


def copy_differences(ours: Cdr, theirs: Cdr, *, blocks: bool) -> tuple[Finding, ...]:
    """What a partner that took our CDR holds that is not what we sent."""
    return _differences(ours, theirs, "cdr.copy_differs", "the partner's copy differs", blocks=blocks)


def _differences(one: Cdr, other: Cdr, code: str, message: str, *, blocks: bool) -> tuple[Finding, ...]:
    return tuple(
        differs(code, message, name, _side(getattr(one, name)), _side(getattr(other, name)), blocks=blocks)
        for name in Cdr.model_fields
        if getattr(one, name) != getattr(other, name)
    )


def _side(value: object) -> Decimal | str:
    if isinstance(value, Decimal):
        return value
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
