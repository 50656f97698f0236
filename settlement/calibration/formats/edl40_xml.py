"""EDL40 in XML: the signed octets ready-made (`signedMeterValue`), or a begin and an end as fields (Mennekes)."""

import base64
import binascii
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from settlement.calibration.formats.edl40 import Fields, on_the_wall, record
from settlement.calibration.record import Kind, MeterRecord, NotReadable

_WATT_HOURS = 30


def read_signed_value(text: str) -> MeterRecord:
    """Read the ready-made octets and their signature. Raises NotReadable."""
    document = _document(text)
    key = document.find("{*}publicKey")
    return record(
        _octets(document, "encodedMeterValue"),
        _octets(document, "meterValueSignature"),
        contained_key=_octets(document, "publicKey").hex() if key is not None and key.text else None,
    )


def read_charging_process(text: str) -> tuple[MeterRecord, ...]:
    """Read begin and end of a `ChargingProcess`, or of the first one of a bill. Raises NotReadable."""
    process = next((e for e in _document(text).iter() if e.tag.rpartition("}")[2] == "ChargingProcess"), None)
    if process is None:
        raise NotReadable("there is no ChargingProcess")
    stages = (("MeasurementStart", Kind.BEGIN), ("MeasurementEnd", Kind.END))
    measured = [(process.find(f"{{*}}{name}"), kind) for name, kind in stages]
    records = tuple(_measured(process, element, kind) for element, kind in measured if element is not None)
    if not records:
        raise NotReadable("there is no measurement")
    return records


def _measured(process: Element, measurement: Element, kind: Kind) -> MeterRecord:
    try:
        signature = bytes.fromhex(_text(measurement, "Signature"))
        events = _number(measurement, "EventCounter")
        at = _instant(_text(measurement, "Timestamp"))
        identified = _text(measurement, "TimestampCustomerIdent") or _text(process, "TimestampCustomerIdent")
        fields = Fields(
            server=bytes.fromhex(_text(process, "ServerId")),
            time=on_the_wall(at),
            status=_number(measurement, "MeterStatus"),
            seconds=_number(measurement, "SecondIndex"),
            page=_number(measurement, "Pagination"),
            unit=_WATT_HOURS,
            scale=_number(measurement, "Scaler"),
            value=_number(measurement, "Value"),
            logbook=signature[-2:] if len(signature) > 48 else (events & 0xFFFF).to_bytes(2),
            user=bytes.fromhex(_text(process, "CustomerIdent")),
            user_time=on_the_wall(_instant(identified)),
        )
    except ValueError as error:
        raise NotReadable("a field of the measurement is missing, or not what it should be") from error
    key = _text(process, "PublicKey") or None
    return record(fields.block(), signature, at=at.astimezone(UTC), kind=kind, contained_key=key)


def _document(text: str) -> Element:
    try:
        document: Element = fromstring(text.strip(), forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise NotReadable("not XML, or XML that declares entities") from error
    return document


def _text(element: Element, name: str) -> str:
    found = element.find(f"{{*}}{name}")
    return "".join((found.text or "").split()) if found is not None else ""


def _number(element: Element, name: str) -> int:
    number = int(_text(element, name))
    if abs(number) >= 1 << 64:
        raise ValueError(f"{name} is out of all bounds")
    return number


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None or not 1970 <= instant.year < 2100:
        raise ValueError("a time is without a zone, or out of all bounds")
    return instant


def _octets(document: Element, name: str) -> bytes:
    found = document.find(f"{{*}}{name}")
    if found is None:
        raise NotReadable(f"there is no {name}")
    text = "".join((found.text or "").split())
    try:
        if (found.get("encoding") or "").lower() in ("hex", "plain"):
            return bytes.fromhex(text)
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as error:
        raise NotReadable(f"{name} is not what it says") from error
