"""Two contents under one id: the first one stands, and a person sees what is different."""

from decimal import Decimal

from canonical.cdr import Cdr
from canonical.model import Finding
from settlement.validation.findings import differs

_LONGEST = 200


def conflict(held: Cdr, again: Cdr) -> tuple[Finding, ...]:
    """Field by field what came again with another content; empty when money, time and everything else are equal."""
    return tuple(
        differs(
            "cdr.same_id_other_content",
            "it came again under the same id with another content",
            name,
            _side(getattr(held, name)),
            _side(getattr(again, name)),
        )
        for name in Cdr.model_fields
        if getattr(held, name) != getattr(again, name)
    )


def _side(value: object) -> Decimal | str:
    if isinstance(value, Decimal):
        return value
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
