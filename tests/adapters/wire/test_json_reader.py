"""What is not exactly one JSON value is refused, each kind by its own name."""

import time
from decimal import Decimal

import pytest

from adapters.contract import InvalidWire
from adapters.json_reader import JsonLimits, read_json, read_object
from adapters.json_writer import write_json

REFUSED = {
    "json.not_a_number": [b'{"a": NaN}', b'{"a": Infinity}', b"[-Infinity]"],
    "json.duplicate_key": [b'{"a": 1, "a": 1}', b'{"x": {"a": 1, "b": 2, "a": 3}}'],
    "json.too_deep": [b"[" * 33 + b"]" * 33, b"[" * 100_000, b'{"a":' * 40 + b"1" + b"}" * 40],
    "json.byte_order_mark": [b"\xef\xbb\xbf{}"],
    "json.charset": ['{"a": "é"}'.encode("latin-1"), '{"a": 1}'.encode("utf-16")],
    "json.unstorable_text": [b'{"a": "\\u0000"}', b'{"a\\u0000": 1}', b'["\\ud800"]'],
    "json.number_out_of_range": [b"[1e400]", b"[1E-31]", b"[0E-999999]", b"[" + b"1" * 41 + b"]"],
    "json.syntax": [b"", b"{", b"{'a': 1}", b'{"a": 4,00}', b"[1,]", b"{} {}", b'["a\tb"]'],
}


@pytest.mark.parametrize(("code", "body"), [(code, body) for code, bodies in REFUSED.items() for body in bodies])
def test_refused(code: str, body: bytes) -> None:
    with pytest.raises(InvalidWire) as refused:
        read_json(body)
    assert refused.value.malformed
    assert [finding.code for finding in refused.value.findings] == [code]


def test_size_is_limited_in_bytes() -> None:
    assert read_json(b'"12345678"', JsonLimits(size_bytes=10)) == "12345678"
    with pytest.raises(InvalidWire, match="more than 9 bytes"):
        read_json(b'"12345678"', JsonLimits(size_bytes=9))


@pytest.mark.parametrize("part", [b"[],", b"{},", b"1,", b'"":{},'])
def test_a_body_of_nothing_but_punctuation_is_refused_before_it_is_read(part: bytes) -> None:
    count = 2_000_000 // len(part)
    began = time.process_time()
    with pytest.raises(InvalidWire, match="more than 300000 values"):
        read_json(b"[" + part * count + b"1]")
    assert time.process_time() - began < 0.1


def test_a_body_of_many_objects_is_read() -> None:
    assert read_json(b"[" + b'{"id":"0123456789","on":true},' * 90_000 + b"1]") is not None


def test_the_deepest_allowed_document_is_read() -> None:
    assert read_json(b"[" * 32 + b"]" * 32) is not None


def test_a_byte_order_mark_may_be_allowed() -> None:
    assert read_json(b"\xef\xbb\xbf{}", allow_bom=True) == {}


def test_an_array_is_not_an_object_but_well_formed() -> None:
    with pytest.raises(InvalidWire) as refused:
        read_object(b"[]")
    assert not refused.value.malformed


@pytest.mark.parametrize("text", ["0.30000000000000004", "2.00", "1E+3", "-0.0", "12345678901234567890.1"])
def test_numbers_are_the_decimals_that_were_written(text: str) -> None:
    number = read_json(text.encode())
    assert isinstance(number, Decimal)
    assert str(number) == text


def test_the_writer_keeps_digits_and_has_no_exponents() -> None:
    body = b'{"a":2.00,"b":0.0000001,"c":-3,"d":"\xc3\xa9","e":[true,false,null],"f":{}}'
    assert write_json(read_json(body)) == body
    assert write_json([Decimal("1E+3"), Decimal("1E-7")]) == b"[1000,0.0000001]"
