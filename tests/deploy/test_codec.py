"""Payloads in Temporal: encrypted, bound to their key, and open to plain JSON from a person."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from google.protobuf import json_format
from pydantic import BaseModel, SecretStr
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.failure.v1 import Failure
from temporalio.exceptions import ApplicationError

from api.contract.keys import Caller
from api.errors import Unauthenticated
from canonical.vault import Vault
from deploy import codec_server
from deploy.codec import UnreadablePayload, codec, data_converter

FIRST = SecretStr("a master secret of the tests " * 2)
OURS = Vault(FIRST)
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


async def test_after_a_rotation_both_keys_open_and_the_new_one_encrypts() -> None:
    rotated = codec(
        Vault(SecretStr("a new master secret of the tests"), SecretStr("a master secret of the tests " * 2))
    )
    assert await rotated.decode(await codec(OURS).encode([PLAIN])) == [PLAIN]
    (sealed,) = await rotated.encode([PLAIN])
    assert sealed.metadata["key-id"] == rotated.key_id != codec(OURS).key_id
    with pytest.raises(UnreadablePayload, match=rotated.key_id.decode()):
        await codec(OURS).decode([sealed])


async def test_a_changed_payload_is_refused() -> None:
    (sealed,) = await codec(OURS).encode([PLAIN])
    sealed.data = sealed.data[:-1] + bytes([sealed.data[-1] ^ 1])
    with pytest.raises(UnreadablePayload, match="changed"):
        await codec(OURS).decode([sealed])


async def test_messages_of_failures_are_encrypted() -> None:
    failure = Failure()
    await data_converter(OURS).encode_failure(ApplicationError("the meter of driver Ada"), failure)
    assert b"Ada" not in failure.SerializeToString()


async def test_a_failure_is_short_enough_to_be_kept_however_deep_it_came_from() -> None:
    def fail(depth: int) -> None:
        if depth:
            return fail(depth - 1)
        raise TimeoutError("no answer") from ConnectionResetError("reset by peer " * 100)

    failure = Failure()
    try:
        try:
            fail(50)
        except TimeoutError as error:
            raise ApplicationError("the partner is silent " * 100, type="PartnerUnavailable") from error
    except ApplicationError as error:
        await data_converter(OURS).encode_failure(error, failure)
    assert failure.ByteSize() < 2048
    told = await data_converter(OURS).decode_failure(failure)
    assert isinstance(told, ApplicationError)
    assert (told.type, told.message[:22]) == ("PartnerUnavailable", "the partner is silent ")
    assert str(told.cause) == "TimeoutError: no answer"


async def test_the_codec_server_decodes_for_the_ui_and_for_nobody_else() -> None:
    sealed = Payloads(payloads=await codec(OURS).encode([PLAIN]))
    body = json_format.MessageToJson(sealed)
    app = codec_server.for_everybody({"cpo": codec(OURS), "emsp": codec(THEIRS)}, ui_origin=UI)

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


READER, OTHER = "roam_a key that may read payloads", "roam_a key that may do something else"


class Keys:
    """As `api.contract.keys.Callers`: two keys, of which one is revoked in the end."""

    def __init__(self) -> None:
        self.known = {READER: Caller("key_1", ("temporal:read",)), OTHER: Caller("key_2", ("finance:read",))}

    async def of(self, given: str) -> Caller:
        if given not in self.known:
            raise Unauthenticated("no key")
        return self.known[given]


class Reading:
    """A codec endpoint of production, and a browser or a command line before it."""

    def __init__(self) -> None:
        self.keys, self.now = Keys(), datetime(2026, 3, 1, tzinfo=UTC)
        self.app = codec_server.for_readers(
            codec(OURS),
            "roam",
            callers=self.keys,  # type: ignore[arg-type]
            vault=OURS,
            ui_origin="https://temporal.example",
            clock=lambda: self.now,
        )
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="https://roaming.example")

    async def decode(self, sealed: Payload, **headers: str) -> httpx.Response:
        body = json_format.MessageToJson(Payloads(payloads=[sealed]))
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post("/decode", content=body, headers={"x-namespace": "roam"} | headers)


async def test_a_command_line_reads_with_a_key_that_may() -> None:
    reading = Reading()
    (sealed,) = await codec(OURS).encode([PLAIN])
    shown = await reading.decode(sealed, authorization=f"Bearer {READER}")
    assert json_format.Parse(shown.content, Payloads()).payloads[0] == PLAIN
    assert (await reading.decode(sealed)).status_code == 401
    assert (await reading.decode(sealed, authorization="Bearer unknown")).status_code == 401
    assert (await reading.decode(sealed, authorization=f"Basic {READER}")).status_code == 401
    assert (await reading.decode(sealed, authorization=f"Bearer {OTHER}")).status_code == 403
    elsewhere = {"authorization": f"Bearer {READER}", "x_namespace": "other"}
    assert (await reading.decode(sealed, **elsewhere)).status_code == 404
    encoding = await reading.http.post("/encode", content="{}", headers={"authorization": f"Bearer {READER}"})
    assert encoding.status_code in (404, 405)


async def test_a_browser_shows_its_key_once_and_the_ui_reads_until_it_ends() -> None:
    reading, ui = Reading(), {"origin": "https://temporal.example"}
    (sealed,) = await codec(OURS).encode([PLAIN])
    assert (await reading.decode(sealed, **ui)).status_code == 401
    assert "API key" in (await reading.http.get("/")).text
    refused = await reading.http.post("/", data={"key": OTHER})
    assert (refused.status_code, "set-cookie" in refused.headers) == (403, False)
    given = await reading.http.post("/", data={"key": READER})
    cookie = given.headers["set-cookie"].lower()
    assert all(word in cookie for word in ("httponly", "secure", "samesite=none"))
    assert READER not in given.text + cookie

    shown = await reading.decode(sealed, **ui)
    assert json_format.Parse(shown.content, Payloads()).payloads[0] == PLAIN
    assert shown.headers["access-control-allow-origin"] == ui["origin"]
    assert shown.headers["access-control-allow-credentials"] == "true"
    # The cookie goes along with every page that asks; only the UI's gets an answer.
    assert (await reading.decode(sealed, origin="https://evil.example")).status_code == 403
    assert (await reading.decode(sealed)).status_code == 401
    reading.now += timedelta(hours=9)
    assert (await reading.decode(sealed, **ui)).status_code == 401
    reading.now -= timedelta(hours=9)
    del reading.keys.known[READER]
    assert (await reading.decode(sealed, **ui)).status_code == 401
