"""What a call to a partner leaves behind in figures and log: to whom, about what kind of thing, with what outcome."""

import logging

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from adapters.contract import Module, PartnerUnavailable
from adapters.transport import http as transport
from adapters.transport.http import PartnerHttp
from deploy.embedded.ports import free_port
from tests.adapters.transport.partner import Partner, enveloped

UID = "04DEC0DE"


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> InMemoryMetricReader:
    reader = InMemoryMetricReader()
    monkeypatch.setattr(transport, "_CALLS", MeterProvider([reader]).get_meter("test").create_histogram("calls"))
    return reader


async def test_every_exchange_is_measured_and_logged_without_what_it_was_about(
    http: PartnerHttp, partner: Partner, figures: InMemoryMetricReader, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "roamwork.partner")
    partner.answers["GET", f"/tokens/{UID}"] = enveloped()
    named = {"authorization": "Token abc", "module": Module.TOKENS}
    await http.request("GET", partner.url(f"/tokens/{UID}"), partner="mobility", **named)
    with pytest.raises(PartnerUnavailable):
        await http.request("GET", f"http://127.0.0.1:{free_port()}/tokens", **named)
    data = figures.get_metrics_data()
    points = data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points
    assert {tuple(sorted(point.attributes.items())) for point in points} == {
        (("connection", "mobility"), ("method", "GET"), ("module", "tokens"), ("outcome", "2xx")),
        (("connection", "unknown"), ("method", "GET"), ("module", "tokens"), ("outcome", "none")),
    }
    said, failed = caplog.records
    assert said.getMessage().startswith("GET tokens -> 200 in ")
    assert failed.getMessage().startswith("GET tokens -> no answer in ")
    sent = partner.last.headers
    assert (said.connection_id, said.correlation_id) == ("mobility", sent["x-correlation-id"])
    assert UID not in caplog.text
