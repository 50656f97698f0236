"""The XML that the public transparency software reads, so that a driver can check a bill with a tool that is not ours.

SAFE e.V., values.xsd: `<values>`, a `<value>` for each record, in it the key and the record. The records are those that
came: their wrappings are taken off, not a byte of what is signed is changed.
"""

import re
from types import MappingProxyType
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from canonical.cdr import SignedMeterData
from settlement.calibration.curves import size_of
from settlement.calibration.formats import Carried, read
from settlement.calibration.keys import UnusableKey, octets_of, public_key
from settlement.calibration.record import Format, Kind, NotReadable

_NAMES: Final = MappingProxyType(
    {
        Format.OCMF: "OCMF",
        Format.ALFEN: "ALFEN",
        Format.EDL40: "EDL_40_P",
        Format.MENNEKES: "EDL_40_MENNEKES",
        Format.PCDF: "PCDF",
    }
)
_READY_MADE: Final = "EDL_40_SIG"
_NOT_IN_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_INTEGER: Final = re.compile(r"[0-9]{1,18}")


def container(signed: SignedMeterData, key: str | None = None, transaction: str | None = None) -> bytes:
    """The document, in UTF-8, with `key`, else the one that came with the records.

    `transaction` names the session if it is a number, as that software wants it. A record that is in no format known
    here is put in as it stands.
    """
    number = transaction if transaction and _INTEGER.fullmatch(transaction) else "1"
    values = Element("values")
    for reading in signed.readings:
        try:
            carried = read(reading.signed_data)
        except NotReadable:
            _value(values, number, None, None, key or signed.public_key, reading.signed_data)
        else:
            _value(values, number, carried, _context(carried, reading.nature), key or signed.public_key, carried.plain)
    indent(values)
    text = tostring(values, encoding="unicode")
    # A bare carriage return would be read as a line feed, and the signature would not fit.
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + text.replace("\r", "&#13;").encode() + b"\n"


def _value(
    values: Element, number: str, carried: Carried | None, context: str | None, key: str | None, plain: str
) -> None:
    value = SubElement(values, "value", {"transactionId": number})
    if context:
        value.set("context", context)
    if key and key.strip():
        SubElement(value, "publicKey", {"encoding": "plain"}).text = _key_text(key, carried)
    data = SubElement(value, "signedData", {"encoding": "plain"})
    if carried:
        data.set("format", _format_name(carried))
    if _NOT_IN_XML.search(plain):
        data.set("encoding", "hex")
        plain = plain.encode("utf-8", "surrogatepass").hex()
    data.text = plain.strip()


def _format_name(carried: Carried) -> str:
    return _READY_MADE if carried.format is Format.EDL40 and carried.plain.startswith("<") else _NAMES[carried.format]


def _context(carried: Carried, nature: str) -> str | None:
    kinds = {reading.kind for record in carried.records for reading in record.readings}
    nature = nature.upper()
    if kinds == {Kind.BEGIN} or (kinds == {Kind.UNSTATED} and nature in ("START", "BEGIN", "TRANSACTION.BEGIN")):
        return "Transaction.Begin"
    if kinds == {Kind.END} or (kinds == {Kind.UNSTATED} and nature in ("END", "STOP", "TRANSACTION.END")):
        return "Transaction.End"
    return None


def _key_text(key: str, carried: Carried | None) -> str:
    """In hexadecimal, and for EDL40 as x and y, which is all that it has."""
    record = carried.records[0] if carried else None
    try:
        if carried and record and carried.format in (Format.EDL40, Format.MENNEKES):
            point, _ = public_key(key, record.curve)
            size = size_of(point.curve)
            return (point.x.to_bytes(size) + point.y.to_bytes(size)).hex().upper()
        return octets_of(key).hex().upper()
    except UnusableKey:
        return _NOT_IN_XML.sub("", key).strip()
