"""Making a model of values that need no check, because the engine has just computed them or a model already held them.

Checking takes most of the time of a small bill. A test compares what is made here with what a checked one would be.
"""

from functools import cache
from typing import TypeVar

from canonical.model import CanonicalModel

M = TypeVar("M", bound=CanonicalModel)


def trusted(model: type[M], **fields: object) -> M:
    """An instance with these fields, as they are, and the defaults of all others."""
    made = model.__new__(model)
    names = set(fields)
    object.__setattr__(made, "__dict__", {**_defaults(model), **fields})
    object.__setattr__(made, "__pydantic_fields_set__", names)
    object.__setattr__(made, "__pydantic_extra__", None)
    object.__setattr__(made, "__pydantic_private__", None)
    return made


@cache
def _defaults(model: type[CanonicalModel]) -> dict[str, object]:
    """In the order of the fields, in which they are written; what has no default is given."""
    return {name: None if field.is_required() else field.get_default() for name, field in model.model_fields.items()}
