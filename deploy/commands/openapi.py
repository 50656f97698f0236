"""`roam openapi`."""

import json
from typing import cast

import typer

from adapters.registry import build_registry
from api import contract
from api.services import Services
from canonical.identity import PartyId
from canonical.store import Store
from deploy.composition import now
from workflows.contract import Signals


def run() -> None:
    typer.echo(json.dumps(document(), indent=2, ensure_ascii=False))


def document() -> dict[str, object]:
    """The contract API's OpenAPI document. It is the same for every deployment."""
    described = Services(
        # Describing calls no handler, so that nothing behind them has to be there.
        store=cast("Store", None),
        signals=cast("Signals", None),
        registry=build_registry(None),
        our_party=PartyId.parse("XX*XXX"),
        business_name="",
        sides=frozenset(),
        public_url="",
        contract_keys=(),
        clock=now,
    )
    return contract.build(described).openapi()
