"""Which addresses we call. A URL from a partner is hostile until it has passed here.

Two checks, because a URL says less than it seems to. `check_url` looks at what is written: scheme, port, user
info, host. `check_address` looks at where the name leads, for every address it resolves to; the connection is
then made to that very address (`adapters.transport.pinned_transport`), so that a second answer of the name
server cannot lead elsewhere.
"""

import ipaddress
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urljoin

import httpx

from adapters.contract import UnsafeUrl

_SECURITY = logging.getLogger("roamwork.security")

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

URL_LENGTH_MAX = 2000
"""OCPI's URL type ends at 255 characters; links to next pages are met that are longer."""

_DEFAULT_PORTS = {"https": 443, "http": 80}
_FIRST_UNPRIVILEGED_PORT = 1024


def _networks(*texts: str) -> tuple[IPNetwork, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


# Services of cloud providers that hand out credentials to whoever asks: never called, not even in
# development. Azure's address is a public one, and those of AWS (IPv6) and Alibaba lie in ranges that
# `allow_private` opens.
_METADATA = _networks("168.63.129.16/32", "fd00:ec2::254/128", "100.100.100.200/32")

_PRIVATE = _networks(
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "::1/128",
    "fc00::/7",
)

# Special-purpose ranges (IANA registries) that `is_global` of some Python versions lets through, and tunnels
# that carry an IPv4 address which nobody has checked.
_NOT_PUBLIC = _networks(
    "192.0.0.0/24",
    "192.88.99.0/24",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
)
_GLOBAL_UNICAST_V6 = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True)
class AddressPolicy:
    """What may be called. The defaults are the ones for production.

    `allow_http` and `allow_private` are for development: they open plain HTTP, and loopback and private
    networks; link-local and metadata addresses stay closed. `allowed_hosts`, when not empty, names the only
    hosts to call.
    """

    allow_http: bool = False
    allow_private: bool = False
    allowed_hosts: frozenset[str] = frozenset()

    def check_url(self, url: str) -> httpx.URL:
        """The URL, parsed, when everything that is written in it is harmless. Raises UnsafeUrl."""
        parsed = _parse(url)
        host = parsed.host
        if parsed.scheme != "https" and not (parsed.scheme == "http" and self.allow_http):
            raise UnsafeUrl(f"scheme {parsed.scheme!r} is not allowed: {_shown(parsed)}")
        if parsed.userinfo:
            raise UnsafeUrl(f"user info in the URL: {_shown(parsed)}")
        if parsed.fragment or "#" in url:
            raise UnsafeUrl(f"fragment in the URL: {_shown(parsed)}")
        if not host or "%" in host:
            raise UnsafeUrl(f"host {host!r} is not a host name")
        if self.allowed_hosts and _name(host) not in {_name(h) for h in self.allowed_hosts}:
            raise UnsafeUrl(f"host {host!r} is not one of the allowed hosts")
        self._check_port(parsed)
        literal = _literal(host)
        if literal is not None:
            self._check(literal, host)
        return parsed

    def check_address(self, address: str, host: str) -> str:
        """`address`, to which `host` resolves, when it may be connected to. Raises UnsafeUrl."""
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            raise UnsafeUrl(f"{host} resolves to {address!r}, which is no IP address") from None
        self._check(parsed, host)
        return address

    def _check_port(self, url: httpx.URL) -> None:
        port = _port(url)
        if port in _DEFAULT_PORTS.values() or _FIRST_UNPRIVILEGED_PORT <= port <= 65535:
            return
        raise UnsafeUrl(f"port {port} is not one for HTTP: {_shown(url)}")

    def _check(self, address: IPAddress, host: str) -> None:
        real = _unwrapped(address)
        kind = _kind(real)
        if kind == "public" or (kind == "private" and self.allow_private):
            return
        # What a name means to our name server is for our eyes: the refusal is told to who gave us the name.
        _SECURITY.warning("%s leads to %s, a %s address, and is not called", host, address, kind)
        raise UnsafeUrl(f"{host} leads to a {kind} address")


def same_origin(url: str, origin: str) -> str:
    """`url` resolved against `origin`, when it stays on the same scheme, host and port. Raises UnsafeUrl.

    For every URL that comes in an answer (next page, Location): our token goes where we were told to send it
    at the handshake, and nowhere else.
    """
    base = _parse(origin)
    target = _parse(urljoin(origin, url))
    if (target.scheme, _name(target.host), _port(target)) != (base.scheme, _name(base.host), _port(base)):
        raise UnsafeUrl(f"{_shown(target)} is not on {_shown(base)}")
    if target.userinfo:
        raise UnsafeUrl(f"user info in the URL: {_shown(target)}")
    return str(target)


def on_one_of(url: str, origins: Iterable[str]) -> str:
    """`url`, when it has the same scheme, host and port as one of the addresses of a partner. Raises UnsafeUrl.

    For addresses that the partner chose itself: our token goes along with the request.
    """
    refusal = UnsafeUrl("the partner has no endpoints")
    for origin in origins:
        try:
            return same_origin(url, origin)
        except UnsafeUrl as error:
            refusal = error
    raise refusal


def _kind(address: IPAddress) -> str:
    """What an address is for, in a word for the person who reads the refusal."""
    if _within(address, _METADATA):
        return "metadata"
    if _within(address, _PRIVATE):
        return "private"
    if address.is_link_local:
        return "link-local"
    if address.is_multicast:
        return "multicast"
    if not address.is_global or _within(address, _NOT_PUBLIC):
        return "reserved"
    if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_UNICAST_V6:
        return "reserved"
    return "public"


def _unwrapped(address: IPAddress) -> IPAddress:
    """The IPv4 address that an IPv6 address stands for, if it stands for one (IPv4-mapped, NAT64)."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _literal(host: str) -> IPAddress | None:
    """The address that a host spells, or None when it is a name.

    Name servers and C libraries read `2130706433`, `0x7f.1` and `0177.0.0.1` as addresses too. Nobody honest
    writes them so: a host whose last label is a number and that is no dotted quad is refused.
    """
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        last = host.rstrip(".").rpartition(".")[2].lower()
        if last.isdigit() or last.startswith("0x") or ":" in host:
            raise UnsafeUrl(f"host {host!r} is a disguised address") from None
        return None


def _within(address: IPAddress, networks: tuple[IPNetwork, ...]) -> bool:
    return any(address in network for network in networks)


def _parse(url: str) -> httpx.URL:
    if len(url) > URL_LENGTH_MAX:
        raise UnsafeUrl(f"URL of {len(url)} characters; {URL_LENGTH_MAX} are allowed")
    try:
        return httpx.URL(url)
    except httpx.InvalidURL as error:
        raise UnsafeUrl(f"not a URL: {error}") from None


def _port(url: httpx.URL) -> int:
    return url.port if url.port is not None else _DEFAULT_PORTS.get(url.scheme, 0)


def _name(host: str) -> str:
    return host.lower().rstrip(".")


def _shown(url: httpx.URL) -> str:
    """The origin alone: user info, path and query may hold secrets, and the message goes to logs."""
    return f"{url.scheme}://{url.host}:{_port(url)}"
