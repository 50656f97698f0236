"""Which adapter speaks with which partner: the only place that lists them.

Asked at the handshake and at a change of version; from then on the adapter is found by the key that is
stored with the connection.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from adapters.contract import Adapter
from adapters.ocpi.adapter import OcpiAdapter
from adapters.ocpi_2_1_1.version import OCPI_2_1_1
from adapters.ocpi_2_2_1.version import OCPI_2_2_1
from adapters.ocpi_2_3_0.version import OCPI_2_3_0
from adapters.partners.gireve import GIREVE
from adapters.partners.profile import PartnerProfile
from adapters.partners.py_ocpi import PY_OCPI
from adapters.partners.standard import STANDARD
from adapters.partners.strict import STRICT
from adapters.transport.http import PartnerHttp

VERSIONS: Final = (OCPI_2_1_1, OCPI_2_2_1, OCPI_2_3_0)
"""Every version of OCPI that this release speaks."""

_PROFILES: Final = (STANDARD, STRICT, PY_OCPI, GIREVE)


class UnknownAdapter(Exception):
    """A connection names an adapter that this release does not have."""


class NoCommonVersion(Exception):
    """None of the versions that the partner offers is one that we speak with it (OCPI 3002)."""


@dataclass(frozen=True)
class _Entry:
    profile: PartnerProfile
    adapter: Adapter


class Registry:
    """`offered` are the versions that partners may choose from; None: all. The others go on serving who has them."""

    def __init__(
        self, entries: Iterable[tuple[PartnerProfile, Adapter]], offered: Collection[str] | None = None
    ) -> None:
        self._entries = tuple(_Entry(profile, adapter) for profile, adapter in entries)
        self._offered = {e.adapter.version for e in self._entries} if offered is None else set(offered)
        self._spelling = {e.adapter.token_spellings[0]: e.adapter for e in self._entries}
        """One adapter for each way in which tokens are spelt."""

    def adapters(self) -> tuple[Adapter, ...]:
        """One adapter of each version on offer, highest first: what the edge serves before a partner is known."""
        standard = (entry.adapter for entry in self._entries if entry.profile is STANDARD)
        on_offer = (adapter for adapter in standard if adapter.version in self._offered)
        return tuple(sorted(on_offer, key=_by_version, reverse=True))

    def tokens_in(self, header: str) -> frozenset[str]:
        """The token in an Authorization header, in each way in which one of the adapters reads it."""
        read = {adapter.decode_token(header) for adapter in self._spelling.values()}
        return frozenset(token for token in read if token)

    def choose(self, offered: Iterable[str], partner: str | None = None) -> Adapter:
        """The highest version that both sides have, as `partner` (a name, or a party `DE*ABC`) speaks it.

        Raises NoCommonVersion.
        """
        versions = set(offered)
        profile = self._profile_of(partner)
        common = [
            entry.adapter
            for entry in self._entries
            if entry.profile is profile and entry.adapter.version in versions & self._offered & _used_with(entry)
        ]
        if not common:
            raise NoCommonVersion(f"the partner offers {', '.join(sorted(versions)) or 'no version'}")
        return max(common, key=_by_version)

    def by_key(self, key: str) -> Adapter:
        """Raises UnknownAdapter."""
        found = next((entry.adapter for entry in self._entries if entry.adapter.key == key), None)
        if found is None:
            raise UnknownAdapter(key)
        return found

    def _profile_of(self, partner: str | None) -> PartnerProfile:
        wanted = (partner or "").upper()
        profiles = (entry.profile for entry in self._entries)
        return next((p for p in profiles if wanted in {p.name.upper(), *p.parties}), STANDARD)


def build_registry(http: PartnerHttp | None, versions: Collection[str] = ()) -> Registry:
    """Every adapter of this release, with `versions` on offer (none named: all).

    Without a transport they read and write, but do not call. Raises ValueError for a version that this release does
    not speak.
    """
    unknown = set(versions) - {version.number for version in VERSIONS}
    if unknown:
        spoken = ", ".join(version.number for version in VERSIONS)
        raise ValueError(f"{', '.join(sorted(unknown))}: this release speaks {spoken}")
    return Registry(
        ((profile, OcpiAdapter(version, profile, http)) for version in VERSIONS for profile in _PROFILES),
        versions or None,
    )


def _used_with(entry: _Entry) -> frozenset[str]:
    """The versions that a profile leaves, of those that there are."""
    return frozenset({entry.adapter.version}) if entry.profile.versions is None else entry.profile.versions


def _by_version(adapter: Adapter) -> tuple[int, ...]:
    return tuple(int(part) for part in adapter.version.split("."))
