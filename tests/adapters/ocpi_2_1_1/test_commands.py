"""Orders, answers and results in 2.1.1: no cancellation, numbers for reservations, one word list for both answers."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.contract import CannotWrite, InvalidWire
from canonical.command import Command, CommandAnswer, CommandKind, CommandOutcome, CommandResponse, CommandResult
from canonical.model import DisplayText
from tests.adapters.ocpi_2_1_1 import objects as wire
from tests.adapters.ocpi_2_1_1.objects import BETWEEN, EMSP, body, standard, strict

URL = "https://msp.example/ocpi/2.1.1/sender/commands/X/1"
ORDERS: dict[CommandKind, dict[str, Any]] = {
    CommandKind.RESERVE_NOW: {
        "response_url": URL,
        "token": wire.token(),
        "expiry_date": "2026-03-01T10:00:00Z",
        "reservation_id": 4711,
        "location_id": "L1",
        "evse_uid": "E1",
    },
    CommandKind.START_SESSION: {"response_url": URL, "token": wire.token(), "location_id": "L1", "evse_uid": "E1"},
    CommandKind.STOP_SESSION: {"response_url": URL, "session_id": "S1"},
    CommandKind.UNLOCK_CONNECTOR: {"response_url": URL, "location_id": "L1", "evse_uid": "E1", "connector_id": "1"},
}


@pytest.mark.parametrize("kind", ORDERS)
def test_orders_there_and_back(kind: CommandKind) -> None:
    document = ORDERS[kind] | {"note": "mine"}
    command = strict.read_command(kind, body(document), BETWEEN).value
    assert (command.kind, command.reply_to) == (kind, URL)
    assert json.loads(strict.write_command(command)) == document


def test_the_token_in_an_order_is_the_providers() -> None:
    command = standard.read_command(CommandKind.START_SESSION, body(ORDERS[CommandKind.START_SESSION]), BETWEEN).value
    assert command.token is not None
    assert command.token.owner == EMSP
    assert command.connector_id is None


def test_what_the_version_has_no_room_for_stays_here() -> None:
    command = standard.read_command(CommandKind.START_SESSION, body(ORDERS[CommandKind.START_SESSION]), BETWEEN).value
    later = command.model_copy(update={"connector_id": "1", "authorization_reference": "R1"})
    assert json.loads(standard.write_command(later)) == ORDERS[CommandKind.START_SESSION]


def test_reservations_are_numbers() -> None:
    order = ORDERS[CommandKind.RESERVE_NOW]
    command = standard.read_command(CommandKind.RESERVE_NOW, body(order), BETWEEN).value
    assert command.reservation_id == "4711"
    assert command.expires == datetime(2026, 3, 1, 10, tzinfo=UTC)
    for name in ("R-1", "007", "-1", "1.0", "²"):
        with pytest.raises(CannotWrite, match="reservation_id"):
            standard.write_command(command.model_copy(update={"reservation_id": name}))
    with pytest.raises(InvalidWire, match="reservation_id"):
        standard.read_command(CommandKind.RESERVE_NOW, body(order | {"reservation_id": "R-1"}), BETWEEN)


@pytest.mark.parametrize("kind", [kind for kind in CommandKind if kind not in ORDERS])
def test_there_are_no_other_orders(kind: CommandKind) -> None:
    with pytest.raises(LookupError):
        standard.read_command(kind, b"{}", BETWEEN)
    with pytest.raises(LookupError):
        standard.write_command(Command(kind=kind))


@pytest.mark.parametrize("word", ["ACCEPTED", "NOT_SUPPORTED", "REJECTED", "TIMEOUT", "UNKNOWN_SESSION"])
def test_one_word_is_an_answer_at_once_and_a_result_later(word: str) -> None:
    kind, said = CommandKind.STOP_SESSION, body({"result": word})
    response = strict.read_response(kind, said).value
    assert response == CommandResponse(answer=CommandAnswer(word), timeout_s=None)
    assert json.loads(strict.write_response(kind, response)) == {"result": word}
    result = strict.read_result(kind, said).value
    assert result == CommandResult(outcome=CommandOutcome(word))
    assert json.loads(strict.write_result(kind, result)) == {"result": word}


@pytest.mark.parametrize("word", ["CANCELED_RESERVATION", "EVSE_OCCUPIED", "EVSE_INOPERATIVE", "FAILED", "UNKNOWN"])
def test_what_later_versions_distinguish_is_a_no(word: str) -> None:
    text = (DisplayText(language="en", text="why"),)
    result = CommandResult(outcome=CommandOutcome(word), messages=text)
    assert json.loads(standard.write_result(CommandKind.RESERVE_NOW, result)) == {"result": "REJECTED"}


def test_a_refusal_is_told_without_its_reason() -> None:
    response = CommandResponse(answer=CommandAnswer.TOO_OFTEN, timeout_s=30)
    assert json.loads(standard.write_response(CommandKind.START_SESSION, response)) == {"result": "REJECTED"}


def test_a_wrapped_result_is_read() -> None:
    read = standard.read_result(CommandKind.STOP_SESSION, body({"data": {"result": "TIMEOUT"}, "status_code": 1000}))
    assert read.value.outcome is CommandOutcome.TIMEOUT
    assert [finding.code for finding in read.findings] == ["tolerance.result_in_envelope"]
