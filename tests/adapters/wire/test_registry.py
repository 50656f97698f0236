"""Which adapter is chosen, and by which key it is found again."""

from datetime import date

import pytest

from adapters.contract import Adapter, Link
from adapters.ocpi.adapter import OcpiAdapter
from adapters.ocpi_2_2_1.version import OCPI_2_2_1
from adapters.partners.profile import PartnerProfile
from adapters.partners.standard import STANDARD
from adapters.registry import VERSIONS, NoCommonVersion, Registry, UnknownAdapter, build_registry
from canonical.identity import PartyId

registry = build_registry(None)


def test_the_highest_mutual_version_is_chosen() -> None:
    assert registry.choose(["2.0", "2.1.1", "2.2", "2.2.1", "2.3.0", "3.0-draft"]).key == "ocpi-2.3.0/standard"
    assert registry.choose(["2.0", "2.1.1", "2.2", "2.2.1", "3.0-draft"]).key == "ocpi-2.2.1/standard"


@pytest.mark.parametrize("offered", [[], ["2.0"], ["2.2"], ["nonsense"]])
def test_no_common_version(offered: list[str]) -> None:
    with pytest.raises(NoCommonVersion):
        registry.choose(offered)


def test_every_adapter_is_found_by_its_key() -> None:
    for adapter in registry.adapters():
        assert registry.by_key(adapter.key) is adapter
    with pytest.raises(UnknownAdapter):
        registry.by_key("ocpi-1.0/nobody")


def test_a_partner_is_known_by_name_and_by_party() -> None:
    odd = PartnerProfile(name="odd", since=date(2026, 1, 1), parties=frozenset({"DE*ODD"}))
    known = Registry((profile, OcpiAdapter(OCPI_2_2_1, profile)) for profile in (STANDARD, odd))
    assert known.choose(["2.2.1"], "Odd").key == "ocpi-2.2.1/odd"
    assert known.choose(["2.2.1"], "de*odd").key == "ocpi-2.2.1/odd"
    assert known.choose(["2.2.1"], "DE*ABC").key == "ocpi-2.2.1/standard"
    assert [adapter.key for adapter in known.adapters()] == ["ocpi-2.2.1/standard"]


def test_profiles_are_named_once_and_their_rules_have_stable_codes() -> None:
    codes = [rule.code for rule in (*STANDARD.reading, *STANDARD.writing)]
    assert len(codes) == len(set(codes))
    assert all(code.startswith(("tolerance.", "writing.")) for code in codes)
    assert all(type(rule).__doc__ for rule in STANDARD.reading)


def test_without_a_transport_nobody_is_called() -> None:
    link = Link("c1", "secret", (), PartyId.parse("DE*ABC"), None)
    with pytest.raises(RuntimeError, match="without a transport"):
        registry.choose(["2.2.1"]).calls(link)


@pytest.mark.parametrize("adapter", registry.adapters(), ids=lambda adapter: adapter.version)
def test_a_deployment_may_offer_fewer_versions_and_goes_on_serving_the_others(adapter: Adapter) -> None:
    restricted = build_registry(None, (adapter.version,))
    assert [each.version for each in restricted.adapters()] == [adapter.version]
    every = [each.version for each in registry.adapters()]
    assert restricted.choose(every).version == adapter.version
    with pytest.raises(NoCommonVersion):
        restricted.choose([version for version in every if version != adapter.version])
    for other in registry.adapters():
        assert restricted.by_key(other.key).version == other.version
        assert "some-token" in restricted.tokens_in(other.encode_token("some-token"))


def test_what_this_release_does_not_speak_cannot_be_offered() -> None:
    with pytest.raises(ValueError, match=r"2\.2: this release speaks"):
        build_registry(None, ("2.2",))


def test_a_partner_may_be_held_to_the_versions_that_work_with_it() -> None:
    old = PartnerProfile(name="old", since=date(2026, 1, 1), versions=frozenset({"2.1.1"}))
    known = Registry((old, OcpiAdapter(version, old)) for version in VERSIONS)
    assert known.choose(["2.1.1", "2.2.1"], "old").key == "ocpi-2.1.1/old"
    with pytest.raises(NoCommonVersion):
        known.choose(["2.2.1"], "old")
