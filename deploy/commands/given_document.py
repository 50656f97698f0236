"""A file with an OCPI object, as commands without a platform take it: read, or refused with one clear line."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from adapters.contract import InvalidWire
from adapters.priced_document import VERSION_NUMBERS
from canonical.model import Finding
from deploy.commands.given_file import called, content_of, refuse

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
    refuse(f"{called(file)} {verdict}: {named}{f'; and {more} more' if more > 0 else ''}")


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


def told(finding: Finding) -> str:
    """For people, in one line: code, place, words, and both sides with their difference where there are two."""
    where = f" ({finding.where})" if finding.where else ""
    sides = (("expected", finding.expected), ("stated", finding.stated), ("difference", finding.difference))
    named = ", ".join(f"{side} {value}" for side, value in sides if value is not None)
    return f"{finding.code}{where}: {finding.message}{f' [{named}]' if named else ''}"


def told_together(findings: Sequence[Finding]) -> Iterator[str]:
    """As `told`, what is alike in one line, and what the file was like after the rest."""
    alike: dict[Finding, list[str]] = {}
    for finding in sorted(findings, key=lambda each: each.code.startswith("input.")):
        alike.setdefault(finding.model_copy(update={"where": None}), []).append(finding.where or "")
    for finding, places in alike.items():
        yield told(finding.model_copy(update={"where": ", ".join(filter(None, places)) or None}))


def _said(finding: Finding) -> str:
    words = f"{finding.where} {finding.message}" if finding.where else finding.message
    return words if finding.stated is None else f"{words}: {finding.stated}"
