"""How a check says what it found: by code, with what was expected, what is stated, and the difference."""

from decimal import Decimal

from canonical.model import Finding


def differs(
    code: str,
    message: str,
    where: str | None,
    expected: Decimal | str,
    stated: Decimal | str,
    *,
    blocks: bool = True,
) -> Finding:
    """Two sides that do not agree. Of two numbers the difference is stated less expected."""
    apart = stated - expected if isinstance(expected, Decimal) and isinstance(stated, Decimal) else None
    return Finding(
        code=code,
        message=message,
        where=where,
        expected=_text(expected),
        stated=_text(stated),
        difference=None if apart is None else _text(apart),
        blocks=blocks,
    )


def blocking(code: str, message: str, where: str | None = None) -> Finding:
    """Something for which nothing may be paid until a person has decided."""
    return Finding(code=code, message=message, where=where, blocks=True)


def noted(code: str, message: str, where: str | None = None) -> Finding:
    """Something to be seen, and no reason to stop."""
    return Finding(code=code, message=message, where=where)


def _text(side: Decimal | str) -> str:
    return side if isinstance(side, str) else f"{side:f}"
