"""The CDR that the standard prints, in each of its versions, is priced as it says and may be paid."""

from pathlib import Path

import pytest

from adapters.contract import Parties
from adapters.registry import build_registry
from canonical.cdr import Cdr
from settlement.validation import Basis, Circumstances, Outcome, validate
from tests.settlement.build import BERLIN, CPO, EMSP


@pytest.mark.parametrize("version", ["2.1.1", "2.2.1", "2.3.0"])
def test_the_printed_cdr_passes(version: str, shared: Path):
    adapter = build_registry(None).by_key(f"ocpi-{version}/standard")
    body = (shared / "examples/ocpi" / version / "cdr_example.json").read_bytes()
    read = adapter.read(Cdr, body, Parties(cpo=CPO, emsp=EMSP))
    got = validate(
        read.value,
        session=None,
        tariff_held=None,
        time_zone=BERLIN,
        circumstances=Circumstances(bare_amounts=adapter.bare_amounts),
    )
    assert (got.outcome, got.explained_by) == (Outcome.ACCEPTED_WITH_FINDINGS, (Basis.OWN,))
