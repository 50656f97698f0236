"""What the server process of a measurement is told, on its standard input: it holds a password and a secret."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final, cast

from pydantic import BaseModel, SecretStr

from adapters.registry import build_registry
from api.services import Services, Signals
from canonical.identity import PartyId
from canonical.partner import Side
from canonical.store import Store

US: Final = PartyId(country_code="DE", party_id="RMW")
CEILING: Final = "/ceiling"
"""Where the server answers without doing anything of ours."""
POOL_SIZE: Final = 10


class ServerConfig(BaseModel):
    database_url: str
    secret_key: str
    port: int


class _Silent:
    """Signals that nobody hears: the durable processes are not measured."""

    def __getattr__(self, name: str) -> Callable[..., Awaitable[None]]:
        async def heard(*_: object, **__: object) -> None:
            return None

        return heard


def services(store: Store, port: int) -> Services:
    """A deployment with both sides, whose durable processes are not there."""
    return Services(
        store=store,
        signals=cast("Signals", _Silent()),
        registry=build_registry(None),
        our_party=US,
        business_name="Measured",
        sides=frozenset(Side),
        public_url=f"http://127.0.0.1:{port}",
        contract_keys=(SecretStr("measured without the contract API"),),
        clock=lambda: datetime.now(UTC),
    )
