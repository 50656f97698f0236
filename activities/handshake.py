"""The steps of a credentials handshake. Tokens stay in the store: what comes and goes here are connection ids."""

import asyncio
from dataclasses import dataclass

from temporalio import activity

from activities.failures import partner_conversation
from activities.heartbeat import beating
from activities.partner_link import calls_to, connected_adapter, pullable, side_towards
from activities.resources import Resources
from adapters import discovery
from adapters.contract import (
    Credentials,
    Interface,
    Module,
    OfferedVersion,
    PartnerError,
    PartnerRejected,
)
from adapters.registry import NoCommonVersion
from canonical.partner import CLOSED, Connection, LinkState
from canonical.store import AccessPurpose, RolesRefused, with_roles


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


_FORGOTTEN = frozenset({401, 404, 405})
"""How a partner answers that holds no registration of ours any more (OCPI 2.2.1 credentials; status codes)."""


CALLED_BACK_WITHIN_S = 10.0
"""A partner that registers waits for its answer meanwhile, and most do not wait for longer than half a minute."""


class HandshakeActivities:
    def __init__(self, resources: Resources, *, called_back_within_s: float = CALLED_BACK_WITHIN_S) -> None:
        self._resources = resources
        self._called_back_within_s = called_back_within_s

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
                connection = await work.connections.get(exchange.connection_id)
                exchanged = await work.access.has_outbound(connection.id, exchange.request_key)
                token = await work.access.issue(connection.id, AccessPurpose.ACCESS, exchange.request_key)
            calls = await calls_to(self._resources.store, self._resources.registry, connection)
            if exchanged and (connection.partner_roles or connection.hub):
                return
            if exchanged:  # the token came, and the roles with it were refused: they may have been mended
                await self._believe(connection.id, await calls.get_credentials())
                return
            us = self._resources.us
            ours = Credentials(token.get_secret_value(), us.versions_url, us.roles_on(connection.our_sides))
            theirs = await (calls.update(ours) if exchange.renew else calls.register(ours))
            await self._believe(connection.id, theirs, request_key=exchange.request_key)

    @activity.defn(name="handshake-answer-registration")
    async def answer_registration(self, exchange: Exchange) -> RegistrationAnswer:
        """Call the registering partner back with the token it posted, and issue the one it gets in return.

        The version is the partner's choice: that of the endpoint at which it posted. A PUT elsewhere changes it.
        """
        limit = asyncio.timeout(self._called_back_within_s)
        try:
            async with beating(), limit:
                chosen = (await self._connection(exchange.connection_id)).version
                await self._discover(exchange.connection_id, chosen)
        except TimeoutError:
            if not limit.expired():
                raise  # it was something of ours that took too long
            late = f"versions and details did not come within {self._called_back_within_s:g} s"
            return RegistrationAnswer(accepted=False, ocpi_status=3001, message=late)
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
        """Call the partner with the newest token: only then is the connection called connected. Repeatable.

        A connection that was closed meanwhile stays closed.
        """
        async with partner_conversation():
            connection = await self._connection(connection_id)
            await self._offered(connection)
            known = bool(connection.partner_roles) or connection.hub is not None
            if not known or not connection.sides:
                wanted = " or ".join(side.other.value for side in connection.our_sides)
                raise PartnerRejected(f"the partner's credentials name no {wanted} that it may speak for")
            async with self._resources.store.transaction() as work:
                connection = await work.connections.get(connection_id, lock=True)
                if connection.state in CLOSED:
                    return
                await work.connections.save(
                    connection.model_copy(
                        update={
                            "state": LinkState.CONNECTED,
                            "connected_at": connection.connected_at or self._resources.clock(),
                        }
                    )
                )

    @activity.defn(name="handshake-refresh-roles")
    async def refresh_roles(self, connection_id: str) -> None:
        """GET the partner's credentials and take over whom it speaks for: a hub's parties come and go. Repeatable.

        The token in them is left where it is: a new one comes with a registration or a renewal only.
        """
        async with partner_conversation():
            connection = await self._connection(connection_id)
            calls = await calls_to(self._resources.store, self._resources.registry, connection)
            await self._believe(connection_id, await calls.get_credentials())

    @activity.defn(name="handshake-unregister")
    async def unregister(self, connection_id: str) -> None:
        """DELETE our registration at the partner, then end both directions. A partner that has forgotten us is fine.

        Repeated after the end it does nothing: there is no token to call with.
        """
        resources = self._resources
        async with partner_conversation():
            connection = await self._connection(connection_id)
            async with resources.store.transaction() as work:
                if not await work.access.can_call(connection_id):
                    return
            try:
                if connection.adapter is not None:
                    await (await calls_to(resources.store, resources.registry, connection)).unregister()
            except PartnerRejected as refusal:
                if refusal.http_status not in _FORGOTTEN:
                    raise
        await self.revoke(connection_id)

    @activity.defn(name="handshake-revoke")
    async def revoke(self, connection_id: str) -> None:
        """End both directions without the partner: no token of either is good any longer. Repeatable."""
        async with self._resources.store.transaction() as work:
            await work.access.revoke_all(connection_id)

    @activity.defn(name="handshake-modules-to-pull")
    async def modules_to_pull(self, connection_id: str) -> list[str]:
        """The modules that the partner owns and lets us read."""
        connection = await self._connection(connection_id)
        return [module.value for module in pullable(connection)]

    async def _believe(self, connection_id: str, theirs: Credentials, *, request_key: str | None = None) -> None:
        """Store whom the partner speaks for, and with `request_key` the token of an exchange and what came with it.

        Raises PartnerRejected when it may not speak for them: then the token is kept, and the roles before stay.
        """
        refused: RolesRefused | None = None
        async with self._resources.store.transaction() as work:
            connection = await work.connections.get(connection_id, lock=True)
            if request_key is not None:
                await work.access.keep_outbound(connection_id, theirs.secret_token(), request_key=request_key)
                connection = connection.model_copy(update={"versions_url": theirs.versions_url})
            try:
                connection = await with_roles(work.connections, connection, theirs.roles, theirs.hub_party)
            except RolesRefused as error:
                refused = error
            await work.connections.save(connection)
        if refused is not None:
            raise PartnerRejected(f"the partner's roles are refused: {refused}")

    async def _discover(self, connection_id: str, chosen: str | None = None) -> Connection:
        """Versions, details, adapter: of the version that was `chosen`, else of the highest that both sides have."""
        connection = await self._connection(connection_id)
        offered = {each.version: each.url for each in await self._offered(connection)}
        common = [version for version in offered if chosen in (None, version)]
        if not common:
            message = f"the partner registered by {chosen}, which is not among the versions that it offers"
            raise NoCommonVersion(message)
        adapter = self._resources.registry.choose(common, connection.name)
        token = await self._token(connection_id)
        spelt = {adapter.encode_token(token, spelling): spelling for spelling in adapter.token_spellings}
        details = await discovery.details(
            self._resources.http,
            offered[adapter.version],
            list(spelt),
            partner_sides=tuple(side.other for side in connection.our_sides),
        )
        spelling = spelt[details.authorization]
        learned = {
            "version": adapter.version,
            "adapter": adapter.key,
            "endpoints": details.endpoints,
            "token_spelling": None if spelling == adapter.token_spellings[0] else spelling,
        }
        missing = _missing(connection.model_copy(update=learned))
        if missing is not None:
            raise MissingEndpoint(f"version {adapter.version} of the partner offers {missing}")
        async with self._resources.store.transaction() as work:
            # The partner may take its time to answer: what was decided meanwhile, such as its suspension, stands.
            found = (await work.connections.get(connection_id, lock=True)).model_copy(update=learned)
            await work.connections.save(found)
        return found

    async def _offered(self, connection: Connection) -> tuple[OfferedVersion, ...]:
        """The partner's versions, asked with the token as it is spelt for this partner, and then in every other way.

        A partner may change its ways with its version, and want another one here than at its modules.
        """
        if connection.versions_url is None:
            message = f"connection {connection.id} has no versions URL"
            raise MissingEndpoint(message)
        token = await self._token(connection.id)
        authorizations: list[str] = []
        if connection.adapter:
            adapter = connected_adapter(self._resources.registry, connection)
            authorizations.append(adapter.encode_token(token, connection.token_spelling))
        authorizations += [adapter.encode_token(token) for adapter in self._resources.registry.adapters()]
        authorizations += [
            adapter.encode_token(token, spelling)
            for adapter in self._resources.registry.adapters()
            for spelling in adapter.token_spellings
        ]
        return await discovery.offered_versions(
            self._resources.http, connection.versions_url, list(dict.fromkeys(authorizations))
        )

    async def _connection(self, connection_id: str) -> Connection:
        async with self._resources.store.transaction() as work:
            return await work.connections.get(connection_id)

    async def _token(self, connection_id: str) -> str:
        async with self._resources.store.transaction() as work:
            return (await work.access.outbound(connection_id)).get_secret_value()


def _missing(connection: Connection) -> str | None:
    """What a partner's endpoints lack, so that nothing could work; None when something can.

    Credentials, by which either side renews and ends the relation; and, unless it is a hub, one module at least in
    which it meets one of our sides. More is not asked for: who only pushes need not be pulled from, and the reverse.
    """
    if not any(e.module == Module.CREDENTIALS for e in connection.endpoints):
        return "no credentials endpoint"
    met = {
        side_towards(Module(e.module), Interface(e.interface))
        for e in connection.endpoints
        if e.module not in (Module.CREDENTIALS, Module.HUB_CLIENT_INFO)
    }
    if connection.hub is None and not met & set(connection.our_sides):
        return f"nothing that a {' or '.join(side.other.value for side in connection.our_sides)} has"
    return None
