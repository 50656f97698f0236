"""The two finance departments settle a month: claim, comparison, report, approval, invoice."""

from collections.abc import Awaitable, Callable
from typing import Final

from deploy.chaos.desk import Desk, Json, RefusedError, SilentError, until
from deploy.chaos.evidence import Journal, Told, ToldSettlement

_CHECKED_WITHIN_S: Final = 300.0
_STEP_WITHIN_S: Final = 120.0
_CHECKED: Final = ("ACCEPTED", "QUARANTINED")


class Settling:
    """One month, over both contract APIs. Every step may be repeated, and is."""

    def __init__(self, cpo: Desk, emsp: Desk, journal: Journal, month: str) -> None:
        self._cpo = cpo
        self._emsp = emsp
        self._journal = journal
        self._month = month
        self._place = f"/settlements/{cpo.connection}/{month}"
        self.told = ToldSettlement(month)

    async def settle(self) -> None:
        """To the booked invoice. Why it did not get there is in the journal."""
        self._journal.settlements.append(self.told)
        try:
            await self._play()
        except (RefusedError, SilentError) as error:
            self.told.note = str(error)
        self._journal.note(self.told)

    async def _play(self) -> None:
        await self._come("the provider's verdict on every CDR", self._all_checked, _CHECKED_WITHIN_S)
        order: Json = {"connection": self._cpo.connection, "month": self._month}
        await self._cpo.post("/settlements", order, f"settle {self._month}")
        view = await self._state("AWAITING_PARTNER")
        statement = view["statement"]
        self.told.statement_id = statement["id"]
        claim: Json = {"connection": self._emsp.connection, "statement": statement}
        await self._emsp.post("/statements", claim, f"statement {self._month}")
        report = await self._come("the provider's report", self._report, _STEP_WITHIN_S)
        await self._cpo.post(f"{self._place}/report", report, f"report {self._month}")
        await self._state("AWAITING_APPROVAL")
        await self._approve()
        view = await self._state("INVOICED")
        self.told.invoices = tuple(invoice["number"] for invoice in view["invoices"])
        for invoice in view["invoices"]:
            received: Json = {"connection": self._emsp.connection, "invoice": invoice}
            await self._emsp.post("/invoices/received", received, f"invoice {invoice['number']}")

    async def _approve(self) -> None:
        """A repeat after a lost answer may find it approved."""
        try:
            await self._cpo.post(f"{self._place}/approval", {"by": "Finance"}, f"approval {self._month}")
        except RefusedError as refused:
            if (await self._cpo.get(self._place))["state"] == "AWAITING_APPROVAL":
                raise
            self._journal.refused.append(f"approval of {self._month}, repeated: {refused}")

    async def _all_checked(self) -> bool:
        billed = {each.id for each in self._journal.billed if f"{each.end:%Y-%m}" == self._month}
        awaited = [s for s in self._journal.sessions.values() if s.told not in (Told.STOPPED, Told.ABANDONED)]
        if any(f"{each.end:%Y-%m}" == self._month for each in awaited):
            return False
        views = await self._emsp.all("/cdrs", connection=self._emsp.connection)
        return billed <= {view["cdr"]["session_id"] for view in views if view["state"] in _CHECKED}

    async def _state(self, state: str) -> Json:
        async def look() -> Json | None:
            view: Json | None = await self._cpo.find(self._place)
            if view is not None:
                self.told.state = view["state"]
            return view if view is not None and view["state"] == state else None

        return await self._come(f"settlement of {self._month} as {state}", look, _STEP_WITHIN_S)

    async def _report(self) -> Json | None:
        found: Json | None = await self._emsp.find(f"/statements/{self.told.statement_id}/report")
        return found

    @staticmethod
    async def _come(what: str, look: Callable[[], Awaitable[Json | bool | None]], patience_s: float) -> Json:
        """Raises SilentError."""
        found = await until(look, patience_s)
        if not found:
            raise SilentError(f"{what} did not come in {patience_s:.0f} s")
        return found if isinstance(found, dict) else {}
