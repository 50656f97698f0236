"""What is kept of an exchange with a partner: who, when, read and written by which code, and no secret."""

import json
from datetime import timedelta

from activities.partner_link import evidence_of
from adapters.build import build
from adapters.contract import Exchange, Module
from tests.api.documents import cdr, tariff
from tests.api.partner import NOW, Deployment, Partner
from tests.store.samples import EMSP, connection

CDRS = "/receiver/cdrs"


async def test_a_call_of_a_partner_is_kept_with_all_that_is_known_of_it(operator: Partner) -> None:
    answer = await operator.request("POST", CDRS, json=cdr())
    async with operator.deployment.store.transaction() as unit:
        (kept,) = await unit.evidence.for_object("BE*BEC/C1")
    assert (kept.partner, kept.adapter, kept.rule_set) == ("BE*BEC", "ocpi-2.2.1/standard", build())
    assert (kept.at, kept.finished_at) == (NOW, NOW)
    assert kept.answer_headers == {"Location": answer.headers["Location"]}
    assert "authorization" not in {name.lower() for name in kept.headers}
    assert (kept.body, kept.answer) == (answer.request.content, answer.content)


async def test_every_change_of_a_tariff_is_kept(operator: Partner) -> None:
    address = "/receiver/tariffs/BE/BEC/T1"
    await operator.request("PUT", address, json=tariff())
    await operator.request("DELETE", address)
    async with operator.deployment.store.transaction() as unit:
        kept = await unit.evidence.for_object("BE*BEC/T1")
    assert [record.method for record in kept] == ["PUT", "DELETE"]


async def test_credentials_that_are_read_are_kept_without_the_token(roam: Deployment, operator: Partner) -> None:
    answer = await operator.request("GET", "/sender/credentials")
    token = answer.json()["data"]["token"]
    async with roam.store.transaction() as unit:
        kept = await unit.evidence.get(1)
    assert (kept.module, kept.method) == ("credentials", "GET")
    assert token.encode() not in kept.answer
    assert json.loads(kept.answer)["data"]["token"] == "[redacted]"


def test_a_call_of_ours_is_kept_with_all_that_is_known_of_it() -> None:
    exchange = Exchange(
        module=Module.CDRS,
        method="POST",
        url="https://emsp.example/cdrs",
        request_headers={"x-request-id": "1"},
        request_body=b"{}",
        status=201,
        response_headers={"location": "https://emsp.example/cdrs/1"},
        response_body=b'{"status_code":1000}',
        started_at=NOW,
        duration_s=0.25,
    )
    kept = evidence_of(exchange, connection(), "an adapter", "DE*RCO/C1")
    assert (kept.partner, kept.adapter, kept.rule_set) == (str(EMSP), "an adapter", build())
    assert (kept.at, kept.finished_at) == (NOW, NOW + timedelta(seconds=0.25))
    assert kept.answer_headers == {"location": "https://emsp.example/cdrs/1"}
