"""A partner that is wrong in each of many ways: what is listed then, and in which words, as the handbook has them."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from starlette.requests import Request
from starlette.responses import Response

from activities import failures, partner_feed
from activities.attendance import AT_ONCE
from canonical.identity import ObjectId, Role
from canonical.partner import Side
from canonical.session import SessionStatus
from deploy.demo import cast
from deploy.demo.cast import Json
from deploy.demo.office import StoryFailed, until
from deploy.embedded.temporal import EmbeddedTemporal
from tests.adapters.transport import objects
from tests.adapters.transport.partner import enveloped, running_partner
from tests.conftest import Databases
from tests.workflows.conftest import PAIR
from tests.workflows.pair import Player, playing
from tests.workflows.peer import Peer, adapter_of, data_of, role
from workflows import ids

VERSION: Final = "2.2.1"
HANDBOOK: Final = Path(__file__).parents[2] / "docs" / "operations.md"
CREDENTIALS: Final = f"/{VERSION}/sender/credentials"
CDRS: Final = f"/{VERSION}/receiver/cdrs"
_WITHIN_S: Final = 15.0


@dataclass(frozen=True)
class Wrong:
    """One partner, our connection with it, and the deployment that it annoys."""

    us: Player
    peer: Peer
    name: str

    @property
    def answers(self) -> dict[tuple[str, str], object]:
        return self.peer.partner.answers  # type: ignore[return-value]

    def offers(self, *more: tuple[str, str]) -> None:
        self.peer.offers(VERSION, endpoints=(("credentials", "SENDER"), ("tokens", "SENDER"), *more))
        self.peer.takes_registrations()

    async def register(self, side: Side = Side.CPO, versions_url: str | None = None) -> None:
        """We begin."""
        order = {"id": self.name, "name": "Partner", "sides": [side.value], "mode": "register"}
        url = versions_url or self.peer.partner.url("/versions")
        await self.us.office.post("/connections", order | {"versions_url": url, "token": "token-of-the-partner"})

    async def connect(self, side: Side = Side.CPO) -> None:
        """We begin, and it works: the partner has called us too."""
        await self.register(side)
        await until("the connection", self._is_connected)
        await self.peer.call("GET", "/versions")

    async def charge(self) -> None:
        """A driver of the partner's charges at ours."""
        uid = f"CARD-{self.name}"
        drive = replace(cast.ORDINARY[0], id=f"S-{self.name}", token=uid)
        await until("the card", lambda: self._holds_token(uid))
        await self.us.office.start(drive)
        await self.us.office.stop(drive, None)

    def has_a_card(self) -> None:
        party = self.peer.roles[0].party
        card = {**objects.TOKEN, "country_code": party.country_code, "party_id": party.party_id}
        listed = [{**card, "uid": f"CARD-{self.name}", "whitelist": "ALWAYS", "valid": True}]
        self.answers["GET", f"/{VERSION}/sender/tokens"] = enveloped(listed)

    async def is_waited_for(self) -> bool:
        return await self.us.state(ids.handshake(self.name)) == "PROVING_INBOUND"

    async def _is_connected(self) -> bool:
        return bool((await self.us.office.get(f"/connections/{self.name}"))["state"] == "CONNECTED")

    async def _holds_token(self, uid: str) -> bool:
        found = await self.us.office.get("/tokens", connection=self.name)
        return any(item["uid"] == uid for item in found["items"])


async def nobody_listens(wrong: Wrong) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        await wrong.register(versions_url=f"http://127.0.0.1:{silent.getsockname()[1]}/versions")


async def a_web_page(wrong: Wrong) -> None:
    wrong.answers["GET", "/versions"] = Response("<html>Welcome</html>", media_type="text/html")
    await wrong.register()


async def our_token_is_unknown(wrong: Wrong) -> None:
    wrong.answers["GET", "/versions"] = enveloped(http=401, status_code=2000, message="unknown token")
    await wrong.register()


