"""A crash between any two steps of the handshake, on either side: afterwards each can call the other, and only by one
token in each direction.

Two deployments speak with each other through the real edge, activities, client and database. Before and after every
commit and every request there is a point at which one of them can be killed, or its call be cut off. Each chapter of
a relation is played with a fault at its first point, its second, and so on, until it ends before the fault comes: a
new await point is found by itself. While a renewal is under way the two go on to call each other about other things.
"""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, cast
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.handshake import Exchange, HandshakeActivities
from activities.partner_link import calls_to
from activities.resources import Resources, SettlementTerms, Us
from adapters.contract import PartnerError
from adapters.registry import build_registry
from adapters.transport.address_guard import AddressPolicy
from adapters.transport.http import PartnerHttp, _Line
from adapters.transport.limiter import Limiter, Pace
from api.app import create
from api.services import CannotTell, RegistrationFailed, Services, Signals
from canonical.identity import PartyId
from canonical.model import fold
from canonical.partner import Connection, LinkState, Offer, Side
from canonical.store import AccessPurpose, Store, StoreUnavailable
from canonical.store.transaction import Transaction
from canonical.vault import Vault
from settlement.pricing.policy import DEFAULT_POLICY
from settlement.vat import VatTreatment
from tests.conftest import Databases

_ATTEMPTS = 12
_PAUSE = timedelta(seconds=20)
"""How far the clock moves on before a step is tried again."""


class Kind(StrEnum):
    """What befalls a process: it is gone, or it lives on without an answer."""

    KILLED = "killed"
    CUT_OFF = "cut off"


class KilledError(BaseException):
    """Nothing of a process that is killed runs any more: no `except` of it, no tidying up."""


@dataclass
class Fault:
    """The one fault of a chapter, at its `at`-th point. `where` says what that was; None: the chapter has fewer."""

    kind: Kind
    at: int
    passed: int = 0
    where: str | None = None

    def before(self, what: str, cut_off: Exception) -> None:
        """It will not happen. Who is killed here has done no more than who was killed behind the step before."""
        if self.kind is Kind.CUT_OFF:
            self._point(f"before {what}", cut_off)

    def after(self, what: str, cut_off: Exception) -> None:
        """It has happened, and nobody knows."""
        self._point(f"after {what}", cut_off)

    def _point(self, where: str, cut_off: Exception) -> None:
        self.passed += 1
        if self.passed != self.at:
            return
        self.where = where
        raise KilledError if self.kind is Kind.KILLED else cut_off


@dataclass
class FaultThere(Fault):
    """The one fault, at the first point that is called so; a request is made again, so it is cut off each time."""

    place: str = ""

    def _point(self, where: str, cut_off: Exception) -> None:
        if (self.where is None or "GET" in self.place) and where.startswith(self.place):
            self.passed = self.at - 1
            super()._point(where, cut_off)


_fault = Fault(Kind.KILLED, 0)


def expect(kind: Kind, at: int) -> Fault:
    return _expected(Fault(kind, at))


def _expected(fault: Fault) -> Fault:
    global _fault  # noqa: PLW0603  the points are everywhere
    _fault = fault
    return fault


@contextmanager
def unharmed() -> Iterator[None]:
    """What is done meanwhile is done by a process that no fault befalls."""
    before = _fault
    expect(Kind.KILLED, 0)
    try:
        yield
    finally:
        _expected(before)


@pytest.fixture(autouse=True)
def _points_at_commits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What has only read may be read again: a point there would be the one before it once more."""
    commit = Transaction.commit

    async def watched(transaction: Transaction) -> None:
        if not await _writes(transaction):
            await commit(transaction)
            return
        gone = StoreUnavailable("the database gave the transaction up; it may succeed when repeated")
        _fault.before("a commit", gone)
        await commit(transaction)
        _fault.after("a commit", gone)

    monkeypatch.setattr(Transaction, "commit", watched)
    yield
    expect(Kind.KILLED, 0)


async def _writes(transaction: Transaction) -> bool:
    if transaction._waiting:
        return True
    return await transaction._driver.fetchval("SELECT pg_current_xact_id_if_assigned()") is not None


class Wire(httpx.AsyncBaseTransport):
    """Between the two: a request is a call of the other's application. Who is killed there leaves the caller alone."""

    def __init__(self, sites: dict[str, "Site"]) -> None:
        self._sites = sites

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        broken = httpx.RemoteProtocolError("the connection broke", request=request)
        where = f"{request.method} {request.url}"
        _fault.before(where, broken)
        try:
            answer = await httpx.ASGITransport(self._sites[request.url.host].app).handle_async_request(request)
        except KilledError:
            raise broken from None
        _fault.after(where, broken)
        return answer


