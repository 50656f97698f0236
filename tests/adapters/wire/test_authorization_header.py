"""`Authorization: Token <Base64>`."""

import base64

import pytest

from adapters.ocpi import authorization_header
from adapters.partners.profile import TokenSpelling
from adapters.registry import build_registry

adapter = build_registry(None).by_key("ocpi-2.2.1/standard")
TOKEN = "ebf3b399-779f-4497-9b9d-ac6ad3cc44d2"


def spelt(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_encoded_and_decoded() -> None:
    header = adapter.encode_token(TOKEN)
    assert header == f"Token {spelt(TOKEN)}"
    assert adapter.decode_token(header) == TOKEN


@pytest.mark.parametrize("header", ["token {}", "TOKEN   {}", " Token {} "])
def test_the_scheme_has_no_case(header: str) -> None:
    assert adapter.decode_token(header.format(spelt(TOKEN))) == TOKEN


def test_a_line_break_that_was_encoded_along_is_no_part_of_it() -> None:
    assert adapter.decode_token(f"Token {spelt(TOKEN + chr(10))}") == TOKEN


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Token",
        "Token ",
        f"Bearer {spelt(TOKEN)}",
        f"Basic {spelt(TOKEN)}",
        spelt(TOKEN),
        f"Token {TOKEN}",
        f"Token {spelt(TOKEN)} extra",
        f"Token {spelt(TOKEN).rstrip('=')}!",
        f"Token {spelt('x' * 65)}",
        f"Token {spelt('with blank')}",
        f"Token {spelt('ümlaut')}",
        "Token //79",
        f"Token {spelt('')}",
        "Token é",
    ],
)
def test_what_is_not_a_token_is_none(header: str) -> None:
    assert adapter.decode_token(header) is None


def test_a_profile_may_spell_it_raw() -> None:
    assert authorization_header.encode(TOKEN, TokenSpelling.RAW) == f"Token {TOKEN}"
    assert authorization_header.decode(f"Token {TOKEN}", TokenSpelling.RAW) == TOKEN
