"""The codec endpoint in the api, with real keys."""

from types import SimpleNamespace
from typing import cast

import httpx
from google.protobuf import json_format
from temporalio.api.common.v1 import Payload, Payloads

from api.app import create
from canonical.store import Store
from canonical.vault import Vault
from deploy import codec_server
from deploy.api import _payloads
from deploy.codec import codec
from deploy.composition import Deployment
from tests.api.partner import API_KEY, deployment

PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'"DE*ABC/S-1"')


async def test_a_key_with_the_scope_reads_until_it_is_revoked(store: Store, vault: Vault) -> None:
    async with deployment(store) as roam:
        settings, client = SimpleNamespace(vault=vault), SimpleNamespace(namespace="roam")
        built = cast(Deployment, SimpleNamespace(services=roam.services, client=client, settings=settings))
        app = create(roam.services)
        app.mount(codec_server.PATH, _payloads(built, "https://temporal.example"))
        body = json_format.MessageToJson(Payloads(payloads=await codec(vault).encode([PLAIN])))

        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://roaming.example") as http:

            async def decoded(key: str) -> httpx.Response:
                headers = {"authorization": f"Bearer {key}", "x-namespace": "roam"}
                return await http.post("/temporal/codec/decode", content=body, headers=headers)

            made = []
            for scope in ("temporal:read", "charging:read"):
                order = {"name": scope, "scopes": [scope]}
                headers = {"authorization": f"Bearer {API_KEY}", "idempotency-key": scope}
                made.append((await http.post("/contract/v1/keys", json=order, headers=headers)).json())
            reader, other = made
            shown = await decoded(reader["secret"])
            assert json_format.Parse(shown.content, Payloads()).payloads[0] == PLAIN
            assert (await decoded(other["secret"])).status_code == 403
            assert "API key" in (await http.get("/temporal/codec/")).text
            headers = {"authorization": f"Bearer {API_KEY}", "idempotency-key": "revoke"}
            await http.delete(f"/contract/v1/keys/{reader['key']['id']}", headers=headers)
            assert (await decoded(reader["secret"])).status_code == 401
