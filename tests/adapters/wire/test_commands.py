"""Orders, answers and results on the wire: what can be said survives the way out and back in."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from adapters.contract import InvalidWire
from adapters.registry import build_registry
from canonical import charging_profile as profile
from canonical import command, partner
from canonical.command import CommandAnswer, CommandKind, CommandOutcome, CommandResponse, CommandResult
from canonical.identity import PartyId, Role
from canonical.model import CanonicalModel, DisplayText
from canonical.partner import ClientStatus
from tests.adapters.wire import objects as wire
from tests.adapters.wire import strategies as known

strict = build_registry(None).by_key("ocpi-2.2.1/strict")
standard = build_registry(None).by_key("ocpi-2.2.1/standard")

seconds = st.integers(0, 10**6)
urls = st.from_regex(r"https://[a-z]{1,9}\.example/[a-z0-9]{0,20}(\?[a-z]=[a-z0-9]{1,5})?", fullmatch=True)
limits = st.decimals(0, 10_000, places=1)
profiles = st.builds(
    profile.ChargingProfile,
    start=known.maybe(known.instants),
    duration_s=known.maybe(seconds),
    rate_unit=st.sampled_from(profile.ChargingRateUnit),
    min_rate=known.maybe(limits),
    periods=known.few(st.builds(profile.ChargingProfilePeriod, start_s=seconds, limit=limits)),
)
active_profiles = st.builds(profile.ActiveChargingProfile, start=known.instants, profile=profiles)
preferences = st.builds(
    profile.ChargingPreferences,
    profile_type=st.sampled_from(profile.ProfileType),
    departure=known.maybe(known.instants),
    energy_need_kwh=known.maybe(known.numbers),
    discharge_allowed=known.maybe(known.flags),
)
clients = st.builds(
    partner.HubClient,
    party=known.parties,
    role=st.sampled_from(Role),
    status=st.sampled_from(ClientStatus),
    last_updated=known.instants,
    extensions=known.extensions,
)


def orders(kind: CommandKind, **fields: SearchStrategy[Any]) -> SearchStrategy[command.Command]:
    return st.builds(command.Command, kind=st.just(kind), reply_to=urls, **fields)


ORDERS = {
    CommandKind.CANCEL_RESERVATION: orders(
        CommandKind.CANCEL_RESERVATION, reservation_id=known.ids, extensions=known.extensions
    ),
    CommandKind.RESERVE_NOW: orders(
        CommandKind.RESERVE_NOW,
        token=known.tokens,
        expires=known.instants,
        reservation_id=known.ids,
        location_id=known.ids,
        evse_uid=known.maybe(known.ids),
        authorization_reference=known.maybe(known.ids),
        extensions=known.extensions,
    ),
    CommandKind.START_SESSION: orders(
        CommandKind.START_SESSION,
        token=known.tokens,
        location_id=known.ids,
        evse_uid=known.maybe(known.ids),
        connector_id=known.maybe(known.ids),
        authorization_reference=known.maybe(known.ids),
        extensions=known.extensions,
    ),
    CommandKind.STOP_SESSION: orders(CommandKind.STOP_SESSION, session_id=known.ids, extensions=known.extensions),
    CommandKind.UNLOCK_CONNECTOR: orders(
        CommandKind.UNLOCK_CONNECTOR,
        location_id=known.ids,
        evse_uid=known.ids,
        connector_id=known.ids,
        extensions=known.extensions,
    ),
    CommandKind.SET_CHARGING_PROFILE: orders(
        CommandKind.SET_CHARGING_PROFILE, profile=profiles, extensions=known.extensions
    ),
    CommandKind.CLEAR_CHARGING_PROFILE: orders(CommandKind.CLEAR_CHARGING_PROFILE),
    CommandKind.GET_ACTIVE_CHARGING_PROFILE: orders(CommandKind.GET_ACTIVE_CHARGING_PROFILE, duration_s=seconds),
}
_SILENT = frozenset(kind for kind in CommandKind if kind.about_profile)
"""Requests about profiles, whose answers and results have no room for texts."""

ANSWERS = {
    True: {CommandAnswer.ACCEPTED, CommandAnswer.NOT_SUPPORTED, CommandAnswer.REJECTED, CommandAnswer.TOO_OFTEN,
           CommandAnswer.UNKNOWN_SESSION},
    False: set(CommandAnswer) - {CommandAnswer.TIMEOUT, CommandAnswer.TOO_OFTEN},
}  # fmt: skip
OUTCOMES = {
    True: {CommandOutcome.ACCEPTED, CommandOutcome.REJECTED, CommandOutcome.UNKNOWN},
    False: set(CommandOutcome) - {CommandOutcome.UNKNOWN, CommandOutcome.UNKNOWN_SESSION},
}


@pytest.mark.parametrize("kind", CommandKind)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_orders_out_and_back_in(kind: CommandKind, data: st.DataObject) -> None:
    value = data.draw(ORDERS[kind])
    body = strict.write_command(value)
    assert strict.read_command(kind, body).value == value
    assert standard.write_command(standard.read_command(kind, body).value) == body


@pytest.mark.parametrize("kind", CommandKind)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_answers_and_results_out_and_back_in(kind: CommandKind, data: st.DataObject) -> None:
    messages = st.just(()) if kind in _SILENT else known.few(known.display_texts)
    answers = st.sampled_from(sorted(ANSWERS[kind.about_profile]))
    response = data.draw(st.builds(CommandResponse, answer=answers, timeout_s=seconds, messages=messages))
    assert strict.read_response(kind, strict.write_response(kind, response)).value == response
    profile_told = known.maybe(active_profiles) if kind is CommandKind.GET_ACTIVE_CHARGING_PROFILE else st.none()
    outcomes = st.sampled_from(sorted(OUTCOMES[kind.about_profile]))
    result = data.draw(st.builds(CommandResult, outcome=outcomes, messages=messages, profile=profile_told))
    assert strict.read_result(kind, strict.write_result(kind, result)).value == result


@pytest.mark.parametrize("values", [active_profiles, preferences, clients])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_objects_out_and_back_in(values: SearchStrategy[CanonicalModel], data: st.DataObject) -> None:
    value = data.draw(values)
    assert strict.read(type(value), strict.write(value)).value == value


@pytest.mark.parametrize("kind", CommandKind)
def test_every_word_of_ours_is_said_somehow(kind: CommandKind) -> None:
    """An outcome without a word of its own becomes a refusal or a failure, never a success."""
    for answer in CommandAnswer:
        said = strict.read_response(kind, strict.write_response(kind, CommandResponse(answer=answer))).value
        assert (said.answer is CommandAnswer.ACCEPTED) is (answer is CommandAnswer.ACCEPTED)
        assert said.timeout_s == 0
    for outcome in CommandOutcome:
        heard = strict.read_result(kind, strict.write_result(kind, CommandResult(outcome=outcome))).value
        assert (heard.outcome is CommandOutcome.ACCEPTED) is (outcome is CommandOutcome.ACCEPTED)


def test_the_address_of_a_profile_request_is_beside_the_profile() -> None:
    limit = profile.ChargingProfile(rate_unit=profile.ChargingRateUnit.WATT)
    order = command.Command(
        kind=CommandKind.SET_CHARGING_PROFILE, session_id="S1", reply_to="https://a.example/1", profile=limit
    )
    assert json.loads(strict.write_command(order)) == {
        "charging_profile": {"charging_rate_unit": "W"},
        "response_url": "https://a.example/1",
    }


def test_a_result_that_came_like_an_answer_is_read_by_the_tolerant_only() -> None:
    wrapped = b'{"data":{"result":"ACCEPTED"},"status_code":1000,"timestamp":"2026-03-01T10:00:00Z"}'
    read = standard.read_result(CommandKind.START_SESSION, wrapped)
    assert read.value.outcome is CommandOutcome.ACCEPTED
    assert [finding.code for finding in read.findings] == ["tolerance.result_in_envelope"]
    with pytest.raises(InvalidWire):
        strict.read_result(CommandKind.START_SESSION, wrapped)


@pytest.mark.parametrize(
    ("kind", "document", "named"),
    [
        (CommandKind.START_SESSION, {"location_id": "L1"}, "token"),
        (CommandKind.STOP_SESSION, {"session_id": "x" * 37}, "session_id"),
        (CommandKind.UNLOCK_CONNECTOR, {"location_id": "L1", "evse_uid": "E1"}, "connector_id"),
        (CommandKind.SET_CHARGING_PROFILE, {"charging_profile": {}}, "charging_profile.charging_rate_unit"),
    ],
)
def test_what_is_missing_or_wrong_is_named(kind: CommandKind, document: dict[str, Any], named: str) -> None:
    body = json.dumps({"response_url": "https://a.example/1", **document}).encode()
    with pytest.raises(InvalidWire) as refused:
        strict.read_command(kind, body)
    assert named in [finding.where for finding in refused.value.findings]


def test_what_we_cannot_name_goes_along() -> None:
    document = {
        "response_url": "https://a.example/1",
        "token": {**wire.token(), "shoe_size": 43},
        "location_id": "L1",
        "hurry": True,
    }
    read = standard.read_command(CommandKind.START_SESSION, json.dumps(document).encode()).value
    assert [each.pointer for each in read.extensions] == ["/hurry"]
    written = json.loads(standard.write_command(read))
    assert (written["hurry"], written["token"]["shoe_size"]) == (True, 43)


def test_a_hub_client_names_its_role() -> None:
    body = (
        b'{"country_code":"NL","party_id":"TNM","role":"CPO","status":"CONNECTED",'
        b'"last_updated":"2026-03-01T10:00:00Z"}'
    )
    client = strict.read(partner.HubClient, body).value
    assert client.object_id.key == "NL*TNM/CPO"
    assert client.party == PartyId(country_code="NL", party_id="TNM")


def test_texts_to_people_are_kept() -> None:
    said = CommandResponse(
        answer=CommandAnswer.REJECTED, timeout_s=0, messages=(DisplayText(language="de", text="Nein."),)
    )
    body = strict.write_response(CommandKind.STOP_SESSION, said)
    assert json.loads(body) == {
        "result": "REJECTED", "timeout": 0, "message": [{"language": "de", "text": "Nein."}],
    }  # fmt: skip
