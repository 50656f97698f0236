"""Logs: whatever is logged, no credential gets out; what belongs together can be found together."""

import dataclasses
import json
import logging
import time

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Status, StatusCode
from temporalio.testing import ActivityEnvironment

from api import about
from canonical.vault import new_token
from deploy.redaction import redact
from deploy.span_redaction import RedactedSpans
from deploy.telemetry import JsonFormatter, TextFormatter, _exporter

TOKEN = "Zm9vYmFyQmF6MTIzNDU2Nzg5MGFiY2RlZmdoaWprbG1ub3A"


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Token {TOKEN}",
        "authorization: Token short1234",
        f"{{'authorization': 'Token {TOKEN}', 'accept': '*/*'}}",
        f'{{"token": "{TOKEN}", "url": "https://a.example"}}',
        f"[('Authorization', 'Bearer {TOKEN}')]",
        f"sent Token {TOKEN}= to the partner",
        f"a token {TOKEN} nobody knows",
        f"https://a.example/x?token={TOKEN}&limit=1",
        f"postgresql://roam:{TOKEN}@127.0.0.1:5432/roam",
        f"secret_key={TOKEN}",
        f"ROAM_SECRET_KEY={TOKEN} ROAM_PORT=8000",
        f"just {TOKEN} in the middle",
    ],
)
def test_credentials_are_taken_out(text: str) -> None:
    for secret in (TOKEN, "short1234"):
        assert secret not in redact(text)
    assert "[redacted]" in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "settlement/nl-tnm/2026-03 is approved by ada@example.com",
        "run 01a20460-fa3f-77cd-bf4e-f91641aaca28 of session/nl-tnm/DE*RCO/S-0001",
        "sha256 " + "0123456789abcdef" * 4,
        "https://emsp.example:8443/ocpi/2.2.1/receiver/sessions/DE/RCO/101",
        "token DE*RCO/RFID/04AB is blocked",
        "12.345 kWh at 0.25 EUR",
    ],
)
def test_everything_else_stays(text: str) -> None:
    assert redact(text) == text


def test_every_token_that_we_make_is_recognised() -> None:
    for _ in range(2_000):
        token = new_token().get_secret_value()
        assert token not in redact(f"somewhere {token} in a line")


def record(message: str, *args: object, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("roam.test", logging.WARNING, __file__, 1, message, args, None)
    vars(made).update(extra)
    return made


def test_a_json_line_holds_ids_and_no_secret() -> None:
    line = json.loads(
        JsonFormatter().format(
            record(
                "call with %s failed",
                f"Token {TOKEN}",
                connection_id="nl-tnm",
                header=f"Authorization: Token {TOKEN}",
                temporal_workflow={"workflow_id": "handshake/nl-tnm", "workflow_type": "Handshake"},
            )
        )
    )
    assert line["message"] == "call with Token [redacted] failed"
    assert line["connection_id"] == "nl-tnm"
    assert line["workflow_id"] == "handshake/nl-tnm"
    assert TOKEN not in json.dumps(line)


def test_a_line_says_whom_it_is_about_wherever_that_is_known() -> None:
    lines: list[dict[str, object]] = []

    def write() -> None:
        lines.append(json.loads(JsonFormatter().format(record("said"))))

    about.begins(request_id="r-1", correlation_id="c-1")
    about.known(connection_id="mobility")
    write()
    about.begins(request_id=f"Token {TOKEN}", correlation_id=TOKEN)
    write()
    assert TOKEN not in json.dumps(lines.pop())
    about.begins()
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(
        environment.info, workflow_id="session/mobility/DE*ABC/S-1", activity_type="delivery-send"
    )
    environment.run(write)
    of_workflow = {"workflow_id": "feed/mobility", "workflow_type": "PartnerFeed"}
    lines.append(json.loads(JsonFormatter().format(record("said", temporal_workflow=of_workflow))))
    at_the_edge, in_an_activity, in_a_workflow = lines
    assert {name: at_the_edge[name] for name in ("request_id", "correlation_id", "connection_id")} == {
        "request_id": "r-1",
        "correlation_id": "c-1",
        "connection_id": "mobility",
    }
    assert (in_an_activity["activity"], in_an_activity["connection_id"]) == ("delivery-send", "mobility")
    assert (in_a_workflow["workflow_id"], in_a_workflow["connection_id"]) == ("feed/mobility", "mobility")
    assert "request_id" not in in_an_activity


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_stack_traces_are_redacted(formatter: logging.Formatter) -> None:
    made = record("failed")
    error = ValueError(f"Illegal header value b'Token {TOKEN}'")
    made.exc_info = (ValueError, error, None)
    text = formatter.format(made)
    assert "ValueError" in text
    assert TOKEN not in text


@pytest.mark.parametrize(
    ("environment", "exports"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, False),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "otlp"}, False),
    ],
)
def test_spans_leave_only_when_told_where_to(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], exports: bool
) -> None:
    for name in ("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_SDK_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    exporter = _exporter()
    assert (exporter is not None) is exports
    if exporter is not None:
        exporter.shutdown()


def test_the_words_of_a_stranger_are_redacted_in_no_time_however_long_they_are() -> None:
    """Whoever has no token can have a path logged, and while a line is redacted nobody else is served."""
    for word in ("a", "a_", "aA", "x-", "token", "authorization", "x_token", "a://", "a://:", "token "):
        line = f"GET /ocpi/{word * (60_000 // len(word))}"
        began = time.process_time()
        redact(line)
        assert time.process_time() - began < 1, word


def test_the_words_of_a_stranger_cannot_look_like_a_line_of_ours() -> None:
    forged = "GET /ocpi/x\n22:00:00.000 INFO    roamwork.security  all is well\x1b[2J\x85\u2028 -> 401"
    line = TextFormatter().format(record("%s", forged))
    assert len(line.splitlines()) == 1
    assert line.isprintable()


def test_what_a_call_was_about_does_not_leave_with_its_span() -> None:
    sent = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(RedactedSpans(sent)))
    uid, secret = "04DEC0DE", "who-has-this-may-answer"
    with provider.get_tracer("test").start_as_current_span("GET") as span:
        span.set_attributes(
            {
                "http.url": f"https://partner.example:8443/{secret}/tokens/DE/ABC/{uid}/authorize?type=RFID",
                "url.full": f"https://user:{secret}@partner.example/cb/{secret}",
                "http.target": f"/contract/v1/tokens/{uid}",
                "url.path": f"/{uid}",
                "url.query": f"uid={uid}",
                "http.status_code": 200,
                "http.method": "GET",
            }
        )
        span.record_exception(ValueError(f"Illegal header value b'Token {TOKEN}'"))
        span.set_status(Status(StatusCode.ERROR, f"Authorization: Token {TOKEN}"))
    (gone,) = sent.get_finished_spans()
    text = gone.to_json()
    assert not [each for each in (uid, secret, TOKEN) if each in text]
    attributes = dict(gone.attributes or {})
    assert attributes["http.url"] == "https://partner.example:8443/…/tokens/…"
    assert attributes["url.full"] == "https://partner.example/…"
    assert (attributes["http.status_code"], attributes["http.method"]) == (200, "GET")
    assert gone.context.span_id == span.get_span_context().span_id
    assert [event.name for event in gone.events] == ["exception"]