async def versions_of_long_ago(wrong: Wrong) -> None:
    wrong.answers["GET", "/versions"] = enveloped([{"version": "2.0", "url": wrong.peer.partner.url("/2.0")}])
    await wrong.register()


async def no_credentials_endpoint(wrong: Wrong) -> None:
    wrong.peer.offers(VERSION, endpoints=(("tokens", "SENDER"),))
    await wrong.register()


async def registered_already(wrong: Wrong) -> None:
    wrong.offers()
    for method in ("POST", "PUT", "GET"):
        wrong.answers[method, CREDENTIALS] = enveloped(http=405, status_code=2000, message="not allowed")
    await wrong.register()


async def speaks_for_operators(wrong: Wrong) -> None:
    wrong.peer.roles = (role("NL*OPR", Role.CPO),)
    wrong.offers()
    own = adapter_of(VERSION).write_credentials(wrong.peer.own_credentials("token-of-a-partner"))
    wrong.answers["GET", CREDENTIALS] = data_of(own)
    await wrong.register()


async def refuses_the_token_that_it_gave(wrong: Wrong) -> None:
    wrong.offers()
    wrong.answers["GET", CREDENTIALS] = enveloped(http=401, status_code=2000, message="unknown token")
    await wrong.register()


async def cannot_be_called_back(wrong: Wrong) -> None:
    order = {"id": wrong.name, "name": "Partner", "sides": ["CPO"], "mode": "invite"}
    wrong.peer.token = (await wrong.us.office.post("/connections", order))["registration_token"]
    wrong.answers["GET", "/versions"] = enveloped(http=401, status_code=2000, message="unknown token")
    await wrong.peer.credentials("POST")


async def never_calls(wrong: Wrong) -> None:
    wrong.offers()

    async def take(request: Request) -> Response:
        """Without a call back: it believes us."""
        wrong.peer.posted.append(adapter_of(VERSION).read_credentials(await request.body(), (Side.CPO,)))
        return data_of(adapter_of(VERSION).write_credentials(wrong.peer.own_credentials("token-of-a-silent-partner")))

    wrong.answers["POST", CREDENTIALS] = take
    await wrong.register()
    await until("the wait for its call", wrong.is_waited_for)
    await wrong.us.office.post(f"/connections/{wrong.name}/handshake/skip-canary")


async def refuses_a_cdr(wrong: Wrong) -> None:
    wrong.offers(("cdrs", "RECEIVER"))
    wrong.has_a_card()
    wrong.answers["POST", CDRS] = enveloped(http=200, status_code=2001, message="total_cost: wrong")
    await wrong.connect()
    await wrong.charge()


async def fails_at_every_cdr(wrong: Wrong) -> None:
    wrong.offers(("cdrs", "RECEIVER"))
    wrong.has_a_card()
    wrong.answers["POST", CDRS] = enveloped(http=500, status_code=3000, message="database is full")
    await wrong.connect()
    await wrong.charge()


async def fails_at_its_lists(wrong: Wrong) -> None:
    wrong.offers()
    wrong.answers["GET", f"/{VERSION}/sender/tokens"] = enveloped(
        http=500, status_code=3000, message="database is full"
    )
    await wrong.connect()


async def refuses_our_token_later(wrong: Wrong) -> None:
    wrong.offers(("cdrs", "RECEIVER"))
    wrong.has_a_card()
    wrong.answers["POST", CDRS] = enveloped(http=401, status_code=2000, message="unknown token")
    await wrong.connect()
    await wrong.charge()


async def changes_a_cdr(wrong: Wrong) -> None:
    wrong.offers(("cdrs", "RECEIVER"))
    wrong.has_a_card()
    url = wrong.peer.partner.url(f"{CDRS}/1")

    async def back(_: Request) -> Response:
        posted = next(seen for seen in wrong.peer.partner.seen if (seen.method, seen.path) == ("POST", CDRS))
        return enveloped({**json.loads(posted.body), "total_energy": 1})

    wrong.answers["POST", CDRS] = enveloped(headers={"Location": url}, http=201)
    wrong.answers["GET", f"{CDRS}/1"] = back
    await wrong.connect()
    await wrong.charge()


