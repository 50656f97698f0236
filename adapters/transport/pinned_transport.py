"""Connections that go to a checked address and to no other.

The name is resolved once, every address is checked, and the socket is opened to one of the checked ones. TLS
and HTTP still see the name (SNI, certificate, Host header), because only the lowest layer is replaced.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence

import httpcore
import httpx

from adapters.transport.address_guard import AddressPolicy

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Addresses of a host, as text. Raises OSError when there are none."""


async def system_resolver(host: str, port: int) -> Sequence[str]:
    """The operating system's name resolution, without blocking the loop."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens TCP connections, and only to addresses that the policy lets pass."""

    def __init__(
        self,
        policy: AddressPolicy,
        resolver: Resolver,
        network: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        self._policy = policy
        self._resolver = resolver
        self._network = network or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self._vetted(host, port, timeout)
        failure: httpcore.NetworkError | httpcore.TimeoutException | None = None
        for address in addresses:
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.NetworkError, httpcore.TimeoutException) as error:
                failure = error
        raise failure or httpcore.ConnectError(f"{host} has no address")

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - httpcore's signature
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore.AsyncNetworkStream:
        raise httpcore.ConnectError(f"no partner is behind a local socket: {path}")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _vetted(self, host: str, port: int, timeout_s: float | None) -> tuple[str, ...]:
        """All addresses of the host, when every one of them may be called.

        One bad address refuses the host: a name that leads inside as well as outside is an attack or an
        accident.
        """
        try:
            async with asyncio.timeout(timeout_s):
                addresses = await self._resolver(host, port)
        except TimeoutError:
            raise httpcore.ConnectTimeout(f"{host} was not resolved in time") from None
        except (OSError, UnicodeError) as error:
            # UnicodeError: a label that is no host name, such as one of more than 63 characters.
            raise httpcore.ConnectError(f"{host} cannot be resolved: {error}") from None
        return tuple(self._policy.check_address(address, host) for address in addresses)


class PinnedTransport(httpx.AsyncHTTPTransport):
    """httpx's transport on guarded connections.

    Proxies from the environment are not used: they would resolve.
    """

    def __init__(
        self, policy: AddressPolicy, resolver: Resolver, tls: ssl.SSLContext, max_connections: int = 100
    ) -> None:
        super().__init__(verify=tls, trust_env=False)
        if not isinstance(getattr(self, "_pool", None), httpcore.AsyncConnectionPool):
            # Better no partner than an unguarded one, should a new httpx keep its connections elsewhere.
            raise TypeError("httpx.AsyncHTTPTransport no longer has a pool to guard")
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=max_connections,
            max_keepalive_connections=max_connections,
            keepalive_expiry=20.0,
            network_backend=GuardedBackend(policy, resolver),
        )
