"""The operator's backend as it carries out orders of the provider: it looks for new ones, and says how they went."""

import asyncio
import contextlib
from typing import Final

from deploy.chaos.desk import Desk, Json, RefusedError, SilentError
from deploy.chaos.evidence import Journal, ToldCommand

_LOOK_EVERY_S: Final = 0.4


class Orders:
    def __init__(self, cpo: Desk, journal: Journal) -> None:
        self._cpo = cpo
        self._journal = journal
        self._awaited: dict[str, asyncio.Future[Json]] = {}
        """By what names an order on both sides: its kind, and the session that it is about."""
        self._seen: set[str] = set()

    def expect(self, command: ToldCommand) -> None:
        """Say that an order will be given. What nobody expects, or no more, is refused by the backend."""
        self._awaited[_name(command.kind, command.session_id)] = asyncio.get_running_loop().create_future()

    async def arrival(self, command: ToldCommand, patience_s: float) -> Json | None:
        """The order as the operator has it, when it comes in time."""
        name = _name(command.kind, command.session_id)
        try:
            return await asyncio.wait_for(self._awaited[name], patience_s)
        except TimeoutError:
            return None
        finally:
            del self._awaited[name]

    async def conclude(self, order: Json, outcome: str) -> None:
        """Say how an order went."""
        body = {"outcome": outcome}
        with contextlib.suppress(RefusedError, SilentError):  # it was concluded as TIMEOUT meanwhile, for one
            await self._cpo.post(f"/commands/{order['id']}/result", body, f"result {order['id']}")
            told = next((each for each in self._journal.commands if each.key == order["told"]), None)
            if told is not None:
                told.outcome = outcome
                self._journal.note(told)

    async def watch(self) -> None:
        """Look for orders that wait for the backend. Runs until it is cancelled."""
        query = {"connection": self._cpo.connection, "given_by": "partner", "state": "ACCEPTED"}
        while True:
            with contextlib.suppress(SilentError):
                for order in await self._cpo.all("/commands", **query):
                    if order["id"] not in self._seen:
                        self._seen.add(order["id"])
                        await self._take(order)
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _take(self, order: Json) -> None:
        about = order["command"]
        session_id = about.get("session_id") or (about.get("authorization_reference") or "").removeprefix("A-")
        key = _name(about["kind"], session_id)
        order["told"] = key
        awaited = self._awaited.get(key)
        if awaited is None or awaited.done():
            await self.conclude(order, "FAILED")  # its driver has gone by now
        else:
            awaited.set_result(order)


def _name(kind: str, session_id: str) -> str:
    return f"{kind} {session_id}"
