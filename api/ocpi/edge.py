"""One request of a partner, from its bytes to the bytes of its answer.

It is an ASGI application of its own rather than a set of framework routes, because the protocol asks for what a
framework takes away: the path before it is decoded, no redirects, and the envelope on every answer, those to
wrong methods and wrong paths included.
"""

import logging
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from adapters.contract import Adapter, Module
from adapters.registry import NoCommonVersion, UnknownAdapter
from api import about
from api.errors import UnknownRoute
from api.ocpi import evidence, versions
from api.ocpi.authentication import authenticate, check_door, confirm_use
from api.ocpi.body import read_body
from api.ocpi.call import Answer, Call
from api.ocpi.envelope import refusal, respond, wrap
from api.ocpi.handlers import HANDLERS
from api.ocpi.message_ids import MessageIds
from api.ocpi.parties import UNROUTED, Route, answered, check_route, owner_named, speakers
from api.ocpi.routing import CONFIGURATION_MODULES, match, module_named, raw_segments, side_of
from api.services import Services
from canonical.partner import Connection
from canonical.store import Admitted, Overtaken

_LOG = logging.getLogger("roamwork.api.ocpi")
_VERSIONS = "versions"
_TRIES = 5
_PLACE_MAX = 100
"""No place of ours has a longer name; whoever has no token can still have one logged."""


class Edge:
    """The ASGI application under `/ocpi`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        received = _headers(scope)
        message_ids = MessageIds.of(received)
        about.begins(request_id=message_ids.request_id, correlation_id=message_ids.correlation_id)
        response = await self._respond(request, received, message_ids)
        _LOG.info("%s %s -> %s [%s]", request.method, _place(scope), response.status_code, message_ids.request_id)
        await response(scope, receive, send)

    async def _respond(self, request: Request, received: Mapping[str, str], message_ids: MessageIds) -> Response:
        headers = message_ids.headers()
        try:
            admitted = await authenticate(self._services, received)
            about.known(connection_id=admitted.connection.id)
            segments = raw_segments(request.scope)
            if len(segments) == 1:
                answer = await self._configuration(admitted, segments[0], request.method)
            else:
                return await self._module(request, received, admitted, segments, message_ids, headers)
        except Exception as error:  # noqa: BLE001 (the last stop: whatever it was, the partner gets an envelope)
            answer = refusal(error)
        return respond(answer, wrap(answer, self._services.clock()), headers)

    async def _configuration(self, admitted: Admitted, segment: str, method: str) -> Answer:
        check_door(admitted, Module.VERSIONS)
        versions.check_method(method)
        await confirm_use(self._services, admitted, Module.VERSIONS)
        if segment == _VERSIONS:
            return versions.listed(self._services)
        return versions.details(self._services, self._adapter(admitted.connection, segment), admitted.connection)

    async def _module(
        self,
        request: Request,
        received: Mapping[str, str],
        admitted: Admitted,
        segments: tuple[str, ...],
        message_ids: MessageIds,
        headers: dict[str, str],
    ) -> Response:
        """A request to a module. `headers` gains the routing pair as soon as it is known."""
        arrived_at = self._services.clock()
        connection = admitted.connection
        if not segments:
            raise UnknownRoute("there is nothing here")
        adapter = self._adapter(connection, segments[0])
        check_door(admitted, module_named(segments))
        found = match(adapter, connection.sides, segments[1:], request.method)
        module = found.endpoint.module
        await confirm_use(self._services, admitted, module)
        our_side = side_of(found.endpoint)
        routed = adapter.routed and module not in CONFIGURATION_MODULES
        route = Route.of(received) if routed else UNROUTED
        named = (route.requester, owner_named(found.segments))
        speaking = await speakers(self._services.store, connection, our_side, named)
        requester = check_route(route, connection, speaking) if routed else None
        if requester is not None:
            headers |= answered(requester, connection)
        call = Call(
            services=self._services,
            adapter=adapter,
            connection=connection,
            purpose=admitted.purpose,
            endpoint=found.endpoint,
            segments=found.segments,
            query=dict(request.query_params),
            headers=received,
            path=str(request.scope["path"]),
            body=await read_body(request, received),
            message_ids=message_ids,
            arrived_at=arrived_at,
            requester=requester,
            speakers=speaking,
        )
        answer = await _perform(call)
        content = answer.content
        if content is None:
            content = wrap(answer, self._services.clock())
            if evidence.is_kept(call, answer):
                await evidence.keep(call, answer, content)
        return respond(answer, content, headers)

    def _adapter(self, connection: Connection, version: str) -> Adapter:
        """The connection's own adapter when it speaks this version, else the one that a change to it would choose.

        A partner reads the details of other versions, and registers anew with their credentials, before it changes.
        Raises UnknownRoute.
        """
        registry = self._services.registry
        try:
            own = registry.by_key(connection.adapter) if connection.adapter is not None else None
            return own if own is not None and own.version == version else registry.choose((version,), connection.name)
        except (NoCommonVersion, UnknownAdapter):
            raise UnknownRoute("this version is not offered") from None


async def _perform(call: Call) -> Answer:
    """The handler's answer; a refusal is an answer too, so that it can be kept as evidence.

    A handler that was overtaken has changed nothing, and is asked again: it then waits for the others.
    """
    handler, tries = HANDLERS[call.endpoint.operation], _TRIES
    while True:
        tries -= 1
        try:
            return await handler(call)
        except Overtaken as error:
            if not tries:
                return refusal(error)
        except Exception as error:  # noqa: BLE001 (as above)
            return refusal(error)


def _headers(scope: Scope) -> dict[str, str]:
    """By their names in lower case; of those that came twice the first."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(scope["headers"])}


def _place(scope: Scope) -> str:
    """Version, interface and module of a request. What follows names objects, and a token's uid is a driver's."""
    return "/".join(str(scope["path"]).split("/", 5)[:5])[:_PLACE_MAX]
