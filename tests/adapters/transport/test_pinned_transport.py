"""The connection goes to the address that was checked, whatever the name server says next."""

import asyncio
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpcore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapters.contract import Module, PartnerUnavailable, UnsafeUrl
from adapters.transport.address_guard import AddressPolicy
from adapters.transport.http import PartnerHttp
from adapters.transport.pinned_transport import GuardedBackend, system_resolver

PUBLIC, OTHER_PUBLIC, PRIVATE = "8.8.8.8", "2606:4700::1111", "10.0.0.1"


class Resolver:
    """Answers in turn, and then the last for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Network(httpcore.AsyncMockBackend):
    """Records where a connection would have gone."""

    def __init__(self, *, unreachable: frozenset[str] = frozenset()) -> None:
        super().__init__([])
        self.connected: list[str] = []
        self.unreachable = unreachable

    async def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):  # noqa: ASYNC109
        self.connected.append(host)
        if host in self.unreachable:
            raise httpcore.ConnectError("unreachable")
        return await super().connect_tcp(host, port, timeout)


class TestGuardedBackend:
    async def test_connects_to_the_address_that_it_checked(self) -> None:
        resolver, network = Resolver([PUBLIC], [PRIVATE]), Network()
        backend = GuardedBackend(AddressPolicy(), resolver, network)

        await backend.connect_tcp("rebinding.example", 443)
        assert network.connected == [PUBLIC]
        assert resolver.asked == ["rebinding.example"]

        with pytest.raises(UnsafeUrl, match="private"):
            await backend.connect_tcp("rebinding.example", 443)
        assert network.connected == [PUBLIC]

    async def test_one_private_address_among_public_ones_refuses_the_host(self) -> None:
        network = Network()
        backend = GuardedBackend(AddressPolicy(), Resolver([PUBLIC, PRIVATE]), network)
        with pytest.raises(UnsafeUrl):
            await backend.connect_tcp("half.example", 443)
        assert network.connected == []

    async def test_tries_the_next_address_when_one_is_unreachable(self) -> None:
        network = Network(unreachable=frozenset({OTHER_PUBLIC}))
        backend = GuardedBackend(AddressPolicy(), Resolver([OTHER_PUBLIC, PUBLIC]), network)
        await backend.connect_tcp("two.example", 443)
        assert network.connected == [OTHER_PUBLIC, PUBLIC]

    @pytest.mark.parametrize("addresses", [[], [PUBLIC]])
    async def test_no_reachable_address(self, addresses: list[str]) -> None:
        backend = GuardedBackend(AddressPolicy(), Resolver(addresses), Network(unreachable=frozenset({PUBLIC})))
        with pytest.raises(httpcore.ConnectError):
            await backend.connect_tcp("gone.example", 443)

    async def test_a_slow_name_server_is_not_waited_for(self) -> None:
        async def slow(host: str, port: int) -> Sequence[str]:
            await asyncio.sleep(60)
            return [PUBLIC]

        with pytest.raises(httpcore.ConnectTimeout):
            await GuardedBackend(AddressPolicy(), slow, Network()).connect_tcp("slow.example", 443, 0.02)

    async def test_local_sockets_are_closed(self) -> None:
        with pytest.raises(httpcore.ConnectError):
            await GuardedBackend(AddressPolicy(), system_resolver).connect_unix_socket("/run/x.sock")


class TestThroughTheClient:
    """The same guard, where it counts: no request leaves the process."""

    @pytest.mark.parametrize("address", [PRIVATE, "127.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1"])
    async def test_a_name_that_leads_inside(self, address: str) -> None:
        async with PartnerHttp(AddressPolicy(), resolver=Resolver([address])) as http:
            with pytest.raises(UnsafeUrl, match=r"inside\.example"):
                await http.request("GET", "https://inside.example/", authorization="Token x", module=Module.VERSIONS)

    async def test_localhost_by_the_real_resolver(self) -> None:
        async with PartnerHttp(AddressPolicy()) as http:
            with pytest.raises(UnsafeUrl, match="private"):
                await http.request("GET", "https://localhost/", authorization="Token x", module=Module.VERSIONS)

    async def test_an_unknown_name(self) -> None:
        async def unknown(host: str, port: int) -> Sequence[str]:
            raise OSError("Name or service not known")

        async with PartnerHttp(AddressPolicy(), resolver=unknown) as http:
            with pytest.raises(PartnerUnavailable, match=r"unknown\.example"):
                await http.request("GET", "https://unknown.example/", authorization="Token x", module=Module.VERSIONS)


class TestTls:
    """Although the socket is opened to an address, the partner is still known by its name."""

    async def test_name_goes_into_sni_certificate_and_host_header(self, tmp_path: Path) -> None:
        async with _tls_partner(tmp_path, "partner.example") as (port, trusting, seen):
            http = PartnerHttp(AddressPolicy(allow_private=True), resolver=Resolver(["127.0.0.1"]), tls=trusting)
            async with http:
                answer = await http.request(
                    "GET",
                    f"https://partner.example:{port}/",
                    authorization="Token x",
                    module=Module.VERSIONS,
                )
        assert answer.status == 204
        assert seen["sni"] == "partner.example"
        assert f"Host: partner.example:{port}" in seen["head"]

    async def test_a_certificate_for_another_name_is_refused(self, tmp_path: Path) -> None:
        async with _tls_partner(tmp_path, "partner.example") as (port, trusting, seen):
            http = PartnerHttp(AddressPolicy(allow_private=True), resolver=Resolver(["127.0.0.1"]), tls=trusting)
            async with http:
                with pytest.raises(PartnerUnavailable, match="certificate"):
                    await http.request(
                        "GET",
                        f"https://other.example:{port}/",
                        authorization="Token x",
                        module=Module.VERSIONS,
                    )
        assert "head" not in seen


class _tls_partner:  # noqa: N801 - used as a function
    def __init__(self, folder: Path, name: str) -> None:
        self.certificate, self.key = _certificate(folder, name)
        self.seen: dict[str, str] = {}

    async def __aenter__(self) -> tuple[int, ssl.SSLContext, dict[str, str]]:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self.certificate, self.key)
        tls.sni_callback = lambda _socket, name, _context: self.seen.update(sni=name)
        self.server = await asyncio.start_server(self._answer, "127.0.0.1", 0, ssl=tls)
        port = self.server.sockets[0].getsockname()[1]
        return port, ssl.create_default_context(cafile=str(self.certificate)), self.seen

    async def __aexit__(self, *_: object) -> None:
        self.server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.seen["head"] = (await reader.readuntil(b"\r\n\r\n")).decode()
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


def _certificate(folder: Path, name: str) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "partner.crt", folder / "partner.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths
