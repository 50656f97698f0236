"""JSON in the one way in which it is hashed and exported.

No space; members by the code points of their names; text in UTF-8 with no more escapes than JSON demands. Numbers keep
every digit: whole ones are written in digits, others as a decimal fraction with the zeros that they came with
(`1.50`), or with an exponent where they would begin with many zeros (`1E-7`).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TypeAlias

Json: TypeAlias = "str | int | Decimal | bool | Sequence[Json] | Mapping[str, Json] | None"

_text = json.encoder.encode_basestring
_LONG = 30
"""Digits from which on a whole number is not turned into an integer, which would take long."""


class NotJson(ValueError):
    """What is there is no JSON, or none that says one thing."""


def read(text: str) -> Json:
    """The value that the text says. Raises NotJson, also for a name that stands twice and for what is nested deeply."""
    try:
        value: Json = json.loads(
            text,
            parse_float=_fraction,
            parse_int=_whole,
            parse_constant=_refuse_constant,
            object_pairs_hook=_members_once,
        )
    except NotJson:
        raise
    except RecursionError:
        raise NotJson("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise NotJson(f"it is not JSON: character {error.pos}") from None
    except ValueError:
        raise NotJson("it is not JSON") from None
    return value


def write(value: Json) -> bytes:
    """Its canonical bytes. Raises NotJson for text that is none (half of a surrogate pair)."""
    parts: list[str] = []
    try:
        _write(value, parts.append)
        return "".join(parts).encode()
    except UnicodeEncodeError:
        raise NotJson("it holds half of a character") from None
    except RecursionError:
        raise NotJson("it is nested too deeply") from None


def _write(value: Json, put: Callable[[str], None]) -> None:
    match value:
        case str():
            put(_text(value))
        case None:
            put("null")
        case True:
            put("true")
        case False:
            put("false")
        case int() | Decimal():
            put(str(value))
        case Mapping():
            put("{")
            for place, name in enumerate(sorted(value)):
                put(("," if place else "") + _text(name) + ":")
                _write(value[name], put)
            put("}")
        case _:
            put("[")
            for place, each in enumerate(value):
                if place:
                    put(",")
                _write(each, put)
            put("]")


def _whole(digits: str) -> int | Decimal:
    return int(digits) if len(digits) < _LONG else Decimal(digits)


def _fraction(digits: str) -> Decimal:
    try:
        return Decimal(digits)
    except ArithmeticError:  # an exponent that no Decimal has
        raise NotJson("a number is out of range") from None


def _members_once(members: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(members)
    if len(found) != len(members):
        raise NotJson("a name stands twice in one object")
    return found


def _refuse_constant(name: str) -> Json:
    raise NotJson(f"{name} is no number")
