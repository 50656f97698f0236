"""Tokens, tariffs and locations: the partner's copy is what the owner has now, nothing missing, nothing left over."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from adapters.contract import CannotWrite
from adapters.registry import build_registry
from canonical.location import Location
from canonical.partner import Connection
from canonical.tariff import Tariff
from canonical.token import Token
from deploy.chaos.checks.opened import Books
from deploy.chaos.evidence import Violation

_MODELS: Final[Mapping[str, type[Location] | type[Tariff] | type[Token]]] = {
    "location": Location,
    "tariff": Tariff,
    "token": Token,
}
OF_CPO: Final = ("location", "tariff")
OF_EMSP: Final = ("token",)
_SHORT: Final = 120

Said = Mapping[str, Any]
"""An object in the words of the connection's version, with exact numbers: what the version cannot say is not missed."""


@dataclass(frozen=True)
class Shelf:
    """Objects of one family that one side keeps, by source and key."""

    family: str
    objects: Mapping[tuple[str, str], Said]

    def of(self, source: str) -> dict[str, Said]:
        return {key: said for (whose, key), said in self.objects.items() if whose == source}


async def read(books: Books) -> dict[str, Shelf]:
    document = await books.sql.fetchval(
        "SELECT document FROM connection WHERE key = $1", books.site.connection_id.upper()
    )
    adapter_key = Connection.model_validate_json(document).adapter if document is not None else None
    if adapter_key is None:
        return {family: Shelf(family, {}) for family in _MODELS}
    adapter = build_registry(None).by_key(adapter_key)
    shelves = {}
    for family, model in _MODELS.items():
        objects: dict[tuple[str, str], Said] = {}
        for row in await books.sql.fetch(f"SELECT source, key, document FROM {family}"):  # noqa: S608
            try:
                written = adapter.write(model.model_validate_json(row["document"]))
            except CannotWrite:
                continue  # the partner has never been told of it
            objects[row["source"], row["key"]] = json.loads(written, parse_float=Decimal)
        shelves[family] = Shelf(family, objects)
    return shelves


def violations(owner: str, holder: str, owners: Shelf, copies: Shelf, partner: str) -> Iterator[Violation]:
    """`owner` and `holder` are the names of the sites, `partner` the holder's connection to the owner."""
    ours, theirs = owners.of(""), copies.of(partner)
    rule = "both sides hold the same objects"
    for key in ours.keys() - theirs.keys():
        yield Violation(rule, f"{holder} {copies.family} {key}", f"it is missing: {owner} has it")
    for key in theirs.keys() - ours.keys():
        yield Violation(rule, f"{holder} {copies.family} {key}", f"it is left over: {owner} has it no more")
    for key in ours.keys() & theirs.keys():
        if ours[key] != theirs[key]:
            words = "; ".join(_differences(ours[key], theirs[key]))
            yield Violation(rule, f"{holder} {copies.family} {key}", words)
    for source, key in copies.objects:
        if source not in ("", partner):
            words = f"it is kept as from {source!r}, which is no connection of this run"
            yield Violation(rule, f"{holder} {copies.family} {key}", words)


def _differences(ours: Said, theirs: Said) -> Iterator[str]:
    for name in sorted(ours.keys() | theirs.keys()):
        if ours.get(name) != theirs.get(name):
            yield f"{name} is {_short(ours.get(name))} at its owner, and {_short(theirs.get(name))} here"


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"
