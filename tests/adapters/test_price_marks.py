"""A hub that says in a remark who priced a CDR is understood; from anybody else a remark is a remark."""

import json

import pytest

from adapters.contract import Adapter
from adapters.registry import build_registry
from canonical.cdr import Cdr
from tests.api.documents import cdr


def codes(adapter: Adapter, remark: str | None) -> list[tuple[str, bool]]:
    body = json.dumps(cdr() if remark is None else cdr(remark=remark)).encode()
    return [(finding.code, finding.blocks) for finding in adapter.read(Cdr, body).findings]


@pytest.mark.parametrize(
    ("remark", "expected"),
    [
        ("[?] no tariff", [("cdr.not_priced", True)]),
        ("[*]", [("cdr.priced_by_hub", False)]),
        ("priced [?] by hand", []),
        (None, []),
    ],
)
def test_a_mark_counts_where_the_partner_is_known_to_set_it(remark: str | None, expected: list[tuple[str, bool]]):
    registry = build_registry(None)
    assert codes(registry.choose(["2.2.1"], "FR*107"), remark) == expected
    assert codes(registry.choose(["2.2.1"], "BE*BEC"), remark) == []
