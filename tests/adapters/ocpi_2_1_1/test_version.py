"""The version as a whole: its endpoints, its tokens in headers, its credentials and its details."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from adapters.contract import CannotWrite, Credentials, InvalidWire, Module, Operation
from adapters.ocpi_2_1_1.endpoints import ENDPOINTS
from canonical.identity import BusinessRole, PartyId, Role
from canonical.partner import Endpoint, Side
from tests.adapters.ocpi_2_1_1.objects import body, standard, strict
from tests.adapters.wire.shared import needed, rows

TOKEN = "ebf3b399-779f-4497-9b9d-ac6ad3cc44d2"
SENDERS = {"tokens": "eMSP interface", "commands": "eMSP interface"}
"""Whose interface is that of the sender; of all other modules it is the operator's."""

DOCUMENT: dict[str, Any] = {
    "token": TOKEN,
    "url": "https://msp.example/versions",
    "business_details": {"name": "MSP", "website": "https://msp.example"},
    "party_id": "MSP",
    "country_code": "NL",
}


def _stated(row: dict[str, str]) -> tuple[str, str, str, str]:
    """A row of the matrix in our words."""
    path = re.sub(r"^\{[a-z_]+\}|^\{(URL|response_url).*$", "", row["url_template"])
    if row["module"] == "cdrs" and row["method"] == "GET" and row["interface"] == "eMSP interface":
        path = "/{reference}"
    if row["module"] == "commands" and row["interface"] == "eMSP interface":
        path = "/{command}/{reference}"
    sender = row["interface"] in ("both", SENDERS.get(row["module"], "CPO interface"))
    return row["module"], "SENDER" if sender else "RECEIVER", row["method"], path


def test_the_table_is_the_one_of_the_standard() -> None:
    matrix = needed(rows("reference", "ocpi-matrix.csv", version="2.1.1"))
    assert len(matrix) == 41
    stated = {_stated(row) for row in matrix if row["module"] not in ("versions", "version details")}
    assert {(e.module.value, e.interface.value, e.method, e.path) for e in ENDPOINTS} == stated
    assert len(ENDPOINTS) == 39


def test_a_tariff_has_a_patch_and_a_reservation_no_cancellation() -> None:
    operations = {endpoint.operation for endpoint in ENDPOINTS}
    assert Operation.PATCH_TARIFF in operations
    assert operations.isdisjoint({Operation.CANCEL_RESERVATION, Operation.SET_CHARGING_PROFILE})


def test_tokens_are_named_by_their_uid_and_requests_are_not_routed() -> None:
    assert standard.tokens_by_uid
    assert not standard.routed


def test_a_token_stands_in_the_header_as_it_is() -> None:
    assert standard.encode_token(TOKEN) == f"Token {TOKEN}"
    assert standard.decode_token(f"Token {TOKEN}") == TOKEN
    assert standard.decode_token(f"token  {TOKEN} ") == TOKEN


@pytest.mark.parametrize(
    "header", ["", "Token", f"Bearer {TOKEN}", TOKEN, f"Token {TOKEN} x", f"Token {'x' * 65}", "Token é"]
)
def test_what_is_not_a_token_is_none(header: str) -> None:
    assert standard.decode_token(header) is None


class TestCredentials:
    def test_one_party_in_every_role_that_it_plays(self) -> None:
        read = strict.read_credentials(body(DOCUMENT), [Side.EMSP])
        party = PartyId.parse("NL*MSP")
        assert read.roles == (
            BusinessRole(party=party, role=Role.EMSP, business_name="MSP", website="https://msp.example"),
        )
        both = strict.read_credentials(body(DOCUMENT), [Side.CPO, Side.EMSP])
        assert [role.role for role in both.roles] == [Role.CPO, Role.EMSP]
        assert json.loads(strict.write_credentials(both)) == DOCUMENT

    def test_without_knowing_the_sides_no_role_is_invented(self) -> None:
        with pytest.raises(TypeError, match="sides"):
            strict.read_credentials(body(DOCUMENT))

    def test_several_parties_do_not_fit(self) -> None:
        roles = tuple(
            BusinessRole(party=PartyId.parse(party), role=Role.CPO, business_name="x") for party in ("DE*ABC", "DE*ABD")
        )
        with pytest.raises(CannotWrite, match="party_id"):
            standard.write_credentials(Credentials(TOKEN, "https://x.example", roles))

    def test_a_bad_token_is_not_shown(self) -> None:
        ours = strict.read_credentials(body(DOCUMENT), [Side.CPO])
        for token in ("with blank", "x" * 65, ""):
            with pytest.raises(CannotWrite) as refused:
                standard.write_credentials(replace(ours, token=token))
            assert (refused.value.findings[0].where, refused.value.findings[0].stated) == ("token", None)
        with pytest.raises(InvalidWire) as unread:
            standard.read_credentials(body(DOCUMENT | {"token": "a secret"}), [Side.CPO])
        assert "secret" not in f"{unread.value} {unread.value.findings!r}"


def test_details_name_modules_and_no_parts() -> None:
    offered = [
        Endpoint(module=Module.TOKENS, interface="SENDER", url="https://us.example/ocpi/2.1.1/sender/tokens"),
        Endpoint(module=Module.COMMANDS, interface="SENDER", url="https://us.example/ocpi/2.1.1/sender/commands"),
        Endpoint(module=Module.LOCATIONS, interface="RECEIVER", url="https://us.example/ocpi/2.1.1/receiver/locations"),
    ]
    assert json.loads(standard.write_version_details(offered)) == {
        "version": "2.1.1",
        "endpoints": [
            {"identifier": "tokens", "url": "https://us.example/ocpi/2.1.1/sender/tokens"},
            {"identifier": "locations", "url": "https://us.example/ocpi/2.1.1/receiver/locations"},
        ],
    }
