"""Which adapter speaks with which partner: the only place that lists them.

Asked at the handshake and at a change of version; from then on the adapter is found by the key that is
stored with the connection.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from adapters.contract import Adapter
from adapters.ocpi.adapter import OcpiAdapter
from adapters.ocpi_2_2_1.version import OCPI_2_2_1
from adapters.partners.profile import PartnerProfile
from adapters.partners.standard import STANDARD
from adapters.partners.strict import STRICT
from adapters.transport.http import PartnerHttp

VERSIONS: Final = (OCPI_2_2_1,)
"""Every version of OCPI that this release speaks."""


class UnknownAdapter(Exception):
    """A connection names an adapter that this release does not have."""


class NoCommonVersion(Exception):
    """None of the versions that the partner offers is one that we speak with it (OCPI 3002)."""


@dataclass(frozen=True)
class _Entry:
    profile: PartnerProfile
    adapter: Adapter


class Registry:
    def __init__(self, entries: Iterable[tuple[PartnerProfile, Adapter]]) -> None:
        self._entries = tuple(_Entry(profile, adapter) for profile, adapter in entries)

    def adapters(self) -> tuple[Adapter, ...]:
        """One adapter of each version, highest first: what the edge serves before a partner is known."""
        standard = (entry.adapter for entry in self._entries if entry.profile is STANDARD)
        return tuple(sorted(standard, key=_by_version, reverse=True))

    def choose(self, offered: Iterable[str], partner: str | None = None) -> Adapter:
        """The highest version that both sides have, as `partner` (a name, or a party `DE*ABC`) speaks it.

        Raises NoCommonVersion.
        """
        versions = set(offered)
        profile = self._profile_of(partner)
        common = [
            entry.adapter for entry in self._entries if entry.profile is profile and entry.adapter.version in versions
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


def build_registry(http: PartnerHttp | None) -> Registry:
    """Every adapter of this release. Without a transport they read and write, but do not call."""
    return Registry(
        (profile, OcpiAdapter(version, profile, http)) for version in VERSIONS for profile in (STANDARD, STRICT)
    )


def _by_version(adapter: Adapter) -> tuple[int, ...]:
    return tuple(int(part) for part in adapter.version.split("."))
