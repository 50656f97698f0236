"""A CDR or a tariff in a file, read as far as its price needs it: whole or in part, of any version.

What a partner sends is read by its adapter, and refused where a field is missing. Here a person asks what something
costs, so the exact reading is tried first, and what was missing or written otherwise is on the list of findings.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from types import MappingProxyType
from typing import Final, Generic, TypeVar

from adapters.contract import InvalidWire, Parties, Read
from adapters.document import Document, Json, Path, is_list, is_object, place, value_at
from adapters.json_reader import JsonLimits, read_json
from adapters.ocpi.version import Version
from adapters.partners.standard import STANDARD
from adapters.registry import VERSIONS
from adapters.rules.for_price import (
    FOR_PRICE,
    LAST_RESORT,
    TO_PRICE,
    MissingForPrice,
    UnreadableElement,
    UnreadableForPrice,
)
from adapters.rules.rule import Rule
from canonical.cdr import Cdr
from canonical.identity import UNKNOWN_ID, PartyId
from canonical.model import CanonicalModel, Finding
from canonical.session import Session
from canonical.tariff import PriceComponent, Tariff, TariffElement, TaxIncluded

T = TypeVar("T", bound=CanonicalModel)

VERSION_NUMBERS: Final = tuple(version.number for version in VERSIONS)

_USUAL: Final = "2.2.1"
"""The version that is assumed where a file could be of several: the one in widest use."""
_TELLING: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "2.1.1": frozenset({"stop_date_time", "auth_id", "start_datetime", "end_datetime"}),
        "2.2.1": frozenset({"excl_vat", "incl_vat"}),
        "2.3.0": frozenset({"tax_included", "before_taxes", "after_taxes", "taxes"}),
    }
)
"""Names of fields that only one version has in a CDR, a session, or a tariff."""
_NOT_OF_THE_FIRST: Final = frozenset({"country_code", "cdr_token", "cdr_location", "vat"})
_LATER_IN_TARIFFS: Final = frozenset({"vat", "min_price", "max_price", "reservation", "min_current", "max_current"})
_BARE_AMOUNTS: Final = "2.1.1"
_NO_VAT_MEANS_NONE: Final = "2.2.1"
_NOBODY: Final = PartyId(country_code="XX", party_id="XXX")
_ANYBODY: Final = Parties(cpo=_NOBODY, emsp=_NOBODY)
"""For a version that leaves the parties to the connection: who is charged by whom does not change what it costs."""
_LIMITS: Final = ("min_price", "max_price")
_ENDS: Final = (("stop_date_time", "end_date_time"), ("end_date_time", "stop_date_time"))
_AMOUNTS: Final = (
    ("excl_vat", "before_taxes"),
    ("before_taxes", "excl_vat"),
    ("incl_vat", "after_taxes"),
    ("after_taxes", "incl_vat"),
)
_WORDS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "2.1.1": frozenset({"stop_date_time"}),
        "2.2.1": frozenset({"end_date_time", "excl_vat", "incl_vat"}),
        "2.3.0": frozenset({"end_date_time", "before_taxes", "after_taxes"}),
    }
)
"""Of two names for the same thing, the one that a version has."""
_TELLTALE: Final[Mapping[type[CanonicalModel], frozenset[str]]] = MappingProxyType(
    {
        Cdr: frozenset({"charging_periods", "total_energy", "stop_date_time", "cdr_location", "tariffs"}),
        Session: frozenset({"kwh", "status", "start_datetime"}),
    }
)
"""A document with none of these is something else."""
_NAMES: Final[Mapping[type[CanonicalModel], str]] = MappingProxyType({Cdr: "CDR", Session: "session"})
_WORDS_FOR: Final[Mapping[str, str]] = MappingProxyType(
    {
        "input.field_missing": "it is not in the file, and the price does not need it",
        "input.field_unreadable": "it cannot be read, and the price does not need it",
        "input.number_as_text": "a number in quotes is read as that number",
        "input.whole_number_with_fraction": "a whole number written with a fraction of zero",
        "input.tariff_currency_missing": "the tariff is read in the currency of the CDR",
        "input.step_size_missing": "a flat fee has no steps",
        "input.tax_included_missing": "it is not in the file: prices are read as before tax, and VAT as far as stated",
        "input.volume_of_another_version": "a quantity that this version has no word for is read as in the others",
        "input.time_of_day_spelling": "a time of day in another spelling",
        "input.currency_spelling": "a currency in small letters",
        "input.flat_among_volumes": "a flat fee is no measurement: whether it is due, the tariff says",
    }
)
_OURS: Final = "input."
_IS_ELEMENT: Final = re.compile(r"/elements/[0-9]+")
_STAND_INS: Final = frozenset({MissingForPrice.code, UnreadableForPrice.code})
_MOST_ALIKE: Final = 20
_TIME_ZONES: Final[tuple[Path, ...]] = (("location", "time_zone"), ("cdr_location", "time_zone"), ("time_zone",))


@dataclass(frozen=True)
class Priced:
    """A CDR as far as its price needs it. What stands in for missing fields is in `cdr`, and means nothing."""

    cdr: Cdr
    version: str
    time_zone: str | None
    """As the file says it, by whatever field; not yet known to be one."""
    findings: tuple[Finding, ...]

    @property
    def unread(self) -> frozenset[str]:
        """The fields of the CDR for which something stands in, in whole or in part."""
        stood_in = (finding.where or "" for finding in self.findings if finding.code in _STAND_INS)
        return frozenset(where.partition(".")[0].partition("[")[0] for where in stood_in)


@dataclass(frozen=True)
class Tariffs:
    """One tariff or several, with the version they were read in. Of several, findings name the place in the list."""

    tariffs: tuple[Tariff, ...]
    version: str
    of_file: tuple[Finding, ...]
    of_each: tuple[tuple[Finding, ...], ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(chain(self.of_file, *self.of_each))


@dataclass(frozen=True)
class Sent(Generic[T]):
    """An object as its sender meant it, in full. `bare_amounts`: its version has no word for tax."""

    value: T
    version: str
    bare_amounts: bool
    time_zone: str | None
    findings: tuple[Finding, ...]


def read_cdr(body: bytes, version: str | None = None) -> Priced:
    """Raises InvalidWire, and ValueError for a version that there is not."""
    document, findings = _one_object(body, "CDR")
    if not _TELLTALE[Cdr] & set(document):
        raise InvalidWire([_finding("input.other_object", "it has none of the fields of a CDR")])
    found = _version(version)
    if found is None:
        found, guessed = _seen(document, None)
        findings += guessed
    time_zone = _time_zone(document)
    later, in_later_words = _tariffs_in_later_words(document, found)
    findings += (*in_later_words, *_renamed(document, found))
    read = _read(Cdr, document, found)
    tariffs, untaxed = _without_vat(read.value.tariffs, found)
    cdr = _of_the_only_tariff(read.value.model_copy(update={"tariffs": (*tariffs, *later)}))
    return Priced(cdr, found.number, time_zone, (*findings, *_told_once(read.findings), *untaxed))


def read_tariffs(body: bytes, version: str | None = None, *, like: str | None = None, to_price: bool = True) -> Tariffs:
    """One tariff, or a list of them. `like` is the version to assume of one that does not say. As `read_cdr`.

    `to_price` False: where no VAT is stated, it stays open, as it does in what a partner sends; and every element has
    to be readable.
    """
    value, of_file = _unwrapped(body)
    documents = value if is_list(value) else [value]
    if not documents:
        raise InvalidWire([_finding("input.other_object", "it holds no tariff")])
    tariffs: list[Tariff] = []
    of_each: list[tuple[Finding, ...]] = []
    found = _version(version)
    for number, document in enumerate(documents):
        if not is_object(document) or "elements" not in document:
            raise InvalidWire([_finding("input.other_object", "it has not the fields of a tariff")])
        if found is None:
            found, guessed = _seen(document, like)
            of_file += guessed
        later, in_later_words = _tariffs_in_later_words({"tariffs": [document]}, found)
        if later:
            tariffs += later
            of_each.append(_in_file(in_later_words, number, documents))
            continue
        renamed = _renamed({"tariffs": [document]}, found)
        read = _read(Tariff, document, found, TO_PRICE if to_price else LAST_RESORT)
        several, untaxed = _without_vat((read.value,), found) if to_price else ((read.value,), ())
        tariffs += several
        findings = (*_told_once(read.findings), *untaxed)
        of_each.append(_in_file((*renamed, *findings), number, documents))
    return Tariffs(tuple(tariffs), found.number if found else "", of_file, tuple(of_each))


def read_as_sent(kind: type[T], body: bytes, version: str | None = None) -> Sent[T]:
    """A CDR or a session as the platform reads it from a partner of whom nothing special is known. As `read_cdr`."""
    document, findings = _one_object(body, _NAMES[kind])
    if not _TELLTALE[kind] & set(document):
        raise InvalidWire([_finding("input.other_object", f"it has none of the fields of a {_NAMES[kind]}")])
    found = _version(version)
    if found is None:
        found, guessed = _seen(document, None)
        findings += guessed
    time_zone = _time_zone(document)
    read = found.family(kind).read(document, STANDARD.reading, _ANYBODY)
    return Sent(read.value, found.number, found.bare_amounts, time_zone, (*findings, *read.findings))


def _in_file(findings: Sequence[Finding], number: int, documents: Sequence[Json]) -> tuple[Finding, ...]:
    """With their places as in a file of tariffs: `elements[0]` of a single one, `[1].elements[0]` in a list."""
    tariff = f"[{number}]" if len(documents) > 1 else ""
    found = []
    for finding in findings:
        inside = (finding.where or "").removeprefix("tariffs[0]").removeprefix("tariffs").removeprefix(".")
        where = ".".join(filter(None, (tariff, inside))) or None
        found.append(finding.model_copy(update={"where": where}))
    return tuple(found)


def _read(kind: type[T], document: Document, version: Version, last_resort: Sequence[Rule] = TO_PRICE) -> Read[T]:
    rules = (*FOR_PRICE, *STANDARD.reading, *last_resort)
    return version.family(kind).read(document, rules, _ANYBODY)


def _time_zone(document: Document) -> str | None:
    return next((zone for path in _TIME_ZONES if isinstance(zone := value_at(document, path), str) and zone), None)


# The document


def _one_object(body: bytes, what: str) -> tuple[Document, tuple[Finding, ...]]:
    value, findings = _unwrapped(body)
    if is_list(value) and len(value) == 1:
        value = value[0]
    if is_list(value):
        raise InvalidWire([_finding("input.several", f"it holds {len(value)} objects: give one {what}")])
    if not is_object(value):
        raise InvalidWire([_finding("input.not_an_object", f"a JSON object is expected: one {what}")])
    return value, findings


def _unwrapped(body: bytes) -> tuple[Json, tuple[Finding, ...]]:
    """The value itself, also where the file is an answer as it came over HTTP."""
    value = read_json(body, JsonLimits(), allow_bom=True)
    if is_object(value) and "data" in value and "status_code" in value:
        return value["data"], (_finding("input.unwrapped", "the file is an answer: its data is read", "data"),)
    return value, ()


def _version(number: str | None) -> Version | None:
    if number is None:
        return None
    found = next((version for version in VERSIONS if version.number == number), None)
    if found is None:
        raise ValueError(f"{number} is none of {', '.join(VERSION_NUMBERS)}")
    return found


def _seen(document: Document, like: str | None) -> tuple[Version, tuple[Finding, ...]]:
    """The version that a document shows by its fields; and that it is a guess, where it is one."""
    names = set(_names(document))
    score = {number: len(names & telling) for number, telling in _TELLING.items()}
    if isinstance(document.get("total_cost"), int | Decimal):
        score[_BARE_AMOUNTS] += 1
    told = [number for number, count in score.items() if count]
    if len(told) == 1:
        return _by_number(told[0]), ()
    if told:
        number = max(told, key=lambda each: score[each])
        message = f"the file has fields of {' and '.join(told)}: it is read as {number}"
    elif names & _NOT_OF_THE_FIRST and like is None:
        return _by_number(_USUAL), ()  # a later one would have said tax_included or before_taxes
    else:
        number = like or (_BARE_AMOUNTS if {"elements", "last_updated"} <= set(document) else _USUAL)
        message = f"nothing in the file says its version: it is read as {number}"
    return _by_number(number), (_finding("input.version_guessed", message),)


def _by_number(number: str) -> Version:
    return next(version for version in VERSIONS if version.number == number)


def _names(root: Json) -> Iterator[str]:
    values = [root]
    while values:
        value = values.pop()
        if is_object(value):
            yield from value
            values += value.values()
        elif is_list(value):
            values += value


def _renamed(document: Document, version: Version) -> tuple[Finding, ...]:
    """Puts what stands under the name of another version under the name of this one, in place."""
    places: list[tuple[Path, tuple[str, str]]] = [((), words) for words in _ENDS]
    tariffs = document.get("tariffs")
    for position in range(len(tariffs) if is_list(tariffs) else 0):
        places += [(("tariffs", position, limit), words) for limit in _LIMITS for words in _AMOUNTS]
    here = _WORDS[version.number]
    return tuple(
        _finding("input.word_of_another_version", f"{old} is read as {new}", place((*path, old)))
        for path, (old, new) in places
        if new in here and _rename(value_at(document, path), old, new)
    )


def _of_the_only_tariff(cdr: Cdr) -> Cdr:
    """Periods that name a tariff, beside a single one without a name, mean that one."""
    if [tariff.id for tariff in cdr.tariffs] != [UNKNOWN_ID]:
        return cdr
    periods = tuple(period.model_copy(update={"tariff_id": None}) for period in cdr.charging_periods)
    return cdr.model_copy(update={"charging_periods": periods})


def _tariffs_in_later_words(document: Document, version: Version) -> tuple[tuple[Tariff, ...], tuple[Finding, ...]]:
    """Tariffs in a CDR of the first version that have what only later ones have: taken out, and read in that one.

    What a later version adds to a tariff leaves everything else in it as it was.
    """
    tariffs = document.get("tariffs")
    if version.number != _BARE_AMOUNTS or not is_list(tariffs) or not set(_names(tariffs)) & _LATER_IN_TARIFFS:
        return (), ()
    document["tariffs"] = []
    later = _by_number(_USUAL)
    findings = [_finding("input.word_of_another_version", f"the tariffs are read as of {_USUAL}", "tariffs")]
    findings += _renamed({"tariffs": tariffs}, later)
    found: list[Tariff] = []
    for number, tariff in enumerate(tariffs):
        if not is_object(tariff):
            raise InvalidWire([_finding("wire.object_type", "must be an object", place(("tariffs", number)))])
        read = _read(Tariff, tariff, later)
        found.append(read.value)
        findings += [
            each.model_copy(update={"where": f"tariffs[{number}].{each.where}"}) for each in _told_once(read.findings)
        ]
    return tuple(found), tuple(findings)


def _rename(holder: Json, old: str, new: str) -> bool:
    if not is_object(holder) or old not in holder or new in holder:
        return False
    holder[new] = holder.pop(old)
    return True


# VAT that is not stated


def _without_vat(tariffs: tuple[Tariff, ...], version: Version) -> tuple[tuple[Tariff, ...], tuple[Finding, ...]]:
    """Tariffs of a version in which no VAT stated means that none applies (2.2.1 tariffs, PriceComponent)."""
    if version.number != _NO_VAT_MEANS_NONE:
        return tariffs, ()
    found = [_vat_settled(tariff) for tariff in tariffs]
    message = "no VAT is stated: by the text of its version none applies"
    findings = [
        _finding("input.vat_absent", message, f"tariffs[{number}]")
        for number, (before, after) in enumerate(zip(tariffs, found, strict=True))
        if before is not after
    ]
    return tuple(found), tuple(findings)


def _vat_settled(tariff: Tariff) -> Tariff:
    stated = [component.vat_percent is not None for each in tariff.elements for component in each.price_components]
    if all(stated) or any(_IS_ELEMENT.fullmatch(part.pointer) for part in tariff.extensions):
        return tariff  # what stands in for an element states nothing
    if not any(stated):
        return tariff.model_copy(update={"tax_included": TaxIncluded.NOT_APPLICABLE})
    return tariff.model_copy(update={"elements": tuple(_rated(element) for element in tariff.elements)})


def _rated(element: TariffElement) -> TariffElement:
    parts = tuple(_rated_part(each) for each in element.price_components)
    return element.model_copy(update={"price_components": parts})


def _rated_part(part: PriceComponent) -> PriceComponent:
    return part if part.vat_percent is not None else part.model_copy(update={"vat_percent": Decimal(0)})


# Findings


def _told_once(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Without what is inside of something that was already said, and without endless repetition."""
    places: set[str] = set()
    told: dict[str, list[Finding]] = {}
    for finding in findings:
        where = finding.where or ""
        if any(around in places for around in _around(where)) or _of_our_doing(finding):
            continue
        if finding.code.startswith(_OURS):
            places.add(where)
        told.setdefault(finding.code, []).append(
            finding.model_copy(update={"message": _WORDS_FOR.get(finding.code, finding.message)})
        )
    return tuple(finding for alike in told.values() for finding in _shortened(alike))


def _of_our_doing(finding: Finding) -> bool:
    """Whether it only says that no element is left once those were put aside that cannot be read."""
    return finding.code == UnreadableElement.code and (finding.where or "").endswith("elements")


def _around(where: str) -> Iterator[str]:
    """The place itself, and every one that it is in."""
    yield where
    yield from (where[:end] for end, character in enumerate(where) if character in ".[")


def _shortened(alike: list[Finding]) -> Iterator[Finding]:
    yield from alike[:_MOST_ALIKE]
    more = len(alike) - _MOST_ALIKE
    if more > 0:
        yield _finding(alike[0].code, f"the same at {more} more places")


def _finding(code: str, message: str, where: str | None = None) -> Finding:
    return Finding(code=code, message=message, where=where)
