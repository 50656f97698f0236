"""Settings: complete or refused, from the environment or from files, and never shown."""

import stat
from pathlib import Path

import pytest

from canonical.identity import PartyId
from canonical.partner import Side
from deploy.settings import SettingsError, load, write_secrets

SECRET = "s3cret-" * 6
KEY = "contract-key-" * 3
COMPLETE = {
    "ROAM_PARTY": "DE*RCO",
    "ROAM_BUSINESS_NAME": "Rhein Charging Operations",
    "ROAM_SIDES": "CPO",
    "ROAM_PUBLIC_URL": "https://roaming.example/",
    "ROAM_DATABASE_URL": "postgresql://roam:pass-of-the-database@db/roam",
    "ROAM_SECRET_KEY": SECRET,
    "ROAM_CONTRACT_API_KEYS": f"{KEY},{KEY}2",
}


@pytest.fixture
def complete(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in COMPLETE.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_reads_the_environment(complete: pytest.MonkeyPatch) -> None:
    complete.setenv("ROAM_METER_KEYS", "M1=3059AB, M2=04CD")
    settings = load()
    assert settings.party == PartyId.parse("DE*RCO")
    assert settings.sides == {Side.CPO}
    assert settings.public_url == "https://roaming.example"
    assert [key.get_secret_value() for key in settings.contract_api_keys] == [KEY, f"{KEY}2"]
    assert settings.meter_keys == (("M1", "3059AB"), ("M2", "04CD"))


def test_no_secret_in_any_text(complete: pytest.MonkeyPatch) -> None:
    settings = load()
    for text in (repr(settings), str(settings), f"{settings!r}", settings.model_dump_json()):
        assert "s3cret" not in text
        assert "contract-key" not in text
        assert "pass-of-the-database" not in text


def test_files_stand_in_for_the_environment(complete: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("ROAM_SECRET_KEY", "ROAM_DATABASE_URL", "ROAM_CONTRACT_API_KEYS"):
        complete.delenv(name)
    files = {"secret_key": SECRET, "database_url": "postgresql://a:b@c/d", "contract_api_keys": KEY}
    write_secrets(tmp_path / "kept", files)
    complete.setenv("ROAM_SECRETS_DIR", str(tmp_path / "kept"))
    assert load().secret_key.get_secret_value() == SECRET
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "kept").iterdir()} == {0o600}


def test_says_everything_that_is_missing_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in COMPLETE:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SettingsError) as refused:
        load()
    required = {"ROAM_PARTY", "ROAM_BUSINESS_NAME", "ROAM_PUBLIC_URL", "ROAM_DATABASE_URL", "ROAM_SECRET_KEY"}
    assert {line.split(":")[0] for line in str(refused.value).splitlines()} == required


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ROAM_SECRET_KEY", "too-short-to-be-a-key"),
        ("ROAM_CONTRACT_API_KEYS", "short-key"),
        ("ROAM_PARTY", "Nobody at all"),
        ("ROAM_SIDES", "CPO,DRIVER"),
        ("ROAM_SIDES", ","),
        ("ROAM_PUBLIC_URL", "roaming.example"),
        ("ROAM_PORT", "http"),
        ("ROAM_SETTLEMENT_TIME_ZONE", "Europe/Nowhere"),
        ("ROAM_SETTLEMENT_TIME_ZONE", "../etc/passwd"),
        ("ROAM_RECONCILIATION_TOLERANCE", "-0.01"),
        ("ROAM_METER_KEYS", "no equals sign"),
    ],
)
def test_a_wrong_value_is_named_and_not_shown(complete: pytest.MonkeyPatch, name: str, value: str) -> None:
    complete.setenv(name, value)
    with pytest.raises(SettingsError, match=name) as refused:
        load()
    if "KEY" in name:
        assert value not in str(refused.value)


def test_a_secrets_folder_that_is_not_there_is_named(complete: pytest.MonkeyPatch, tmp_path: Path) -> None:
    complete.setenv("ROAM_SECRETS_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(SettingsError, match="nowhere"):
        load()


def test_versions_on_offer_are_versions_that_are_spoken(complete: pytest.MonkeyPatch) -> None:
    assert load().ocpi_versions == ()
    complete.setenv("ROAM_OCPI_VERSIONS", "2.1.1, 2.2.1")
    assert load().ocpi_versions == ("2.1.1", "2.2.1")
    complete.setenv("ROAM_OCPI_VERSIONS", "2.2.1,2.2")
    with pytest.raises(SettingsError, match=r"ROAM_OCPI_VERSIONS: .*2\.2: this release speaks"):
        load()
