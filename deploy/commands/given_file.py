"""A file that a person hands to a command: read whole, or refused with one clear line."""

import sys
from pathlib import Path
from typing import NoReturn

import typer

LONGEST_BYTES = 16 * 1024 * 1024
"""Far more than any single object or bundle is; what is longer is a mistake, or an attack."""

UNUSABLE = 2
"""Exit code for input that cannot be used at all."""


def content_of(file: Path) -> bytes:
    """The bytes of `file`, or of standard input for `-`. Ends with 2 when there are none to read, or too many."""
    try:
        if str(file) == "-":
            content = sys.stdin.buffer.read(LONGEST_BYTES + 1)
        else:
            with file.open("rb") as opened:
                content = opened.read(LONGEST_BYTES + 1)
    except OSError as wrong:
        refuse(f"{called(file)} cannot be read: {wrong.strerror}")
    if len(content) > LONGEST_BYTES:
        refuse(f"{called(file)} is longer than {LONGEST_BYTES // 1024**2} MiB")
    if not content.strip():
        refuse(f"{called(file)} is empty")
    return content


def text_of(file: Path) -> str:
    """As `content_of`, in UTF-8; a byte order mark is left out."""
    try:
        return content_of(file).decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        refuse(f"{called(file)} is not UTF-8: byte {wrong.start}")


def called(file: Path) -> str:
    """What people call it."""
    return "standard input" if str(file) == "-" else str(file)


def refuse(words: str) -> NoReturn:
    """One line to standard error, and the end."""
    typer.echo(" ".join(words.split()), err=True)
    raise typer.Exit(UNUSABLE)
