"""Cut a JSON text into its parts without changing a byte of them.

A page of CDRs is many documents in one body. Each is handed to its reader exactly as the partner wrote it, so
that numbers keep their digits, and so that one bad element (a NaN, a key twice) spoils itself and not the
page.
"""

import json
import re

_WHITESPACE = re.compile(r"[ \t\n\r]*")
_SCANNER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str, strict=False)


class NotJsonError(ValueError):
    """The text is not the JSON that it should be."""


def text_of(body: bytes) -> str:
    """The characters of a JSON body; a byte order mark is dropped. Raises NotJsonError."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotJsonError(f"not UTF-8 at byte {error.start}") from None


def members(text: str) -> list[tuple[str, str]]:
    """Names and raw values of a JSON object, in order, repeated names included. Raises NotJsonError."""
    found: list[tuple[str, str]] = []
    at = _opening(text, "{")
    while text[at : at + 1] != "}":
        name, at = _value(text, at)
        if not name.startswith('"'):
            raise NotJsonError(f"name expected at character {at}")
        at = _punctuation(text, at, ":")
        raw, at = _value(text, at)
        found.append((json.loads(name, strict=False), raw))
        at = _next(text, at, "}")
    _end(text, at)
    return found


def elements(text: str) -> list[str]:
    """Raw elements of a JSON array, in order. Raises NotJsonError."""
    found: list[str] = []
    at = _opening(text, "[")
    while text[at : at + 1] != "]":
        raw, at = _value(text, at)
        found.append(raw)
        at = _next(text, at, "]")
    _end(text, at)
    return found


def _value(text: str, at: int) -> tuple[str, int]:
    try:
        _, end = _SCANNER.raw_decode(text, at)
    except (ValueError, RecursionError) as error:
        raise NotJsonError(f"no JSON value at character {at}: {type(error).__name__}") from None
    return text[at:end], end


def _opening(text: str, bracket: str) -> int:
    return _punctuation(text, 0, bracket)


def _punctuation(text: str, at: int, character: str) -> int:
    """Where the next thing begins, after `character` and the blanks on both sides of it."""
    at = _skip(text, at)
    if text[at : at + 1] != character:
        raise NotJsonError(f"{character!r} expected at character {at}")
    return _skip(text, at + 1)


def _next(text: str, at: int, closing: str) -> int:
    """Where the next member begins, or the closing bracket stands."""
    at = _skip(text, at)
    if text[at : at + 1] == closing:
        return at
    at = _punctuation(text, at, ",")
    if text[at : at + 1] == closing:
        raise NotJsonError(f"value expected at character {at}")
    return at


def _end(text: str, closing_at: int) -> None:
    if _skip(text, closing_at + 1) != len(text):
        raise NotJsonError(f"more text after the end at character {closing_at + 1}")


def _skip(text: str, at: int) -> int:
    blank = _WHITESPACE.match(text, at)
    return blank.end() if blank else at
