"""The handshake with one partner: where it stands, how old the tokens are, and what a person can do about it."""

import secrets
from typing import Self

from fastapi import APIRouter, Request, Response
from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, SecretStr

from api.contract.connections import Accepted, NewConnectionAnswer
from api.contract.exact_json import ExactRoute
from api.contract.work import WorkView
from api.contract.writing import Afterwards, IdempotencyKey, Write
from api.errors import Conflict, InvalidInput
from api.services import CannotTell, Intervention, NotRunning, Services
from canonical.model import Instant
from canonical.partner import Connection, LinkState
from canonical.store import AccessPurpose, Standing, UnitOfWork
from workflows.work import Wanted, WorkKind

_LONGEST_TOKEN = 64
_NOT_YET = frozenset({LinkState.PLANNED, LinkState.REGISTERING})


class TokenAges(BaseModel):
    """When the newest live token of each kind came about; null: there is none."""

    invited_at: Instant | None = Field(description="The registration token that the partner was given.")
    invitation_expires_at: Instant | None = Field(description="From then on the registration token is refused.")
    invitation_expired: bool
    issued_at: Instant | None = Field(description="The token that the partner calls us with.")
    proved_at: Instant | None = Field(description="When the partner first used it; null: not proved from its side.")
    received_at: Instant | None = Field(description="The token that we call the partner with.")

    @classmethod
    def of(cls, standing: Standing, services: Services) -> Self:
        expires_at = None if standing.invited_at is None else services.expiry_of(standing.invited_at)
        return cls(
            invited_at=standing.invited_at,
            invitation_expires_at=expires_at,
            invitation_expired=expires_at is not None and services.clock() >= expires_at,
            issued_at=standing.issued_at,
            proved_at=standing.proved_at,
            received_at=standing.received_at,
        )


class HandshakeView(BaseModel):
    """Where the handshake with a partner stands. `process` is null while none is under way."""

    connection: str
    connection_state: LinkState
    next_action: str = Field(description="What a person can do, if anything.")
    process: WorkView | None
    tokens: TokenAges


class TokenByHand(BaseModel):
    """A token that came from the partner by another way, to call it with: to register, or for all that follows."""

    model_config = ConfigDict(
        extra="forbid", hide_input_in_errors=True, json_schema_extra={"examples": [{"token": "a-token-of-the-partner"}]}
    )

    token: SecretStr
    versions_url: AnyHttpUrl | None = Field(default=None, description="Where it is good, if that has changed.")


def routes(services: Services) -> APIRouter:
    router = APIRouter(prefix="/connections/{connection_id}/handshake", tags=["connections"], route_class=ExactRoute)

    @router.get("")
    async def get_handshake(connection_id: str) -> HandshakeView:
        """Where the handshake stands, a second late at most, and how old the tokens of both directions are."""
        async with services.store.transaction() as unit:
            connection = await unit.connections.get(connection_id)
            standing = await unit.access.standing(connection.id)
        return await _view(services, connection, standing)

    @router.post("/retry", status_code=202, response_model=Accepted)
    async def retry_handshake(connection_id: str, request: Request, key: IdempotencyKey = None) -> Response:
        """Try the step that it is stuck at again at once. `not-now` where nothing waits for another attempt."""
        return await _intervene(services, request, key, connection_id, Intervention.RETRY)

    @router.post("/skip-canary", status_code=202, response_model=Accepted)
    async def skip_canary_call(connection_id: str, request: Request, key: IdempotencyKey = None) -> Response:
        """Connect without our own first call, or wait for the partner's no longer. `not-now` before or after them."""
        return await _intervene(services, request, key, connection_id, Intervention.SKIP_CANARY)

    @router.post("/give-up", status_code=202, response_model=Accepted)
    async def give_up_handshake(connection_id: str, request: Request, key: IdempotencyKey = None) -> Response:
        """Stop a handshake that is under way. What was issued stays. `not-now` when there is nothing to give up."""
        return await _intervene(services, request, key, connection_id, Intervention.GIVE_UP)

    @router.post("/token", status_code=202, response_model=Accepted)
    async def hand_in_token(
        connection_id: str, order: TokenByHand, request: Request, key: IdempotencyKey = None
    ) -> Response:
        """Call the partner with this token from now on, and go on with the handshake. It is kept sealed.

        A registration of ours that was given up is begun again with it. `not-now` where no call of ours waits for one.
        """

        async def work(unit: UnitOfWork, afterwards: Afterwards) -> Accepted:
            connection = await _kept(unit, connection_id, order)
            await _go_on(services, connection)
            # The step may have looked before this was committed.
            afterwards.do(f"nudge {connection.id}", lambda: services.signals.nudge(connection.id))
            return Accepted(connection=connection.id, action="token")

        return await Write(services, request, key).do(work, status=202)

    @router.post("/invitation", status_code=201, response_model=NewConnectionAnswer)
    async def invite_again(connection_id: str, request: Request, key: IdempotencyKey = None) -> Response:
        """A new registration token for a partner that has not registered yet. The one before is refused from now on."""

        async def work(unit: UnitOfWork, _afterwards: Afterwards) -> NewConnectionAnswer:
            connection = await unit.connections.get(connection_id, lock=True)
            _check_not_connected(connection)
            await unit.access.withdraw_invitations(connection.id)
            name = f"invitation-{secrets.token_hex(8)}"
            token = await unit.access.issue(connection.id, AccessPurpose.REGISTRATION, name)
            return NewConnectionAnswer(
                connection=connection,
                registration_token=token.get_secret_value(),
                versions_url=services.versions_url,
            )

        return await Write(services, request, key).do(work, status=201)

    return router


