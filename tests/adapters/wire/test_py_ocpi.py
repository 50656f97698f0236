"""The one partner profile that is more than tolerance: a name that `py_ocpi` has of its own in CDRs of 2.1.1."""

import json

import pytest

from adapters.contract import InvalidWire
from adapters.registry import build_registry
from canonical.cdr import Cdr
from tests.adapters.ocpi_2_1_1 import objects as wire
from tests.adapters.ocpi_2_1_1.objects import BETWEEN, body, standard, strict

registry = build_registry(None)
END = "2026-03-01T10:00:00Z"


def theirs() -> wire.Document:
    document = wire.cdr()
    del document["stop_date_time"]
    return {**document, "end_date_time": END}


def test_a_cdr_that_ends_by_another_name_is_read_with_a_finding() -> None:
    read = standard.read(Cdr, body(theirs()), BETWEEN)
    assert read.value.end.isoformat() == "2026-03-01T10:00:00+00:00"
    assert [(each.code, each.where, each.blocks) for each in read.findings] == [
        ("tolerance.end_for_stop", "stop_date_time", False)
    ]


def test_a_cdr_that_does_not_end_at_all_is_refused() -> None:
    document = theirs()
    with pytest.raises(InvalidWire, match="stop_date_time"):
        strict.read(Cdr, body(document), BETWEEN)
    del document["end_date_time"]
    with pytest.raises(InvalidWire, match="stop_date_time"):
        standard.read(Cdr, body(document), BETWEEN)


def test_the_end_is_written_under_both_names_to_this_partner_alone() -> None:
    cdr = standard.read(Cdr, body(wire.cdr(stop_date_time=END)), BETWEEN).value
    to_them = json.loads(registry.choose(["2.1.1"], "Py-OCPI").write(cdr))
    to_others = json.loads(standard.write(cdr))
    assert to_them.pop("end_date_time") == END
    assert to_them == to_others
    assert to_others["stop_date_time"] == END