async def fails_at_every_session(wrong: Wrong) -> None:
    await _answers_sessions(wrong, enveloped(http=500, status_code=3000, message="database is full"))


async def refuses_our_token_for_sessions(wrong: Wrong) -> None:
    await _answers_sessions(wrong, enveloped(http=401, status_code=2000, message="unknown token"))


async def _answers_sessions(wrong: Wrong, answer: Response) -> None:
    wrong.offers(("sessions", "RECEIVER"))
    wrong.has_a_card()
    party, name = cast.CPO_PARTY.replace("*", "/"), f"S-{wrong.name}"
    for method in ("PUT", "PATCH"):
        path = f"/{VERSION}/receiver/sessions/{party}/{name}"
        wrong.answers[method, path] = answer
    await wrong.connect()
    await wrong.charge()


async def sends_no_cdr(wrong: Wrong) -> None:
    wrong.peer.roles = (role(str(wrong.peer.roles[0].party), Role.CPO),)
    wrong.peer.offers(VERSION, endpoints=(("credentials", "SENDER"), ("cdrs", "SENDER")))
    wrong.peer.takes_registrations()
    wrong.answers["GET", f"/{VERSION}/sender/cdrs"] = enveloped([])
    await wrong.connect(Side.EMSP)
    party, ended = wrong.peer.roles[0].party, datetime.now(UTC) - timedelta(days=2)
    told = {
        **objects.SESSION,
        "country_code": party.country_code,
        "party_id": party.party_id,
        "id": "S-1",
        "status": "COMPLETED",
        "start_date_time": f"{ended - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
        "end_date_time": f"{ended:%Y-%m-%dT%H:%M:%SZ}",
        "last_updated": f"{ended:%Y-%m-%dT%H:%M:%SZ}",
    }
    path = f"/{VERSION}/receiver/sessions/{party.country_code}/{party.party_id}/S-1"
    answer = await wrong.peer.call("PUT", path, body=json.dumps(told).encode())
    assert answer.json()["status_code"] == 1000, answer.text
    session = ObjectId(owner=party, id="S-1")
    await wrong.us.built.services.signals.look(session, wrong.name, Side.EMSP, SessionStatus.COMPLETED)


WAYS: Final[dict[str, Callable[[Wrong], Awaitable[None]]]] = {
    "does not answer at its address": nobody_listens,
    "answers there with a web page": a_web_page,
    "does not know the token that it gave us": our_token_is_unknown,
    "has no version of OCPI in common with us": versions_of_long_ago,
    "names no credentials endpoint": no_credentials_endpoint,
    "does not take our credentials": registered_already,
    "speaks for operators only, as we do": speaks_for_operators,
    "refuses the token of its own answer": refuses_the_token_that_it_gave,
    "registers, and refuses to be called back": cannot_be_called_back,
    "registers us, and never calls": never_calls,
    "refuses a CDR": refuses_a_cdr,
    "does not accept our token any more": refuses_our_token_later,
    "fails at every CDR": fails_at_every_cdr,
    "holds another CDR than we sent": changes_a_cdr,
    "does not accept our token for changes": refuses_our_token_for_sessions,
    "fails at every change of ours": fails_at_every_session,
    "fails at its own lists": fails_at_its_lists,
    "sends no CDR for a session": sends_no_cdr,
}
"""By the words of the handbook's table."""


