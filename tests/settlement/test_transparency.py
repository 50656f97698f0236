"""The XML for the public transparency software: the same bytes, in the shape that it reads (SAFE e.V., values.xsd)."""

import base64
from xml.etree.ElementTree import Element

import pytest
from defusedxml.ElementTree import fromstring

from canonical.cdr import SignedMeterData
from settlement.calibration import verify
from settlement.calibration.transparency import container
from tests.settlement.meters import (
    ALFEN_METER,
    BEGIN,
    BEGIN_AND_END,
    EDL_METER,
    END,
    METER,
    SESSION,
    EdlReading,
    alfen,
    charging_process,
    data,
    ocmf,
    pcdf,
)

ONE, TWO = EdlReading(5000, 41), EdlReading(5200, 42)


def values(signed: SignedMeterData, **more: str) -> list[Element]:
    root = fromstring(container(signed, **more))
    assert root.tag == "values"
    return list(root)


def test_begin_and_end_with_their_key():
    begin, end = values(data(BEGIN, END, key=METER.key), transaction="4711")
    assert (begin.attrib, end.attrib) == (
        {"transactionId": "4711", "context": "Transaction.Begin"},
        {"transactionId": "4711", "context": "Transaction.End"},
    )
    assert [child.tag for child in begin] == ["publicKey", "signedData"]
    assert (begin[0].attrib, begin[0].text) == ({"encoding": "plain"}, METER.key.upper())
    assert (begin[1].attrib, begin[1].text) == ({"encoding": "plain", "format": "OCMF"}, BEGIN)
    assert end[1].text == END


def test_the_number_of_a_session_is_a_number():
    (value,) = values(data(BEGIN_AND_END), transaction="c0ffee")
    assert value.attrib == {"transactionId": "1"}
    assert [child.tag for child in value] == ["signedData"]


@pytest.mark.parametrize(
    ("record", "name", "key"),
    [
        (BEGIN_AND_END, "OCMF", METER.key),
        (base64.b64encode(BEGIN_AND_END.encode()).decode(), "OCMF", METER.pem),
        (alfen("0", 1), "ALFEN", ALFEN_METER.compressed.hex()),
        (pcdf(), "PCDF", METER.key),
        (ONE.sml().hex(), "EDL_40_P", EDL_METER.key),
        (ONE.xml(), "EDL_40_SIG", EDL_METER.x_and_y.hex()),
        (charging_process(ONE, TWO), "EDL_40_MENNEKES", EDL_METER.key),
    ],
)
def test_what_is_written_verifies_as_what_came(record: str, name: str, key: str):
    (value,) = values(data(record), key=key)
    assert value[1].get("format") == name
    again = data(value[1].text or "", key=value[0].text)
    assert verify(again, value[0].text).proves
    assert (value[0].text or "").isalnum()
    if name.startswith("EDL_40"):
        assert value[0].text == EDL_METER.x_and_y.hex().upper()


def test_not_a_byte_is_lost_on_the_way():
    signed = SESSION.replace(b", ", b",\r\n\t").replace(b"M1", "Zähler <&>".encode())
    record = ocmf(signed)
    (value,) = values(data(record))
    assert value[0].text == record
    assert verify(data(value[0].text or ""), METER.key).billable


def test_what_is_in_no_known_format_is_put_in_as_it_stands():
    (value,) = values(data("<other>&amp;", key="none!"))
    assert (value[0].text, value[1].text, value[1].get("format")) == ("none!", "<other>&amp;", None)
    (value,) = values(data("bell \a"))
    assert (value[0].get("encoding"), bytes.fromhex(value[0].text or "")) == ("hex", b"bell \a")
