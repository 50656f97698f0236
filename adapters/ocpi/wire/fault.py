"""How a wire type says no."""

from abc import ABC, abstractmethod

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema


def fault(kind: str, message: str) -> PydanticCustomError:
    """The error of one fault. Messages hold no value: what a partner sent may be a secret."""
    # The library reads braces as placeholders.
    return PydanticCustomError(kind, message.replace("{", "{{").replace("}", "}}"))


class WireType(ABC):
    """Annotation of a wire field: `check` is all the validation there is, so that nothing is coerced."""

    @abstractmethod
    def check(self, value: object) -> object:
        """The value to keep. Raises a `fault`."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        del source, handler
        return core_schema.no_info_plain_validator_function(self.check)