class Crossing(PartnerHttp):
    """The client of production, on that wire. A pause that was asked for is over when it is thought of again."""

    sites: dict[str, "Site"]

    def _opened(self) -> _Line:
        pace = Pace(100, 1000.0)
        return _Line(httpx.AsyncClient(transport=Wire(self.sites)), Limiter(pace, itertools.count(0.0, 60.0).__next__))


@dataclass
class Durable:
    """In place of Temporal: what it was told is done until it is done. The rest is nothing to do here."""

    site: "Site"
    to_prove: set[str] = field(default_factory=set)
    awaited: Fault | None = None
    """Comes when a partner is being answered."""

    async def register(self, connection_id: str) -> None:
        await self.site.calls_as_ever(connection_id)
        if self.awaited is not None:
            _expected(self.awaited)
            self.awaited = None
        try:
            answer = await self.site.run(
                self.site.activities.answer_registration, Exchange(connection_id, str(uuid4()))
            )
        except (Exception, KilledError) as error:  # noqa: BLE001  a worker that died is not the api that asked
            raise CannotTell(f"the handshake could not answer: {error}") from None
        finally:
            await self.site.calls_as_ever(connection_id)
        if not answer.accepted:
            raise RegistrationFailed(answer.ocpi_status, answer.message)
        self.to_prove.add(connection_id)

    async def update_credentials(self, connection_id: str) -> None:
        await self.register(connection_id)

    def __getattr__(self, name: str) -> Callable[..., Awaitable[None]]:
        async def heard(*_: object, **__: object) -> None:
            return None

        return heard


class Site:
    """One deployment: api, worker and store."""

    def __init__(self, name: str, party: str, store: Store, http: PartnerHttp) -> None:
        self.store, self.moved = store, timedelta(0)
        self.shut_out: list[str] = []
        self.us = Us(PartyId.parse(party), name, frozenset({Side.CPO, Side.EMSP}), f"http://{name}.example")
        self.registry = build_registry(http)
        terms = SettlementTerms(ZoneInfo("UTC"), Decimal("0.01"), VatTreatment.STANDARD)
        self.resources = Resources(
            store, self.registry, http, self.us, policy=DEFAULT_POLICY, terms=terms, clock=self.clock
        )
        self.activities = HandshakeActivities(self.resources)
        self.durable = Durable(self)
        self.services = Services(
            store=store,
            signals=cast(Signals, self.durable),
            registry=self.registry,
            our_party=self.us.party,
            business_name=name,
            sides=self.us.sides,
            public_url=self.us.public_url,
            contract_keys=(),
            clock=self.clock,
        )
        self.app = create(self.services)

    def clock(self) -> datetime:
        return datetime.now(UTC) + self.moved

    async def run(self, activity: Callable[..., Awaitable[Any]], argument: object) -> Any:
        return await ActivityEnvironment().run(activity, argument)

    async def until_done(self, activity: Callable[..., Awaitable[Any]], argument: object) -> None:
        """As a workflow takes a step."""
        await self.again_and_again(lambda: self.run(activity, argument))

    async def again_and_again(self, step: Callable[[], Awaitable[Any]]) -> None:
        """A process that died is followed by another one."""
        failures: list[BaseException] = []
        for _ in range(_ATTEMPTS):
            try:
                await step()
            except (Exception, KilledError) as failure:  # noqa: BLE001  whatever it was, it is tried again
                failures.append(failure)
                self.moved += _PAUSE
            else:
                return
        raise AssertionError(f"never done: {[str(failure) for failure in failures]}")

    async def calls_as_ever(self, connection_id: str) -> None:
        """What it does beside a handshake: it calls a partner that it is connected to. Notes when it is shut out."""
        with unharmed():
            connection = await self.connection(connection_id)
            if connection.state is not LinkState.CONNECTED:
                return
            try:
                await (await calls_to(self.store, self.registry, connection)).get_credentials()
            except PartnerError as refusal:
                self.shut_out.append(str(refusal))

    async def exchange(self, connection_id: str, *, renew: bool) -> None:
        """What the workflow does when we begin, in its order."""
        exchange = Exchange(connection_id, request_key=str(uuid4()), renew=renew)
        await self.until_done(self.activities.discover, connection_id)
        await self.until_done(self.activities.offer_access, exchange)
        await self.until_done(self.activities.exchange_credentials, exchange)
        await self.until_done(self.activities.prove, connection_id)

    async def prove(self) -> None:
        """What the workflow does when the partner has begun."""
        while self.durable.to_prove:
            await self.until_done(self.activities.prove, self.durable.to_prove.pop())

    async def forget_everybody(self) -> None:
        async with self.store.transaction() as work:
            for table in ("access_token", "outbound_token", "connection"):
                await work.access._connection.ask(f"DELETE FROM {table}")  # type: ignore[attr-defined]  # noqa: S608

    async def connection(self, connection_id: str) -> Connection:
        async with self.store.transaction() as work:
            return await work.connections.get(connection_id)


