"""The steps of a credentials handshake. Tokens stay in the store: what comes and goes here are connection ids."""

from dataclasses import dataclass

from temporalio import activity

from activities.failures import partner_conversation
from activities.heartbeat import beating
from activities.partner_link import calls_to, connected_adapter, pullable
from activities.resources import Resources
from adapters import discovery
from adapters.contract import Credentials, Module, OfferedVersion, PartnerError
from adapters.registry import NoCommonVersion
from canonical.partner import Connection, LinkState
from canonical.store import AccessPurpose


@dataclass(frozen=True)
class Exchange:
    """`request_key` makes the exchange the same one when the activity is repeated."""

    connection_id: str
    request_key: str
    renew: bool = False


@dataclass(frozen=True)
class RegistrationAnswer:
    """What the edge answers a partner that registers: accepted, or an OCPI status with its reason."""

    accepted: bool
    ocpi_status: int = 1000
    message: str = ""


class MissingEndpoint(Exception):
    """The partner does not offer what registration needs."""


class HandshakeActivities:
    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    @activity.defn(name="handshake-discover")
    async def discover(self, connection_id: str) -> str:
        """Read the partner's versions and details, choose the adapter, store both. Repeating it reads again."""
        async with partner_conversation():
            connection = await self._discover(connection_id)
        return f"{connection.version} by {connection.adapter}"

    @activity.defn(name="handshake-offer-access")
    async def offer_access(self, exchange: Exchange) -> None:
        """Commit the token that the partner will call us with, before it leaves. Once per `request_key`."""
        async with self._resources.store.transaction() as work:
            await work.access.issue(exchange.connection_id, AccessPurpose.ACCESS, exchange.request_key)

    @activity.defn(name="handshake-exchange-credentials")
    async def exchange_credentials(self, exchange: Exchange) -> None:
        """POST or PUT our credentials and store what comes back, in one activity. Once per `request_key`."""
        async with partner_conversation():
            async with self._resources.store.transaction() as work:
                if await work.access.has_outbound(exchange.connection_id, exchange.request_key):
                    return
                connection = await work.connections.get(exchange.connection_id)
                token = await work.access.issue(connection.id, AccessPurpose.ACCESS, exchange.request_key)
            calls = await calls_to(self._resources.store, self._resources.registry, connection)
            us = self._resources.us
            ours = Credentials(token.get_secret_value(), us.versions_url, us.roles_on(connection.our_sides))
            theirs = await (calls.update(ours) if exchange.renew else calls.register(ours))
            async with self._resources.store.transaction() as work:
                await work.access.keep_outbound(connection.id, theirs.secret_token(), request_key=exchange.request_key)
                await work.connections.save(
                    connection.model_copy(update={"partner_roles": theirs.roles, "versions_url": theirs.versions_url})
                )

    @activity.defn(name="handshake-answer-registration")
    async def answer_registration(self, exchange: Exchange) -> RegistrationAnswer:
        """Call the registering partner back with the token it posted, and issue the one it gets in return."""
        try:
            async with beating():
                await self._discover(exchange.connection_id)
        except NoCommonVersion as error:
            return RegistrationAnswer(accepted=False, ocpi_status=3002, message=str(error))
        except MissingEndpoint as error:
            return RegistrationAnswer(accepted=False, ocpi_status=3003, message=str(error))
        except PartnerError as error:
            return RegistrationAnswer(accepted=False, ocpi_status=3001, message=str(error))
        async with self._resources.store.transaction() as work:
            await work.access.issue(exchange.connection_id, AccessPurpose.ACCESS, exchange.request_key)
        return RegistrationAnswer(accepted=True)

    @activity.defn(name="handshake-prove")
    async def prove(self, connection_id: str) -> None:
        """Call the partner with the newest token: only then is the connection called connected. Repeatable."""
        async with partner_conversation():
            await self._offered(await self._connection(connection_id))
            async with self._resources.store.transaction() as work:
                connection = await work.connections.get(connection_id)
                await work.connections.save(
                    connection.model_copy(
                        update={
                            "state": LinkState.CONNECTED,
                            "connected_at": connection.connected_at or self._resources.clock(),
                        }
                    )
                )

    @activity.defn(name="handshake-modules-to-pull")
    async def modules_to_pull(self, connection_id: str) -> list[str]:
        """The modules that the partner owns and lets us read."""
        connection = await self._connection(connection_id)
        return [module.value for module in pullable(connection)]

    async def _discover(self, connection_id: str) -> Connection:
        connection = await self._connection(connection_id)
        offered = await self._offered(connection)
        adapter = self._resources.registry.choose((o.version for o in offered), connection.name)
        url = next(o.url for o in offered if o.version == adapter.version)
        authorizations = [adapter.encode_token(await self._token(connection_id))]
        _, endpoints = await discovery.endpoints(self._resources.http, url, authorizations)
        found = connection.model_copy(
            update={"version": adapter.version, "adapter": adapter.key, "endpoints": endpoints}
        )
        if not any(e.module == Module.CREDENTIALS for e in endpoints):
            message = f"version {adapter.version} of the partner offers no credentials endpoint"
            raise MissingEndpoint(message)
        async with self._resources.store.transaction() as work:
            await work.connections.save(found)
        return found

    async def _offered(self, connection: Connection) -> tuple[OfferedVersion, ...]:
        """The partner's versions, asked with the token spelt as its adapter does, or as any of ours would."""
        if connection.versions_url is None:
            message = f"connection {connection.id} has no versions URL"
            raise MissingEndpoint(message)
        token = await self._token(connection.id)
        adapters = (
            (connected_adapter(self._resources.registry, connection),)
            if connection.adapter
            else self._resources.registry.adapters()
        )
        return await discovery.offered_versions(
            self._resources.http,
            connection.versions_url,
            authorizations=[adapter.encode_token(token) for adapter in adapters],
        )

    async def _connection(self, connection_id: str) -> Connection:
        async with self._resources.store.transaction() as work:
            return await work.connections.get(connection_id)

    async def _token(self, connection_id: str) -> str:
        async with self._resources.store.transaction() as work:
            return (await work.access.outbound(connection_id)).get_secret_value()
