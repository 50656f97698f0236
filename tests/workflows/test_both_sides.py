"""Two companies that are operator and provider both, on one connection: each one's drivers charge at the other's."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import pytest
import pytest_asyncio

from deploy.demo import cast
from deploy.demo.cast import Json
from deploy.demo.office import until
from deploy.embedded.temporal import EmbeddedTemporal
from tests.conftest import Databases
from tests.workflows.conftest import PAIR_ON_BOTH_SIDES
from tests.workflows.pair import Player, playing
from tests.workflows.peer import VERSIONS
from workflows import ids

PARTIES = ("BE*ONE", "DE*TWO")
CARDS = ("04010101010101", "04020202020202")


@dataclass(frozen=True)
class Couple:
    first: Player
    second: Player
    version: str


@pytest_asyncio.fixture(params=VERSIONS)
async def couple(
    request: pytest.FixtureRequest, temporal: EmbeddedTemporal, databases: Databases
) -> AsyncIterator[Couple]:
    """Each has a site, a tariff and a card before they meet; the second offers one version of OCPI."""
    version: str = request.param
    async with AsyncExitStack() as stack:
        players = []
        for party, namespace, offered in zip(PARTIES, PAIR_ON_BOTH_SIDES, ("", version), strict=True):
            settings = {
                "party": party,
                "business_name": f"Company {party}",
                "sides": "CPO,EMSP",
                "secret_key": party * 8,
                "task_queue": f"both-{version}",
                "ocpi_versions": offered,
            }
            url = await databases.fresh()
            players.append(await stack.enter_async_context(playing(settings, url, temporal.address, namespace)))
        for player, card in zip(players, CARDS, strict=True):
            await player.office.put("/tariffs/PER-KWH", cast.TARIFFS[cast.TariffId.PER_KWH])
            await player.office.put("/locations/L1", cast.LOCATIONS["L1"])
            await player.office.put(f"/tokens/{card}", cast.CARDS[cast.CARD_A], type="RFID")
        yield Couple(*players, version)


async def test_they_roam_in_both_directions(couple: Couple) -> None:
    first, second = couple.first.office, couple.second.office
    sides = ["CPO", "EMSP"]
    connection_ids = (f"second-{couple.version}", f"first-{couple.version}")
    invited = await second.post(
        "/connections", {"id": connection_ids[1], "name": "First", "sides": sides, "mode": "invite"}
    )
    await first.post(
        "/connections",
        {
            "id": connection_ids[0],
            "name": "Second",
            "sides": sides,
            "mode": "register",
            "versions_url": invited["versions_url"],
            "token": invited["registration_token"],
        },
    )
    for player, name in zip((couple.first, couple.second), connection_ids, strict=True):
        handle = player.built.client.get_workflow_handle(ids.handshake(name))
        assert await handle.result() == "CONNECTED"
        found = await player.office.get(f"/connections/{name}")
        assert found["version"] == couple.version
        assert {role["role"] for role in found["partner_roles"]} == set(sides)
        for path in ("/locations", "/tariffs", "/tokens"):
            await until(f"{path} at {name}", lambda p=player, q=path, n=name: _holds(p, q, n))  # type: ignore[misc]

    visits = (
        (couple.first, connection_ids[0], CARDS[1], couple.second, connection_ids[1]),
        (couple.second, connection_ids[1], CARDS[0], couple.first, connection_ids[0]),
    )
    for operator, provider_name, card, provider, operator_name in visits:
        drive = replace(cast.ORDINARY[0], token=card)
        await operator.office.start(drive)
        await operator.office.stop(drive, None)
        sent = await until("the CDR", lambda o=operator, n=provider_name: _cdr(o, n, "CPO"))  # type: ignore[misc]
        held = await until("its check", lambda p=provider, n=operator_name: _cdr(p, n, "EMSP", "ACCEPTED"))  # type: ignore[misc]
        assert held["cdr"]["id"] == sent["cdr"]["id"]
        assert held["cdr"]["owner"] == sent["cdr"]["owner"]
        assert await provider.office.all("/cases", state="OPEN") == []


async def _holds(player: Player, path: str, connection: str) -> bool:
    return len((await player.office.get(path, connection=connection))["items"]) == 1


async def _cdr(player: Player, connection: str, side: str, state: str | None = None) -> Json | None:
    found: list[Json] = await player.office.all("/cdrs", connection=connection, side=side)
    return next((view for view in found if state is None or view["state"] == state), None)
