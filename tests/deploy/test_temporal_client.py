"""Where Temporal is, is said by the SDK's own settings alone: environment or profile, TLS and API key included."""

from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.service import TLSConfig

from canonical.vault import Vault
from deploy.embedded.temporal import EmbeddedTemporal
from deploy.temporal_client import connect


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment that says nothing of Temporal, and no file of whoever runs the tests."""
    for name in ("ADDRESS", "NAMESPACE", "API_KEY", "TLS", "PROFILE", "TLS_CLIENT_CERT_DATA", "TLS_CLIENT_KEY_DATA"):
        monkeypatch.delenv(f"TEMPORAL_{name}", raising=False)
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(tmp_path / "temporal.toml"))
    return monkeypatch


@pytest.fixture
def asked(bare: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the SDK is asked for, in place of a connection."""
    calls: list[dict[str, Any]] = []

    async def remember(address: str, **more: object) -> object:
        calls.append({"address": address, **more})
        return object()

    bare.setattr(Client, "connect", remember)
    return calls


async def test_without_a_word_it_is_the_server_on_this_machine(asked: list[dict[str, Any]], vault: Vault) -> None:
    await connect(vault)
    (call,) = asked
    assert (call["address"], call["namespace"], call["api_key"]) == ("localhost:7233", "default", None)


async def test_by_environment_with_client_certificates(
    bare: pytest.MonkeyPatch, asked: list[dict[str, Any]], vault: Vault
) -> None:
    for name, value in {
        "ADDRESS": "temporal.example:7233",
        "NAMESPACE": "roam-prod",
        "TLS": "true",
        "TLS_CLIENT_CERT_DATA": "the certificate",
        "TLS_CLIENT_KEY_DATA": "the key",
        "TLS_SERVER_CA_CERT_DATA": "the authority",
        "TLS_SERVER_NAME": "frontend.example",
    }.items():
        bare.setenv(f"TEMPORAL_{name}", value)
    await connect(vault)
    (call,) = asked
    assert (call["address"], call["namespace"]) == ("temporal.example:7233", "roam-prod")
    assert call["tls"] == TLSConfig(
        server_root_ca_cert=b"the authority",
        domain="frontend.example",
        client_cert=b"the certificate",
        client_private_key=b"the key",
    )


async def test_by_a_profile_with_an_api_key(
    bare: pytest.MonkeyPatch, asked: list[dict[str, Any]], vault: Vault, tmp_path: Path
) -> None:
    (tmp_path / "temporal.toml").write_text(
        '[profile.cloud]\naddress = "eu.cloud.example:7233"\nnamespace = "roam.acct"\napi_key = "an-api-key"\n',
        encoding="utf-8",
    )
    bare.setenv("TEMPORAL_PROFILE", "cloud")
    await connect(vault)
    (call,) = asked
    assert (call["address"], call["namespace"], call["api_key"]) == ("eu.cloud.example:7233", "roam.acct", "an-api-key")
    assert call["tls"], "an API key goes over TLS alone"


async def test_a_real_server_by_a_profile(bare: pytest.MonkeyPatch, vault: Vault, tmp_path: Path) -> None:
    server = EmbeddedTemporal(tmp_path, ["profiled"])
    server.start()
    try:
        (tmp_path / "temporal.toml").write_text(
            f'[profile.default]\naddress = "{server.address}"\nnamespace = "profiled"\n', encoding="utf-8"
        )
        client = await connect(vault, wait_s=5)
        assert (client.namespace, client.service_client.config.target_host) == ("profiled", server.address)
        assert (await client.count_workflows()).count == 0
    finally:
        server.stop()
