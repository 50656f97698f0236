"""What `roam doctor` says of one thing that it looked at."""

from dataclasses import dataclass

PATIENCE_S = 3.0
"""How long a server is waited for."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `fault`: it has to be put right before this set-up works."""

    about: str
    words: str
    fault: bool = False
    warning: bool = False


def reason(error: BaseException) -> str:
    """An error in one line."""
    return " ".join(str(error).split())[:200] or type(error).__name__
