"""A file with an OCPI object, as commands without a platform take it: read, or refused with one clear line."""

from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from adapters.contract import InvalidWire
from adapters.priced_document import VERSION_NUMBERS
from canonical.model import Finding
from deploy.commands.given_file import content_of, refuse

T = TypeVar("T")

_MOST_NAMED = 3


def read_from(file: Path, read: Callable[[bytes], T]) -> T:
    """What `read` makes of the file's bytes. Ends with 2 when it raises InvalidWire."""
    try:
        return read(content_of(file))
    except InvalidWire as invalid:
        refuse_unread(file, invalid)


def refuse_unread(file: Path, invalid: InvalidWire) -> NoReturn:
    """One line that names the first fields at fault, and the end."""
    named = "; ".join(_said(each) for each in invalid.findings[:_MOST_NAMED])
    more = len(invalid.findings) - _MOST_NAMED
    verdict = "is not JSON that can be read" if invalid.malformed else "cannot be used"
    name = "standard input" if str(file) == "-" else file
    refuse(f"{name} {verdict}: {named}{f'; and {more} more' if more > 0 else ''}")


def version_named(number: str | None) -> str | None:
    """Ends with 2 for a version that this release does not speak."""
    if number is not None and number not in VERSION_NUMBERS:
        refuse(f"{number} is no version of OCPI that is spoken here: {', '.join(VERSION_NUMBERS)}")
    return number


def zone_named(name: str | None) -> str | None:
    """Ends with 2 for what is no time zone."""
    if name is not None and not is_zone(name):
        refuse(f"{name} is no time zone: write Europe/Berlin")
    return name


def is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _said(finding: Finding) -> str:
    return f"{finding.where} {finding.message}" if finding.where else finding.message
