"""From a connection to calls: load what the store knows, bind the adapter, and keep what is said as evidence."""

from datetime import timedelta

from pydantic import SecretStr

from adapters.build import build
from adapters.contract import (
    Adapter,
    Exchange,
    Interface,
    Link,
    Module,
    PartnerCalls,
    PartnerUnavailable,
    UnsafeUrl,
    Witness,
)
from adapters.registry import Registry
from adapters.transport.address_guard import on_one_of
from canonical.identity import PartyId
from canonical.partner import Connection, LinkState, Side
from canonical.store import Direction, Driver, EvidenceRecord, Store

KEPT = frozenset(
    {
        Module.CDRS,
        Module.TARIFFS,
        Module.SESSIONS,
        Module.TOKENS,
        Module.CREDENTIALS,
        Module.INVOICE_RECONCILIATION,
    }
)
"""Modules whose bytes are kept: what a bill, or a change of who may call whom, may be traced back to."""

_SENT_BY_PROVIDER = frozenset({Module.TOKENS, Module.COMMANDS, Module.CHARGING_PROFILES})


def connected_adapter(registry: Registry, connection: Connection) -> Adapter:
    """The adapter that the handshake chose."""
    if connection.adapter is None:
        message = f"connection {connection.id} has no adapter yet: its handshake has not got that far"
        raise LookupError(message)
    return registry.by_key(connection.adapter)


def side_towards(module: Module, partner_plays: Interface) -> Side:
    """What we are towards a partner that is SENDER or RECEIVER of a module."""
    sender = Side.EMSP if module in _SENT_BY_PROVIDER else Side.CPO
    return sender.other if partner_plays is Interface.SENDER else sender


async def calls_to(
    store: Store,
    registry: Registry,
    connection: Connection,
    *,
    object_key: str | None = None,
    our_side: Side | None = None,
    addressee: PartyId | None = None,
    open_routing: bool = False,
    witness: Witness | None = None,
    driver: Driver | None = None,
    token: SecretStr | None = None,
) -> PartnerCalls:
    """The partner behind a connection, ready to be called with the newest token it gave us, or with another `token`.

    `our_side` is what we are in this call, and `addressee` whom it concerns, where that is known; the rest is
    `Connection.addressee`. `witness` takes the place of the evidence that is kept of each exchange, under the key of
    the `driver` whom the calls are about.
    Raises PartnerUnavailable while the connection is suspended: nobody calls over it until it is resumed.
    """
    if connection.state is LinkState.SUSPENDED:
        raise PartnerUnavailable(f"connection {connection.id} is suspended")
    if token is None:
        async with store.transaction() as work:
            token = await work.access.outbound(connection.id)
    adapter = connected_adapter(registry, connection)
    party = connection.addressee(our_side, addressee, open_routing=open_routing)
    link = Link(
        connection_id=connection.id,
        token=token.get_secret_value(),
        endpoints=connection.endpoints,
        our_party=connection.our_party,
        partner_party=party,
        partner_sides=tuple(side.other for side in connection.our_sides),
        token_spelling=connection.token_spelling,
    )
    return adapter.calls(link, witness or evidence_keeper(store, connection, adapter.key, object_key, party, driver))


def check_reply_address(connection: Connection, url: str) -> None:
    """A result goes to hosts of the connection alone, for our token goes with it. Raises UnsafeUrl."""
    if "://" not in url or not url.isprintable():
        raise UnsafeUrl("it is no whole URL")
    on_one_of(url, (endpoint.url for endpoint in connection.endpoints))


def evidence_keeper(
    store: Store,
    connection: Connection,
    adapter_key: str,
    object_key: str | None = None,
    party: PartyId | None = None,
    driver: Driver | None = None,
) -> Witness:
    """Keeps request and answer, as bytes, of every exchange in a module that matters. Tokens are masked in them."""

    async def keep(exchange: Exchange) -> None:
        if exchange.module not in KEPT:
            return
        async with store.transaction() as work:
            await work.evidence.add(evidence_of(exchange, connection, adapter_key, object_key, party, driver))

    return keep


def evidence_of(
    exchange: Exchange,
    connection: Connection,
    adapter_key: str,
    object_key: str | None = None,
    party: PartyId | None = None,
    driver: Driver | None = None,
) -> EvidenceRecord:
    """An exchange of ours, as it is kept. Without a `party` that it was addressed to, it was the partner itself."""
    party = party or connection.addressee()
    return EvidenceRecord(
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
        finished_at=exchange.started_at + timedelta(seconds=exchange.duration_s),
        partner=None if party is None else str(party),
        rule_set=build(),
        answer_headers=exchange.response_headers,
        driver=driver,
    )


def pullable(connection: Connection) -> tuple[Module, ...]:
    """What the partner owns, we need, and it offers as SENDER; in an order in which references resolve."""
    order = (
        Module.HUB_CLIENT_INFO,
        Module.TARIFFS,
        Module.LOCATIONS,
        Module.TOKENS,
        Module.SESSIONS,
        Module.CDRS,
        Module.INVOICE_RECONCILIATION,
    )
    return tuple(m for m in order if connection.endpoint(m, Interface.SENDER) is not None and _concerns(connection, m))


def _concerns(connection: Connection, module: Module) -> bool:
    return module is Module.HUB_CLIENT_INFO or side_towards(module, Interface.SENDER) in connection.sides
