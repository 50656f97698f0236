"""What a partner offers, found before any adapter is chosen: versions, and the endpoints of one of them.

The versions module is the same in all versions of OCPI, apart from the role of an endpoint, which came with 2.2.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urljoin, urlsplit

from pydantic import BaseModel

from adapters.contract import (
    Interface,
    Module,
    OfferedVersion,
    PartnerProtocolError,
    PartnerRejected,
    PartnerUnauthorized,
    Witness,
)
from adapters.transport import envelope, json_slices
from adapters.transport.envelope import Answer
from adapters.transport.http import PartnerHttp
from canonical.partner import Endpoint, Side


class _Version(BaseModel):
    version: str
    url: str


class _Endpoint(BaseModel):
    identifier: str
    role: str | None = None
    url: str


async def offered_versions(
    http: PartnerHttp, versions_url: str, authorizations: Sequence[str], witness: Witness | None = None
) -> tuple[OfferedVersion, ...]:
    """The versions at a versions URL, in the partner's order; unknown ones included.

    `authorizations` are spellings of one token (Base64 or as it is): the next is tried when one is not
    accepted. Raises PartnerError; the first refusal when none is accepted.
    """
    answer, _ = await _fetch(http, versions_url, authorizations, witness)
    data = _text(answer)
    if data.startswith("["):
        return tuple(_versions(data, answer.url))
    # Some partners hand out the address of the details of one version as their versions URL.
    version, _ = _details(data)
    return (OfferedVersion(version, answer.url),)


@dataclass(frozen=True)
class Details:
    """One version of a partner, and the Authorization header that it let us see it with."""

    version: str
    endpoints: tuple[Endpoint, ...]
    authorization: str = field(repr=False)


async def details(
    http: PartnerHttp,
    version_url: str,
    authorizations: Sequence[str],
    witness: Witness | None = None,
    partner_sides: Sequence[Side] = (),
) -> Details:
    """One version, with its endpoints in the modules that we know, and absolute URLs.

    `authorizations` are as for `offered_versions`. `partner_sides` is what the partner is towards us: from it follows
    which interface an endpoint is that has no role and no word for it in its path. Raises PartnerError; UnsafeUrl when
    an endpoint leads where we do not call.
    """
    answer, authorization = await _fetch(http, version_url, authorizations, witness)
    version, listed = _details(_text(answer))
    found: dict[tuple[str, str], Endpoint] = {}
    for raw in listed:
        for endpoint in _endpoints_of(raw, answer.url, partner_sides):
            http.policy.check_url(endpoint.url)
            found.setdefault((endpoint.module, endpoint.interface), endpoint)
    return Details(version, tuple(found.values()), authorization)


async def _fetch(
    http: PartnerHttp, url: str, authorizations: Sequence[str], witness: Witness | None
) -> tuple[Answer, str]:
    refusal: PartnerRejected | None = None
    for authorization in authorizations:
        answer = await http.request("GET", url, authorization=authorization, module=Module.VERSIONS, witness=witness)
        try:
            envelope.success(answer)
        except PartnerRejected as error:
            # Not only 401: a token in the wrong spelling is answered with 400, 403 or OCPI 2xxx as well.
            refusal = refusal or error
        else:
            return answer, authorization
    raise refusal or PartnerUnauthorized("there is no token to ask with")


def _text(answer: Answer) -> str:
    data = envelope.success(answer).data
    if data is None:
        raise PartnerProtocolError("the answer of the versions module holds no data")
    return data.decode()


def _versions(data: str, base: str) -> list[OfferedVersion]:
    offered: list[OfferedVersion] = []
    for raw in json_slices.elements(data):
        try:
            entry = _Version.model_validate_json(raw)
            url = urljoin(base, entry.url.strip())
        except ValueError:
            continue
        offered.append(OfferedVersion(entry.version.strip(), url))
    return offered


def _details(data: str) -> tuple[str, list[str]]:
    """Version number and the raw endpoints of version details."""
    try:
        fields = dict(json_slices.members(data))
        return fields["version"].strip('"'), json_slices.elements(fields["endpoints"])
    except (json_slices.NotJsonError, KeyError):
        raise PartnerProtocolError("neither versions nor the details of a version") from None


def _endpoints_of(raw: str, base: str, partner_sides: Sequence[Side]) -> list[Endpoint]:
    """One listed endpoint, once for each interface that it may be; nothing for a module that we do not know."""
    try:
        entry = _Endpoint.model_validate_json(raw)
        module = Module(entry.identifier.strip().lower())
        url = urljoin(base, entry.url.strip())
    except ValueError:
        return []
    return [
        Endpoint(module=module.value, interface=interface.value, url=url)
        for interface in _interfaces(module, entry.role, url, partner_sides)
    ]


def _interfaces(module: Module, role: str | None, url: str, partner_sides: Sequence[Side]) -> tuple[Interface, ...]:
    """The part that the partner plays at an endpoint.

    On credentials a role has no meaning. Where none is given (OCPI 2.1.1), the path is asked for it: for the
    interface, else for the side whose tree it is in. Without a word there, the partner's sides say it; if they are
    both, or nobody knows them, the endpoint counts for both.
    """
    if module is Module.CREDENTIALS:
        return (Interface.SENDER,)
    words = {role.strip().upper()} if role else set(urlsplit(url).path.upper().split("/"))
    named = tuple(interface for interface in Interface if interface.value in words)
    if named or role:
        return named
    told = [side for side in Side if words & _WORDS[side]]
    sides = told if len(told) == 1 else partner_sides
    found = {_SENDERS.get(module, Side.CPO) is side for side in sides}
    return tuple(interface for interface in Interface if not found or (interface is Interface.SENDER) in found)


_WORDS: Final = {Side.CPO: {"CPO"}, Side.EMSP: {"EMSP", "MSP"}}
"""How partners name the trees of their addresses in versions without roles."""

_SENDERS: Final = {Module.TOKENS: Side.EMSP, Module.COMMANDS: Side.EMSP, Module.CHARGING_PROFILES: Side.EMSP}
"""Modules whose sender is the provider; of all others it is the operator."""
