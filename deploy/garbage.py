"""Python's search for cyclic garbage, in processes that live long and answer quickly."""

import gc
from typing import Final

_ALLOCATIONS: Final = 20_000
"""New objects before the young are searched: a request leaves hardly any cycle behind."""


def settle() -> None:
    """What was built at the start stays: no search looks through it again, and searches come seldom.

    Otherwise a full search walks over every model and route of the process, and requests wait for it meanwhile.
    """
    gc.collect()
    gc.freeze()
    _, middle, old = gc.get_threshold()
    gc.set_threshold(_ALLOCATIONS, middle, old)
