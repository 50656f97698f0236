"""The endpoint table against the matrix of endpoints of the standard."""

import re

from adapters.contract import Operation
from adapters.ocpi_2_2_1.endpoints import ENDPOINTS
from tests.adapters.wire.shared import needed, rows

# Known to the standard, without an operation of ours: configuration and the modules that we do not serve.
SERVED = {"locations", "tariffs", "tokens", "sessions", "cdrs", "credentials"}
NOT_SERVED = {("sessions", "Sender", "PUT", "/{session_id}/charging_preferences")}


def test_every_operation_has_an_endpoint() -> None:
    assert {endpoint.operation for endpoint in ENDPOINTS} <= set(Operation)


def test_no_endpoint_twice() -> None:
    keys = [(e.module, e.interface, e.method, e.path) for e in ENDPOINTS]
    assert len(keys) == len(set(keys))


def test_the_table_is_the_one_of_the_standard() -> None:
    stated = set()
    for row in needed(rows("reference", "ocpi-matrix.csv")):
        if row["module"] in SERVED:
            path = re.sub(r"^\{[a-z_]+\}|^\{URL.*\}$", "", row["url_template"])
            if row["module"] == "cdrs" and row["interface"] == "Receiver" and row["method"] == "GET":
                path = "/{reference}"
            interface = "Sender" if row["interface"] == "both" else row["interface"]
            stated.add((row["module"], interface, row["method"], path))
    ours = {(e.module.value, e.interface.value.title(), e.method, e.path) for e in ENDPOINTS}
    assert ours == stated - NOT_SERVED