@asynccontextmanager
async def two_sites(databases: Databases, vault: Vault) -> AsyncIterator[tuple[Site, Site]]:
    sites: dict[str, Site] = {}
    Crossing.sites = sites
    stores = [await Store.connect(await databases.fresh(), vault, pool_size=3) for _ in range(2)]
    try:
        async with Crossing(AddressPolicy(allow_http=True, allow_private=True)) as http:
            operator = Site("operator", "DE*OPR", stores[0], http)
            provider = Site("provider", "NL*PRV", stores[1], http)
            sites |= {"operator.example": operator, "provider.example": provider}
            yield operator, provider
    finally:
        for store in stores:
            await store.close()


@dataclass(frozen=True)
class Relation:
    """The one between operator and provider; both know it by the same name."""

    name: str
    operator: Site
    provider: Site

    async def plan(self) -> None:
        """The provider has invited the operator, and the operator has entered what it was given."""
        planned = {
            site: Connection(
                id=self.name, name=self.name, our_sides=(side,), our_party=site.us.party, state=LinkState.PLANNED
            )
            for site, side in ((self.operator, Side.CPO), (self.provider, Side.EMSP))
        }
        async with self.provider.store.transaction() as work:
            await work.connections.add(planned[self.provider])
            token = await work.access.issue(self.name, AccessPurpose.REGISTRATION, "invitation")
        async with self.operator.store.transaction() as work:
            versions_url = self.provider.us.versions_url
            await work.connections.add(planned[self.operator].model_copy(update={"versions_url": versions_url}))
            await work.access.keep_outbound(self.name, token, request_key="handed-out")

    async def register(self) -> None:
        await self.operator.exchange(self.name, renew=False)
        await self.provider.prove()

    async def operator_renews(self) -> None:
        await self.operator.exchange(self.name, renew=True)
        await self.provider.prove()

    async def provider_renews(self) -> None:
        await self.provider.exchange(self.name, renew=True)
        await self.operator.prove()

    async def operator_leaves(self) -> None:
        await self.operator.again_and_again(self._shut_the_door)
        await self.operator.until_done(self.operator.activities.unregister, self.name)

    async def _shut_the_door(self) -> None:
        async with self.operator.store.transaction() as work:
            before = await work.connections.get(self.name, lock=True)
            await work.connections.save(before.model_copy(update={"state": LinkState.UNREGISTERED}))

    async def check_connected(self) -> None:
        """Each can call the other; each holds the one token that the other has issued, and there is no other."""
        for caller, called in ((self.operator, self.provider), (self.provider, self.operator)):
            assert not caller.shut_out
            connection = await caller.connection(self.name)
            assert connection.state is LinkState.CONNECTED
            await (await calls_to(caller.store, caller.registry, connection)).get_credentials()
            async with caller.store.transaction() as work:
                (held,) = await work.access.held(self.name)
            async with called.store.transaction() as work:
                admitted = await work.access.admit(held.token)
                assert admitted is not None
                assert (admitted.connection.id, admitted.purpose) == (self.name, AccessPurpose.ACCESS)
            assert await live_tokens(called, self.name) == {"ACCESS": 1}

    async def check_ended(self) -> None:
        for site in (self.operator, self.provider):
            assert (await site.connection(self.name)).state is LinkState.UNREGISTERED
            assert await live_tokens(site, self.name) == {}
            async with site.store.transaction() as work:
                assert await work.access.held(self.name) == ()


async def live_tokens(site: Site, name: str) -> dict[str, int]:
    async with site.store.transaction() as work:
        rows = await work.access._connection.look(  # type: ignore[attr-defined]
            "SELECT purpose, count(*) FROM access_token WHERE connection_id = $1 AND retired_at IS NULL GROUP BY 1",
            fold(name),
        )
    return {str(purpose): int(count) for purpose, count in rows}


Chapter = Callable[[Relation], Awaitable[None]]


async def faults(kind: Kind, relations: Callable[[], Awaitable[Relation]], play: Chapter, check: Chapter) -> list[str]:
    """Play a chapter with a fault at each of its points, and check what has become of it. Returns the points."""
    points: list[str] = []
    for at in itertools.count(1):
        relation = await relations()
        fault = expect(kind, at)
        try:
            await play(relation)
            expect(Kind.KILLED, 0)
            await check(relation)
        except Exception as error:
            raise AssertionError(f"{kind} {fault.where} (point {at}): {error}") from error
        if fault.where is None:
            break
        points.append(fault.where)
    assert sum("a commit" in point for point in points) >= 4, points
    assert any("/credentials" in point for point in points), points
    return points


