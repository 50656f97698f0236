"""Payloads in Temporal: encrypted, bound to their key, and open to plain JSON from a person."""

import httpx
import pytest
from google.protobuf import json_format
from pydantic import BaseModel, SecretStr
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.failure.v1 import Failure
from temporalio.exceptions import ApplicationError

from canonical.vault import Vault
from deploy import codec_server
from deploy.codec import UnreadablePayload, codec, data_converter

OURS = Vault(SecretStr("a master secret of the tests " * 2))
THEIRS = Vault(SecretStr("another master secret of the tests " * 2))
PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'{"month": "2026-03"}')
UI = "http://127.0.0.1:8233"


class Order(BaseModel):
    connection_id: str
    month: str


async def test_values_come_back_and_are_not_readable_in_between() -> None:
    converter = data_converter(OURS)
    order = Order(connection_id="nl-tnm", month="2026-03")
    encoded = await converter.encode([order, "plain-looking"])
    wire = b"".join(payload.SerializeToString() for payload in encoded)
    assert b"nl-tnm" not in wire
    assert b"plain-looking" not in wire
    assert await converter.decode(encoded, [Order, str]) == [order, "plain-looking"]


async def test_the_same_value_is_never_encrypted_the_same_way() -> None:
    first, second = await codec(OURS).encode([PLAIN, PLAIN])
    assert first.data != second.data


async def test_clear_payloads_are_let_through() -> None:
    assert await codec(OURS).decode([PLAIN]) == [PLAIN]


async def test_another_key_is_refused() -> None:
    sealed = await codec(THEIRS).encode([PLAIN])
    with pytest.raises(UnreadablePayload, match="encrypted with the key"):
        await codec(OURS).decode(sealed)


async def test_a_changed_payload_is_refused() -> None:
    (sealed,) = await codec(OURS).encode([PLAIN])
    sealed.data = sealed.data[:-1] + bytes([sealed.data[-1] ^ 1])
    with pytest.raises(UnreadablePayload, match="changed"):
        await codec(OURS).decode([sealed])


async def test_messages_and_stack_traces_of_failures_are_encrypted() -> None:
    failure = Failure()
    await data_converter(OURS).encode_failure(ApplicationError("the meter of driver Ada"), failure)
    assert b"Ada" not in failure.SerializeToString()


async def test_the_codec_server_decodes_for_the_ui_and_for_nobody_else() -> None:
    sealed = Payloads(payloads=await codec(OURS).encode([PLAIN]))
    body = json_format.MessageToJson(sealed)
    app = codec_server.build({"cpo": codec(OURS), "emsp": codec(THEIRS)}, ui_origin=UI)

    async def post(namespace: str, content: str, origin: str | None = UI) -> httpx.Response:
        headers = {"x-namespace": namespace} | ({"origin": origin} if origin else {})
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            return await client.post("/decode", content=content, headers=headers)

    shown = await post("cpo", body)
    assert json_format.Parse(shown.content, Payloads()).payloads[0] == PLAIN
    assert shown.headers["access-control-allow-origin"] == UI
    assert (await post("emsp", body)).status_code == 400
    assert (await post("cpo", body, "https://evil.example")).status_code == 403
    assert (await post("cpo", body, None)).status_code == 403
    assert (await post("nobody", body)).status_code == 404
    assert (await post("cpo", "not json")).status_code == 400
