"""How this version refuses to say what it could only say wrongly."""

from adapters.contract import CannotWrite
from canonical.model import Finding


def check_sayable(wrong: dict[str, str]) -> None:
    """Raises CannotWrite when there are any: fields, and what is wrong with each."""
    if wrong:
        raise CannotWrite(
            [
                Finding(code="write.not_in_version", message=message, where=where, blocks=True)
                for where, message in wrong.items()
            ]
        )