@pytest.mark.parametrize("kind", Kind)
async def test_a_fault_at_any_point_of_any_chapter_leaves_nobody_locked_out(
    databases: Databases, vault: Vault, kind: Kind
) -> None:
    async with two_sites(databases, vault) as (operator, provider):

        async def planned() -> Relation:
            for site in (operator, provider):
                await site.forget_everybody()
            relation = Relation(f"relation-{uuid4()}", operator, provider)
            await relation.plan()
            return relation

        async def registered() -> Relation:
            relation = await planned()
            await relation.register()
            return relation

        await faults(kind, planned, Relation.register, Relation.check_connected)
        standing = await registered()

        async def the_same() -> Relation:
            return standing

        await faults(kind, the_same, Relation.operator_renews, Relation.check_connected)
        await faults(kind, the_same, Relation.provider_renews, Relation.check_connected)
        await faults(kind, registered, Relation.operator_leaves, Relation.check_ended)


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        (Kind.CUT_OFF, "before GET http://provider.example/ocpi/versions"),
        (Kind.KILLED, "after GET http://provider.example/ocpi/versions"),
        (Kind.CUT_OFF, "before a commit"),
        (Kind.CUT_OFF, "after a commit"),
        (Kind.KILLED, "after a commit"),
        (Kind.CUT_OFF, "after PUT http://operator.example/ocpi"),
    ],
)
async def test_a_renewal_that_fails_half_way_and_is_given_up_shuts_nobody_out(
    databases: Databases, vault: Vault, kind: Kind, place: str
) -> None:
    """The PUT has arrived, and the call back fails, or our database, or the answer is lost: both go on for good."""
    async with two_sites(databases, vault) as (operator, provider):
        relation = Relation("relation", operator, provider)
        await relation.plan()
        await relation.register()
        renewal = Exchange(relation.name, "renewal", renew=True)
        await provider.run(provider.activities.offer_access, renewal)
        fault = operator.durable.awaited = FaultThere(kind, 1, place=place)
        with pytest.raises(ApplicationError):
            await provider.run(provider.activities.exchange_credentials, renewal)
        assert fault.where is not None
        expect(Kind.KILLED, 0)
        for caller in (operator, provider, operator, provider):
            await caller.calls_as_ever(relation.name)
            assert not caller.shut_out
        await relation.provider_renews()
        await relation.check_connected()


async def test_a_renewal_that_fails_half_way_leaves_the_partner_as_it_was_known(
    databases: Databases, vault: Vault
) -> None:
    async with two_sites(databases, vault) as (operator, provider):
        relation = Relation("relation", operator, provider)
        await relation.plan()
        await relation.register()
        before = await operator.connection(relation.name)
        async with operator.store.transaction() as work:
            in_use = await work.access.outbound(relation.name)
        operator.durable.awaited = FaultThere(Kind.CUT_OFF, 1, place="before a commit")
        renewal = Exchange(relation.name, "renewal", renew=True)
        with pytest.raises(ApplicationError):
            await provider.run(provider.activities.exchange_credentials, renewal)
        assert await operator.connection(relation.name) == before
        async with operator.store.transaction() as work:
            assert await work.access.outbound(relation.name) == in_use
            first, offered = await work.access.held(relation.name)
        assert (first.token, first.offer) == (in_use, None)
        assert offered.offer is not None


async def test_an_answer_that_was_lost_is_given_once_and_a_partner_that_never_heard_it_is_called_as_before(
    databases: Databases, vault: Vault
) -> None:
    """A partner that is not ours may throw its new token away when it hears no answer."""
    async with two_sites(databases, vault) as (operator, provider):
        relation = Relation("relation", operator, provider)
        await relation.plan()
        await relation.register()
        async with operator.store.transaction() as work:
            before = await work.access.outbound(relation.name)
            known = await work.connections.get(relation.name)
            assert known.version is not None
            versions_url = provider.us.versions_url
            offer = Offer(versions_url=versions_url, version=known.version, roles=known.partner_roles)
            async with provider.store.transaction() as theirs:
                new = await theirs.access.issue(relation.name, AccessPurpose.ACCESS, "renewal")
            await work.access.keep_offered(relation.name, new, offer)
        answer = Exchange(relation.name, "answer")
        assert (await operator.run(operator.activities.answer_registration, answer)).accepted
        async with provider.store.transaction() as theirs:
            await theirs.access._connection.ask(  # type: ignore[attr-defined]
                "DELETE FROM access_token WHERE request_key = 'renewal'"
            )
        assert (await operator.run(operator.activities.answer_registration, answer)).accepted
        async with operator.store.transaction() as work:
            assert await work.access.outbound(relation.name) == new
        await operator.until_done(operator.activities.prove, relation.name)
        async with operator.store.transaction() as work:
            assert await work.access.outbound(relation.name) == before
        await operator.calls_as_ever(relation.name)
        assert not operator.shut_out
