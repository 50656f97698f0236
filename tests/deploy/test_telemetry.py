"""Logs: whatever is logged, no credential gets out; what belongs together can be found together."""

import json
import logging

import pytest

from canonical.vault import new_token
from deploy.redaction import redact
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
