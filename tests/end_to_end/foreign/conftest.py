"""Fixtures around the foreign partner. Without its environment the tests skip and say why; on CI they fail."""

import os
from collections.abc import Iterator

import pytest

from canonical.identity import PartyId
from canonical.partner import Side
from tests.end_to_end.foreign.environment import Environment, Unavailable, environment
from tests.end_to_end.foreign.partner import Partner, running_partner


@pytest.fixture(scope="session")
def foreign_environment() -> Environment:
    made = environment()
    if isinstance(made, Unavailable):
        if os.environ.get("CI"):
            pytest.fail(f"this has to run here: {made.reason}")
        pytest.skip(made.reason)
    return made


@pytest.fixture(scope="session")
def emsp_process(foreign_environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Partner]:
    with running_partner(
        foreign_environment,
        side=Side.EMSP,
        party=PartyId(country_code="NL", party_id="FRN"),
        name="Foreign Mobility",
        token_a="foreign-emsp-token-a",
        folder=tmp_path_factory.mktemp("foreign-emsp"),
    ) as partner:
        yield partner


@pytest.fixture(scope="session")
def cpo_process(foreign_environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Partner]:
    with running_partner(
        foreign_environment,
        side=Side.CPO,
        party=PartyId(country_code="BE", party_id="FRC"),
        name="Foreign Charging",
        token_a="foreign-cpo-token-a",
        folder=tmp_path_factory.mktemp("foreign-cpo"),
    ) as partner:
        yield partner


@pytest.fixture
def version() -> str:
    """Of OCPI, in which the partner speaks; tests are parametrised by it where they hold in both."""
    return "2.2.1"


@pytest.fixture
def foreign_emsp(emsp_process: Partner, version: str) -> Partner:
    """A mobility provider that speaks OCPI by somebody else's code; it has met nobody yet."""
    return emsp_process.begin_anew(version, "FRN" if version == "2.2.1" else "FRE")


@pytest.fixture
def foreign_cpo(cpo_process: Partner, version: str) -> Partner:
    """A charge point operator that speaks OCPI by somebody else's code; it has met nobody yet."""
    return cpo_process.begin_anew(version, "FRC" if version == "2.2.1" else "FRD")