@dataclass(frozen=True)
class Row:
    """What an operator reads: on which list, in which state, in which words."""

    listed_by: str
    kind: str
    state: str
    waits_for: str
    next_action: str


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def wronged(temporal: EmbeddedTemporal, databases: Databases) -> AsyncIterator[Player]:
    """A deployment that has met all of these partners; it believes at once what else it believes after minutes."""
    settings = {
        "party": cast.CPO_PARTY,
        "business_name": "Roam Co",
        "sides": "CPO,EMSP",
        "secret_key": "w" * 40,
        "task_queue": "wronged",
    }
    async with AsyncExitStack() as stack:
        hurried = stack.enter_context(pytest.MonkeyPatch.context())
        hurried.setattr(failures, "_EARLY_ATTEMPTS", 1)
        hurried.setattr(partner_feed, "Patience", lambda: AT_ONCE)
        us = await stack.enter_async_context(playing(settings, await databases.fresh(), temporal.address, PAIR[1]))
        await us.office.put(f"/tariffs/{cast.TariffId.PER_KWH}", cast.TARIFFS[cast.TariffId.PER_KWH])
        await us.office.put("/locations/L1", cast.LOCATIONS["L1"])
        met = []
        for number, way in enumerate(WAYS.values(), 1):
            partner = await stack.enter_async_context(running_partner())
            peer = Peer(partner, us.built.settings.public_url, VERSION, roles=(role(f"NL*{number:03}"),))
            met.append(way(Wrong(us, peer, _connection(way))))
        await asyncio.gather(*met)
        yield us


@pytest.mark.parametrize("wrong", WAYS)
async def test_it_is_listed_as_the_handbook_says(wronged: Player, wrong: str) -> None:
    wanted, connection = _handbook()[wrong], _connection(WAYS[wrong])
    found: list[Row] = []

    async def as_written() -> bool:
        found[:] = [row for row in await _listed(wronged, connection, wanted.listed_by) if row.kind == wanted.kind]
        return found == [wanted]

    with suppress(StoryFailed):
        await until("the words", as_written, patience_s=_WITHIN_S)
    assert found == [wanted]


def test_the_handbook_knows_no_other_ways() -> None:
    assert list(_handbook()) == list(WAYS)


async def _listed(us: Player, connection: str, command: str) -> list[Row]:
    page = await us.office.get("/work", connection=connection, **LISTS[command])
    now = datetime.now(UTC)
    for item in page["items"]:
        assert now - timedelta(minutes=5) < datetime.fromisoformat(item["since"]) < now + timedelta(seconds=2)
        assert item["attention"] or "attention" not in LISTS[command]
    return [_row(command, item) for item in page["items"]]


LISTS: Final[dict[str, dict[str, str]]] = {
    "roam stuck": {"attention": "true"},
    "roam stuck --ended": {"attention": "true", "ended": "true"},
    "roam deliveries": {"kind": "delivery"},
    "GET /contract/v1/work?kind=feed": {"kind": "feed"},
    "GET /contract/v1/work?kind=pull": {"kind": "pull"},
}


def _row(command: str, item: Json) -> Row:
    return Row(command, item["kind"], item["state"], _told(item["waiting_for"]), _told(item["next_action"]))


def _told(words: str | None) -> str:
    """Without what is another number each time."""
    said = re.sub(r" \(by [^)]*UTC\)", "", words or "")
    said = re.sub(r"attempt \d+ failed", "attempt 3 failed", said)
    said = re.sub(r"again in \d+ s", "again in 4 s", said)
    return said.replace("127.0.0.1", "partner.example")


def _handbook() -> dict[str, Row]:
    section = HANDBOOK.read_text().split("### A partner answers wrongly\n")[1].split("\n### ")[0]
    lines = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    found: dict[str, Row] = {}
    for wrong, command, what, waits, action in lines[1:]:
        kind, state = what.replace("`", "").split(" ")
        found[wrong] = Row(command.strip("`"), kind, state, waits, action)
    return found


def _connection(way: Callable[[Wrong], Awaitable[None]]) -> str:
    return way.__name__.replace("_", "-")
