"""Signed meter data in a file, in whatever a person has it: a record, OCPI's object, a CDR, or the XML for drivers."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from adapters.contract import InvalidWire
from adapters.document import Document, Json, is_list, is_object
from adapters.json_reader import read_json
from adapters.json_writer import write_json
from adapters.priced_document import read_cdr
from canonical.cdr import SignedMeterData, SignedReading
from deploy.commands.given_file import called, content_of, refuse
from settlement.calibration import Billed, recognised

_NEXT: Final = re.compile(r"\n(?=OCMF\||AP;[0-9];)")
"""Where one record ends and the next begins in a file with several."""
_TOKEN: Final = frozenset({"cdr_token", "auth_id"})
"""The field with the token, by the names that the versions have for it."""


@dataclass(frozen=True)
class GivenData:
    """The records with the key that came with them, and what their CDR says, when the file is one."""

    signed: SignedMeterData
    billed: Billed | None = None


def read_signed(file: Path) -> GivenData:
    """Ends with 2 when the file is nothing of the kind."""
    body = content_of(file)
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        if not recognised(body.hex()):
            refuse(f"{called(file)} is not UTF-8: byte {wrong.start}")
        return GivenData(_bare(body.hex()))
    start = text.lstrip()[:1]
    if start in ("{", "[", '"'):
        return _of_json(file, body)
    if start == "<" and not recognised(text):
        return GivenData(_of_xml(file, text))
    if not recognised(text):
        formats = "OCMF, Alfen, EDL40 or PCDF"
        refuse(f"{called(file)} is no signed record: not {formats}, as it stands, in Base64 or in hexadecimal")
    return GivenData(_bare(*(record.strip() for record in _NEXT.split(text.strip()))))


def _bare(*records: str) -> SignedMeterData:
    return _signed("", None, [SignedReading(nature="", plain_data="", signed_data=text) for text in records])


def _signed(method: str, key: str | None, readings: list[SignedReading]) -> SignedMeterData:
    return SignedMeterData(encoding_method=method, public_key=key, readings=tuple(readings))


def _of_json(file: Path, body: bytes) -> GivenData:
    try:
        document = read_json(body, allow_bom=True)
    except InvalidWire as invalid:
        refuse(f"{called(file)} is not JSON that can be read: {invalid.findings[0].message}")
    if isinstance(document, str):
        return GivenData(_bare(document))
    holder = _unwrapped(document)
    data = holder.get("signed_data")
    if is_object(data):
        return GivenData(_of_object(file, data), _billed(holder))
    if isinstance(data, str):
        return GivenData(_of_object(file, {"signed_values": [holder]}))
    if "signed_values" not in holder and "readings" not in holder:
        refuse(f"{called(file)} has no signed meter data: neither signed_values nor signed_data")
    return GivenData(_of_object(file, holder))


def _unwrapped(document: Json) -> Document:
    """The object inside an envelope of OCPI, or alone in a list."""
    while True:
        if is_list(document) and len(document) == 1:
            document = document[0]
        elif is_object(document) and "signed_data" not in document and isinstance(document.get("data"), dict | list):
            document = document["data"]
        else:
            return document if is_object(document) else {}


def _of_object(file: Path, data: Document) -> SignedMeterData:
    values = data.get("signed_values", data.get("readings"))
    readings = [_reading(value) for value in values] if is_list(values) else []
    found = [reading for reading in readings if reading]
    if not found or len(found) < len(readings):
        refuse(f"{called(file)} has signed values that are no signed values")
    return _signed(_text(data.get("encoding_method")), _text(data.get("public_key")) or None, found)


def _reading(value: Json) -> SignedReading | None:
    if not is_object(value) or not isinstance(value.get("signed_data"), str):
        return None
    return SignedReading(
        nature=_text(value.get("nature")),
        plain_data=_text(value.get("plain_data")),
        signed_data=_text(value.get("signed_data")),
    )


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""


def _billed(cdr: Document) -> Billed | None:
    """What the CDR says of energy, time and contract, as far as it can be read."""
    try:
        read = read_cdr(write_json(cdr))
    except InvalidWire:
        return None
    billed = Billed.of(read.cdr)
    if "total_energy" in read.unread:
        billed = replace(billed, energy_kwh=None)
    if _TOKEN & read.unread:
        billed = replace(billed, token_uid=None, contract_id=None)
    return billed


def _of_xml(file: Path, text: str) -> SignedMeterData:
    """The container of the public transparency software (SAFE e.V., values.xsd)."""
    try:
        document: Element = fromstring(text.strip(), forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError):
        refuse(f"{called(file)} is not XML that can be read")
    readings: list[SignedReading] = []
    keys: list[str] = []
    for value in _named(document, "value"):
        keys += ["".join(key.itertext()).strip() for key in _named(value, "publicKey")]
        for data in _named(value, "signedData"):
            record = "".join(data.itertext()).strip()
            readings.append(SignedReading(nature=value.get("context", ""), plain_data="", signed_data=record))
    if not readings:
        refuse(f"{called(file)} has no signed meter data: no signedData in a value")
    return _signed("", next((key for key in keys if key), None), readings)


def _named(element: Element, name: str) -> Iterator[Element]:
    return (found for found in element.iter() if found.tag.rpartition("}")[2] == name)
