"""Results of commands from partners that wrap them like an answer (`{"data": {"result": …}}`)."""

from collections.abc import Sequence
from dataclasses import replace

from adapters.contract import Parties, Read
from adapters.document import Document, is_object
from adapters.ocpi.family import Family
from adapters.rules.rule import Rule
from canonical.command import CommandResult
from canonical.model import Finding


def unwrapped(family: Family[CommandResult]) -> Family[CommandResult]:
    """The family, reading a result also out of an envelope. A reader without tolerances refuses it as before."""

    def read(document: Document, rules: Sequence[Rule], parties: Parties | None) -> Read[CommandResult]:
        inner = document.get("data")
        if not rules or "result" in document or not is_object(inner):
            return family.read(document, rules, parties)
        found = family.read(inner, rules, parties)
        wrapped = Finding(code="tolerance.result_in_envelope", message="the result came wrapped like an answer")
        return replace(found, findings=(wrapped, *found.findings))

    return replace(family, read=read)