async def _intervene(
    services: Services, request: Request, key: str | None, connection_id: str, how: Intervention
) -> Response:
    async def work(unit: UnitOfWork, _afterwards: Afterwards) -> Accepted:
        connection = await unit.connections.get(connection_id)
        await services.signals.intervene(connection.id, how)
        return Accepted(connection=connection.id, action=how.value.replace("_", "-"))

    return await Write(services, request, key).do(work, status=202)


async def _kept(unit: UnitOfWork, connection_id: str, order: TokenByHand) -> Connection:
    """The connection, with the token stored as the one to call it with. Raises InvalidInput, Conflict."""
    token = order.token.get_secret_value()
    if not token or len(token) > _LONGEST_TOKEN or not token.isprintable():
        raise InvalidInput.of("token", f"must be 1 to {_LONGEST_TOKEN} printable characters")
    connection = await unit.connections.get(connection_id, lock=True)
    if connection.state in (LinkState.SUSPENDED, LinkState.UNREGISTERED):
        raise Conflict(f"connection {connection.id} is {connection.state}")
    if order.versions_url is not None:
        connection = connection.model_copy(update={"versions_url": str(order.versions_url)})
        await unit.connections.save(connection)
    await unit.access.keep_outbound(connection.id, order.token, request_key=f"by-hand-{secrets.token_hex(8)}")
    return connection


async def _go_on(services: Services, connection: Connection) -> None:
    """With the handshake that waits for the token; where none is running, a registration begins. Raises CannotTell."""
    try:
        await services.signals.intervene(connection.id, Intervention.USE_TOKEN)
    except NotRunning:
        if connection.state not in _NOT_YET or connection.versions_url is None:
            raise
        await services.signals.connect(connection.id)


def _check_not_connected(connection: Connection) -> None:
    if connection.state not in _NOT_YET:
        raise Conflict(f"connection {connection.id} is {connection.state}: reopen it, or renew its tokens")


async def _view(services: Services, connection: Connection, standing: Standing) -> HandshakeView:
    wanted = Wanted(kind=WorkKind.HANDSHAKE, connection_id=connection.id)
    try:
        found = (await services.signals.work(wanted, limit=1)).items
    except CannotTell:
        found = ()
    process = WorkView.of(found[0]) if found else None
    tokens = TokenAges.of(standing, services)
    return HandshakeView(
        connection=connection.id,
        connection_state=connection.state,
        next_action=_next_action(connection, process, tokens),
        process=process,
        tokens=tokens,
    )


def _next_action(connection: Connection, process: WorkView | None, tokens: TokenAges) -> str:
    if process is not None:
        return process.next_action or "no worker tells: see whether one is running"
    if connection.state is LinkState.CONNECTED and tokens.proved_at is None:
        return "the partner has not used its token yet: ask it for a call, if it does more than listen"
    if connection.state not in _NOT_YET:
        return "nothing to do"
    if tokens.invitation_expired:
        return "the registration token has expired: issue a new one, and hand it to the partner"
    if tokens.invited_at is not None:
        return "none: the partner registers with the token that it was given, until that expires"
    return "begin it again: nudge the connection, or hand in a token of the partner"
