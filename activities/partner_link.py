"""From a connection to calls: load what the store knows, bind the adapter, and keep what is said as evidence."""

from adapters.contract import Adapter, Exchange, Interface, Link, Module, PartnerCalls, Witness
from adapters.registry import Registry
from canonical.partner import Connection
from canonical.store import Direction, EvidenceRecord, Store

KEPT = frozenset({Module.CDRS, Module.TARIFFS, Module.SESSIONS, Module.TOKENS, Module.CREDENTIALS})
"""Modules whose bytes are kept: what a bill, or a change of who may call whom, may be traced back to."""


def connected_adapter(registry: Registry, connection: Connection) -> Adapter:
    """The adapter that the handshake chose."""
    if connection.adapter is None:
        message = f"connection {connection.id} has no adapter yet: its handshake has not got that far"
        raise LookupError(message)
    return registry.by_key(connection.adapter)


async def calls_to(
    store: Store, registry: Registry, connection: Connection, *, object_key: str | None = None
) -> PartnerCalls:
    """The partner behind a connection, ready to be called with the newest token it gave us."""
    async with store.transaction() as work:
        token = await work.access.outbound(connection.id)
    adapter = connected_adapter(registry, connection)
    link = Link(
        connection_id=connection.id,
        token=token.get_secret_value(),
        endpoints=connection.endpoints,
        our_party=connection.our_party,
        partner_party=connection.partner_party(),
        partner_sides=tuple(side.other for side in connection.our_sides),
    )
    return adapter.calls(link, evidence_keeper(store, connection, adapter.key, object_key))


def evidence_keeper(store: Store, connection: Connection, adapter_key: str, object_key: str | None = None) -> Witness:
    """Keeps request and answer, as bytes, of every exchange in a module that matters. Tokens are masked in them."""

    async def keep(exchange: Exchange) -> None:
        if exchange.module not in KEPT:
            return
        record = EvidenceRecord(
            direction=Direction.OUT,
            connection_id=connection.id,
            module=exchange.module,
            method=exchange.method,
            url_or_path=exchange.url,
            status=exchange.status,
            headers=exchange.request_headers,
            body=exchange.request_body,
            answer=exchange.response_body,
            adapter=adapter_key,
            object_key=object_key,
            at=exchange.started_at,
        )
        async with store.transaction() as work:
            await work.evidence.add(record)

    return keep


def pullable(connection: Connection) -> tuple[Module, ...]:
    """What the partner owns and offers as SENDER, in an order in which references resolve."""
    order = (Module.TARIFFS, Module.LOCATIONS, Module.TOKENS)
    return tuple(m for m in order if connection.endpoint(m, Interface.SENDER) is not None)
