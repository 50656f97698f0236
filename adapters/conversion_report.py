"""What a conversion cost, told to machines and to people."""

from collections.abc import Iterator
from typing import Final

from adapters.conversion import Converted, NotConvertible
from adapters.document import Document, Json
from adapters.json_reader import read_json
from adapters.json_writer import write_json
from canonical.model import Finding

_SHOWN: Final = 100
"""So many characters of a value are shown to people."""


def report(outcome: Converted | NotConvertible) -> bytes:
    """Everything about a conversion as one JSON document."""
    if isinstance(outcome, NotConvertible):
        return write_json({"refused": [_described(each) for each in outcome.findings]})
    return write_json(
        {
            "kind": outcome.kind,
            "converted": read_json(outcome.body),
            "losses": [
                {"where": each.where, "what": each.what, "stated": each.before, "instead": each.after}
                for each in outcome.losses
            ],
            "tolerated": [_described(each) for each in outcome.findings],
        }
    )


def lines(outcome: Converted | NotConvertible) -> Iterator[str]:
    """What is to be known about a conversion, a line each, for people."""
    if isinstance(outcome, NotConvertible):
        yield from (f"refused {each.where or 'body'}: {each.message}" for each in outcome.findings)
        return
    yield from (f"tolerated {each.where or 'body'}: {each.message} ({each.code})" for each in outcome.findings)
    for each in outcome.losses:
        stated, instead = _shown(each.before), _shown(each.after)
        values = {"lost": stated, "filled": instead}.get(each.what, f"{stated} -> {instead}")
        yield f"{each.what} {each.where}: {values}"


def _shown(value: Json) -> str:
    text = write_json(value).decode()
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _described(finding: Finding) -> Document:
    return {"where": finding.where, "message": finding.message, "code": finding.code}
