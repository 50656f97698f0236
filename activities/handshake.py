"""The steps of a credentials handshake. Tokens stay in the store: what comes and goes here are connection ids."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from temporalio import activity

from activities.failures import partner_conversation
from activities.heartbeat import beating
from activities.partner_link import calls_to, connected_adapter, pullable, side_towards
from activities.resources import Resources
from adapters import discovery
from adapters.contract import (
    Adapter,
    AskAgain,
    Credentials,
    Interface,
    InvalidWire,
    Module,
    OfferedVersion,
    PartnerCalls,
    PartnerError,
    PartnerRejected,
    PartnerUnauthorized,
)
from adapters.registry import NoCommonVersion
from canonical.partner import CLOSED, Connection, LinkState
from canonical.store import AccessPurpose, HeldToken, NotFound, RolesRefused, UnitOfWork, with_roles


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

_SHUT_OUT = frozenset({401, 403})
"""How a partner answers that does not take a token."""

_AS_IF_TAKEN = frozenset({401, 403, 405})
"""How a partner answers that has taken our credentials before: the token is spent, or the method is another one now."""

_REGISTER: Final = "POST"
_UPDATE: Final = "PUT"
_READ: Final = "GET"

TAKEN_WITHIN = timedelta(minutes=1)
"""How long a partner may take to make a token good that it gave us, before the one in front of it is taken again."""

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
        """POST or PUT our credentials and store what comes back, in one activity. Once per `request_key`.

        An answer that was lost is mended at the next attempt, in the order that the partner's profile gives.
        """
        async with partner_conversation():
            async with self._resources.store.transaction() as work:
                connection = await work.connections.get(exchange.connection_id)
                exchanged = await work.access.has_outbound(connection.id, exchange.request_key)
                token = await work.access.issue(connection.id, AccessPurpose.ACCESS, exchange.request_key)
                held = await work.access.held(connection.id)
            if exchanged and (connection.partner_roles or connection.hub):
                return
            if exchanged:  # the token came, and the roles with it were refused: they may have been mended
                await self._believe(connection.id, await self._read_again(connection))
                return
            us = self._resources.us
            ours = Credentials(token.get_secret_value(), us.versions_url, us.roles_on(connection.our_sides))
            theirs = await self._asked(connection, ours, held, renew=exchange.renew)
            await self._believe(connection.id, theirs, request_key=exchange.request_key)

    @activity.defn(name="handshake-answer-registration")
    async def answer_registration(self, exchange: Exchange) -> RegistrationAnswer:
        """Call the registering partner back with the token it offers; take it up, and issue the one it gets in return.

        The version is the partner's choice: that of the endpoint at which it posted. A PUT elsewhere changes it.
        Until all of it is stored, at once, everybody else goes on with the partner as it was. Once per `request_key`.
        """
        async with self._resources.store.transaction() as work:
            if await work.access.has_issued(exchange.connection_id, AccessPurpose.ACCESS, exchange.request_key):
                return RegistrationAnswer(accepted=True)
            connection = await work.connections.get(exchange.connection_id)
            held = await work.access.held(exchange.connection_id)
        posted = _posted(held)
        chosen = connection.version
        if posted.offer is not None:
            offer, chosen = posted.offer, posted.offer.version
            connection = connection.model_copy(update={"versions_url": offer.versions_url, "hub": offer.hub})
        limit = asyncio.timeout(self._called_back_within_s)
        try:
            async with beating(), limit:
                learned = await self._learned(connection, (posted,), chosen)
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
            why = f"versions and details could not be read with the token that was posted: {error}"
            return RegistrationAnswer(accepted=False, ocpi_status=3001, message=why)
        return await self._accepted(exchange, posted, learned)

    @activity.defn(name="handshake-prove")
    async def prove(self, connection_id: str) -> None:
        """Call the partner with the newest token: only then is the connection called connected. Repeatable.

        The tokens before it are let go. A connection that was closed meanwhile stays closed.
        """
        async with partner_conversation():
            connection = await self._connection(connection_id)
            taken = await self._taken(connection)
            known = bool(connection.partner_roles) or connection.hub is not None
            if not known or not connection.sides:
                wanted = " or ".join(side.other.value for side in connection.our_sides)
                raise PartnerRejected(f"the partner's credentials name no {wanted} that it may speak for")
            async with self._resources.store.transaction() as work:
                await work.access.settle_on(connection_id, taken.number)
                await self._connect(work, connection_id)

    @activity.defn(name="handshake-connect-unproved")
    async def connect_unproved(self, connection_id: str) -> None:
        """A person vouches for the connection: it is called connected without a call. Repeatable.

        A connection that was closed meanwhile stays closed.
        """
        async with self._resources.store.transaction() as work:
            await self._connect(work, connection_id)

    @activity.defn(name="handshake-partner-has-called")
    async def partner_has_called(self, connection_id: str) -> bool:
        """Whether the partner has used the newest token that we issued. Repeatable."""
        async with self._resources.store.transaction() as work:
            return (await work.access.standing(connection_id)).proved_at is not None

    @activity.defn(name="handshake-refresh-roles")
    async def refresh_roles(self, connection_id: str) -> None:
        """GET the partner's credentials and take over whom it speaks for: a hub's parties come and go. Repeatable.

        The token in them is left where it is: a new one comes with a registration or a renewal only.
        """
        async with partner_conversation():
            connection = await self._connection(connection_id)
            await self._believe(connection_id, await (await self._calls(connection)).get_credentials())

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
                    await self._unregister(connection)
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

    async def _read_again(self, connection: Connection) -> Credentials:
        """The partner's credentials, whose roles were refused. Raises PartnerError, with that as its reason."""
        try:
            return await (await self._calls(connection)).get_credentials()
        except PartnerRejected as refusal:
            wanted = " or ".join(side.other.value for side in connection.our_sides)
            raise PartnerRejected(
                f"the partner's credentials name no {wanted} that it may speak for, and are not shown again: {refusal}",
                http_status=refusal.http_status,
            ) from refusal

    async def _accepted(
        self, exchange: Exchange, posted: HeldToken, learned: Mapping[str, object]
    ) -> RegistrationAnswer:
        """Everything that the partner's offer changes, in one transaction; a newer one that was accepted stands."""
        try:
            async with self._resources.store.transaction() as work:
                connection = await work.connections.get(exchange.connection_id, lock=True)
                if connection.state is LinkState.UNREGISTERED:
                    return RegistrationAnswer(accepted=False, ocpi_status=2000, message="this connection is closed")
                offer = posted.offer
                if offer is None:
                    await work.connections.save(connection.model_copy(update=learned))
                elif await work.access.take_up(connection.id, posted.number):
                    connection = await with_roles(work.connections, connection, offer.roles, offer.hub)
                    changed = {"versions_url": offer.versions_url, **learned}
                    await work.connections.save(connection.model_copy(update=changed))
                await work.access.issue(connection.id, AccessPurpose.ACCESS, exchange.request_key)
        except RolesRefused as error:
            return RegistrationAnswer(accepted=False, ocpi_status=2001, message=f"roles {error}")
        return RegistrationAnswer(accepted=True)

    async def _asked(
        self, connection: Connection, ours: Credentials, held: Sequence[HeldToken], *, renew: bool
    ) -> Credentials:
        """The partner's answer to our credentials, asked for in other ways where it refuses as if it had given it.

        A token that it does not know, and a method that it does not allow, are not tried twice. What it lets us read
        counts when it names a token that we do not hold yet: then it has taken ours before. Raises PartnerError.
        """
        known = {each.token.get_secret_value() for each in held}
        refused: list[str] = []
        shut: set[str | int] = set()
        first: PartnerRejected | None = None
        for method, each in _ways(connected_adapter(self._resources.registry, connection), held, renew=renew):
            if method in shut or each.number in shut:
                continue
            calls = await self._calls(connection, each)
            try:
                if method == _READ:
                    theirs = await calls.get_credentials()
                    if theirs.token in known:
                        refused.append("GET shows no token but one that we have")
                        continue
                else:
                    theirs = await (calls.register(ours) if method == _REGISTER else calls.update(ours))
            except PartnerRejected as refusal:
                if first is None and refusal.http_status not in _AS_IF_TAKEN:
                    raise
                first = first or refusal
                shut.add(method if refusal.http_status == HTTPStatus.METHOD_NOT_ALLOWED else each.number)
                refused.append(f"{method}: {refusal}")
            else:
                return theirs
        raise PartnerRejected(
            f"{'; '.join(refused)}. If the partner has registered us and its answer was lost, a token has to come "
            "from it by another way",
            http_status=None if first is None else first.http_status,
        )

    async def _taken(self, connection: Connection) -> HeldToken:
        """The newest token by which the partner lets us in. Raises PartnerError.

        An older one counts only when the newest has been refused for a while: a partner may take a moment to make its
        new token good, and then the older one would soon be refused in its turn.
        """
        async with self._resources.store.transaction() as work:
            held = await work.access.held(connection.id)
        _, taken = await self._offered(connection, held)
        refusal: PartnerRejected | None = None
        for each in held[held.index(taken) :]:
            try:
                await self._canary(connection, each)
            except PartnerRejected as error:
                refusal = refusal or error
                continue
            if each == held[0]:
                return each
            if self._resources.clock() - held[0].kept_at < TAKEN_WITHIN:
                raise PartnerUnauthorized("the partner does not take its new token yet, but the one before it")
            async with self._resources.store.transaction() as work:
                await work.access.prefer_again(connection.id, each.number, request_key=f"again-{held[0].number}")
                return each
        raise refusal or PartnerUnauthorized("there is no token to ask with")

    async def _canary(self, connection: Connection, held: HeldToken) -> None:
        """A call behind the door: versions may be open to everybody. Raises PartnerRejected when the door stays shut.

        A partner need not let us read its credentials, as long as it does not say that it does not know us.
        """
        try:
            await (await self._calls(connection, held)).get_credentials()
        except PartnerUnauthorized:
            raise
        except (PartnerError, InvalidWire):
            return

    async def _unregister(self, connection: Connection) -> None:
        """With the newest token, and with those before it where that one was never taken. Raises PartnerError."""
        async with self._resources.store.transaction() as work:
            held = await work.access.held(connection.id)
        for number, each in enumerate(held, start=1):
            try:
                await (await self._calls(connection, each)).unregister()
            except PartnerRejected as refusal:
                if number == len(held) or refusal.http_status not in _SHUT_OUT:
                    raise
            else:
                return

    async def _connect(self, work: UnitOfWork, connection_id: str) -> None:
        connection = await work.connections.get(connection_id, lock=True)
        if connection.state in CLOSED:
            return
        since = connection.connected_at or self._resources.clock()
        connected = connection.model_copy(update={"state": LinkState.CONNECTED, "connected_at": since})
        await work.connections.save(connected)

    async def _calls(self, connection: Connection, held: HeldToken | None = None) -> PartnerCalls:
        token = None if held is None else held.token
        return await calls_to(self._resources.store, self._resources.registry, connection, token=token)

    async def _discover(self, connection_id: str) -> Connection:
        """What the partner offers, read with any token that it lets us in by, and stored."""
        async with self._resources.store.transaction() as work:
            connection = await work.connections.get(connection_id)
            held = await work.access.held(connection_id)
        learned = await self._learned(connection, held)
        async with self._resources.store.transaction() as work:
            # The partner may take its time to answer: what was decided meanwhile, such as its suspension, stands.
            found = (await work.connections.get(connection_id, lock=True)).model_copy(update=learned)
            await work.connections.save(found)
        return found

    async def _learned(
        self, connection: Connection, held: Sequence[HeldToken], chosen: str | None = None
    ) -> dict[str, object]:
        """Versions, details, adapter: of the version that was `chosen`, else of the highest that both sides have.

        Nothing is stored. Raises NoCommonVersion, MissingEndpoint, PartnerError.
        """
        versions, taken = await self._offered(connection, held)
        offered = {each.version: each.url for each in versions}
        common = [version for version in offered if chosen in (None, version)]
        if not common:
            message = f"the partner registered by {chosen}, which is not among the versions that it offers"
            raise NoCommonVersion(message)
        adapter = self._resources.registry.choose(common, connection.name)
        token = taken.token.get_secret_value()
        spelt = {adapter.encode_token(token, spelling): spelling for spelling in adapter.token_spellings}
        details = await discovery.details(
            self._resources.http,
            offered[adapter.version],
            list(spelt),
            partner_sides=tuple(side.other for side in connection.our_sides),
        )
        spelling = spelt[details.authorization]
        learned: dict[str, object] = {
            "version": adapter.version,
            "adapter": adapter.key,
            "endpoints": details.endpoints,
            "token_spelling": None if spelling == adapter.token_spellings[0] else spelling,
        }
        missing = _missing(connection.model_copy(update=learned))
        if missing is not None:
            raise MissingEndpoint(f"version {adapter.version} of the partner offers {missing}")
        return learned

    async def _offered(
        self, connection: Connection, held: Sequence[HeldToken]
    ) -> tuple[tuple[OfferedVersion, ...], HeldToken]:
        """The partner's versions, and the first of these tokens that it lets us see them with. Raises PartnerError."""
        if connection.versions_url is None:
            message = f"connection {connection.id} has no versions URL"
            raise MissingEndpoint(message)
        refusal: PartnerRejected | None = None
        for each in held:
            spelt = self._spelt(connection, each.token.get_secret_value())
            try:
                return await discovery.offered_versions(self._resources.http, connection.versions_url, spelt), each
            except PartnerRejected as error:
                refusal = refusal or error
        raise refusal or NotFound(f"no token to call connection {connection.id} with")

    def _spelt(self, connection: Connection, token: str) -> list[str]:
        """A token as it is spelt for this partner, and then in every other way.

        A partner may change its ways with its version, and want another one here than at its modules.
        """
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
        return list(dict.fromkeys(authorizations))

    async def _connection(self, connection_id: str) -> Connection:
        async with self._resources.store.transaction() as work:
            return await work.connections.get(connection_id)


def _posted(held: Sequence[HeldToken]) -> HeldToken:
    """The token that a partner waits to be called back with: its newest offer. Raises NotFound.

    Where nothing is offered any more, a later exchange has been answered first: then the one in use.
    """
    if not held:
        raise NotFound("there is no token to call the partner back with")
    return max((each for each in held if each.offer is not None), key=lambda each: each.number, default=held[0])


def _ways(adapter: Adapter, held: Sequence[HeldToken], *, renew: bool) -> Iterator[tuple[str, HeldToken]]:
    """In which order the partner is asked: as it should be, and then as its profile says."""
    usual, other = (_UPDATE, _REGISTER) if renew else (_REGISTER, _UPDATE)
    newest, older = held[:1], held[1:]
    meant = {
        AskAgain.SAME_WITH_OLDER_TOKEN: (usual, older),
        AskAgain.OTHER_METHOD: (other, newest),
        AskAgain.OTHER_METHOD_WITH_OLDER_TOKEN: (other, older),
        AskAgain.READ: (_READ, newest),
        AskAgain.READ_WITH_OLDER_TOKEN: (_READ, older),
    }
    for method, tokens in ((usual, newest), *(meant[again] for again in adapter.asks_again)):
        for each in tokens:
            yield method, each


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
