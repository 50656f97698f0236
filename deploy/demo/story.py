"""The story, chapter by chapter: two companies meet, drivers charge, everything is killed, the books are settled."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client
from temporalio.service import RPCError

from deploy.demo import auditor, cast
from deploy.demo.cast import Drive, Json, Today
from deploy.demo.display import Display
from deploy.demo.office import Office, Refused, StoryFailed, until
from deploy.demo.stage import Stage
from deploy.demo.terminal import Terminal, people_of
from deploy.processes import ChildProcess
from settlement.statement import month_of
from workflows import ids
from workflows.search_attributes import STATE

TO_EMSP, TO_CPO = "fernweg", "noorderlicht"
"""Id of the connection at the operator, and at the provider."""


class Server(Protocol):
    """An embedded server, as far as killing it goes."""

    def kill(self) -> None: ...

    def start(self) -> None: ...


@dataclass(frozen=True)
class Killed:
    """One process that got a SIGKILL, when, and how long until it worked again."""

    what: str
    during: str
    recovered_s: float


@dataclass
class Told:
    """What the story has to show for itself; the books judge it."""

    killed: list[Killed] = field(default_factory=list)
    recovery_s: dict[str, float] = field(default_factory=dict)
    """By place: from the first SIGKILL until the other side held what it had to."""
    stuck: str = ""
    refused: str = ""
    reference: str = ""
    held_up_posts: int = 0
    pages: int = 0
    invoice: Json = field(default_factory=dict)
    report: Json = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    agreement: str = ""
    """Its ref, by which each CDR names it."""
    today: Today = field(init=False)
    present: list[Json] = field(default_factory=list)
    """What was claimed over the sessions of today: items of a statement, each with the partner's outcome."""
    papers: auditor.Papers = field(init=False)
    audit: auditor.Audit = field(init=False)


class Story:
    def __init__(self, stage: Stage, display: Display) -> None:
        self._stage = stage
        self._show = display
        self.cpo = Office(stage.cpo)
        self.emsp = Office(stage.emsp)
        self.told = Told()
        self._terminal = Terminal()

    async def tell(self) -> Told:
        """All chapters in order. Raises StoryFailed."""
        await self.prepare()
        await self.meet()
        await self.agree()
        await self.share()
        await self.charge()
        await self.survive()
        await self.renew()
        await self.settle()
        await self.take_back()
        await self.be_audited()
        return self.told

    async def close(self) -> None:
        self._terminal.close()
        await self.cpo.close()
        await self.emsp.close()

    # --- 1. data, and the handshake -------------------------------------------------------------------

    async def prepare(self) -> None:
        self._show.chapter("The operator's and the provider's own systems hand in what they have")
        with self._show.step("2 tariffs, 5 locations, 3 cards"):
            for tariff_id, tariff in cast.TARIFFS.items():
                await self.cpo.put(f"/tariffs/{tariff_id}", tariff)
            for location_id, location in cast.LOCATIONS.items():
                await self.cpo.put(f"/locations/{location_id}", location)
            for uid, token in cast.CARDS.items():
                await self.emsp.put(f"/tokens/{uid}", token, type="RFID")

    async def meet(self) -> None:
        self._show.chapter("Handshake: the operator registers at the provider, by a durable workflow on both sides")
        with self._show.step(f"{cast.EMSP_NAME} invites; token and address go over by hand"):
            invited = await self.emsp.post(
                "/connections", {"id": TO_CPO, "name": cast.CPO_NAME, "sides": ["EMSP"], "mode": "invite"}
            )
        with self._show.step("versions, details, credentials, call back, tokens exchanged") as notes:
            await self.cpo.post(
                "/connections",
                {
                    "id": TO_EMSP,
                    "name": cast.EMSP_NAME,
                    "sides": ["CPO"],
                    "mode": "register",
                    "versions_url": invited["versions_url"],
                    "token": invited["registration_token"],
                },
            )
            connection = await until("connected at the operator", lambda: _connected(self.cpo, TO_EMSP))
            await until("connected at the provider", lambda: _connected(self.emsp, TO_CPO))
            notes.append(f"adapter {connection['adapter']} chosen and stored")

    async def agree(self) -> None:
        """The same terms on both sides. They hold for sessions that begin from now on."""
        with self._show.step(
            "they agree on money: a tolerance of 0.02, energy only if signed, 10 % off for a fleet"
        ) as notes:
            order = {"terms": cast.AGREEMENT, "agreed_by": "Finance"}
            ours = await self.cpo.put(f"/partners/{TO_EMSP}/agreement", order)
            theirs = await self.emsp.put(f"/partners/{TO_CPO}/agreement", order)
            self.told.agreement = str(ours["ref"])
            since = max(datetime.fromisoformat(each["valid_from"]) for each in (ours, theirs))
            self.told.today = Today.beginning(since.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1))
            notes.append(self.told.agreement)

    # --- 2. data crosses --------------------------------------------------------------------------------

    async def share(self) -> None:
        self._show.chapter("Data crosses")
        with self._show.step("the provider pulls page by page, the operator pulls the cards") as notes:
            await until("5 locations at the provider", lambda: _holds(self.emsp, "/locations", TO_CPO, 5))
            await until("2 tariffs at the provider", lambda: _holds(self.emsp, "/tariffs", TO_CPO, 2))
            await until("3 tokens at the operator", lambda: _holds(self.cpo, "/tokens", TO_EMSP, 3))
            client = await self._stage.temporal_client(self._stage.emsp)
            self.told.pages = await _activities_of(client, ids.resync(TO_CPO, "locations"))
            notes.append(f"5 locations in {self.told.pages} pages")
        with self._show.step("a charger breaks down: its status is pushed as it changes"):
            await self.cpo.patch(
                "/locations/L5/evses/E51", {"status": "OUTOFORDER", "last_updated": "2026-03-26T06:00:00Z"}
            )
            await until("the new status at the provider", self._sees_broken_charger)

    async def _sees_broken_charger(self) -> bool:
        found = await self.emsp.get("/locations", connection=TO_CPO)
        evses = [evse for location in found["items"] if location["id"] == "L5" for evse in location["evses"]]
        return any(evse["uid"] == "E51" and evse["status"] == "OUTOFORDER" for evse in evses)

    # --- 3. charging --------------------------------------------------------------------------------------

    async def charge(self) -> None:
        self._show.chapter("Drivers charge: six days in March, in a few seconds")
        self._stage.courier.tamper_with(cast.TAMPERED.id)
        with self._show.step(f"{len(cast.ORDINARY)} ordinary sessions, one of them over midnight into summer time"):
            await asyncio.gather(*(self._drive(drive) for drive in cast.ORDINARY))
        with self._show.step(cast.EXPIRING.title):
            await self._let_expire(cast.EXPIRING)
        with self._show.step(cast.BLOCKED.title) as notes:
            notes.append(await self._be_refused(cast.BLOCKED))
        with self._show.step(cast.UNKNOWN.title) as notes:
            await self._ask_first(cast.UNKNOWN)
            notes.append(f"asked in real time: ALLOWED, reference {self.told.reference[:8]}…")
        with self._show.step(cast.TAMPERED.title):
            await self._drive(cast.TAMPERED)
        today = self.told.today
        with self._show.step(f"{today.discounted.title}; {today.mistaken.title}"):
            await asyncio.gather(*(self._drive(drive) for drive in today.drives))
        billed = [*cast.ORDINARY, cast.UNKNOWN, cast.TAMPERED, *today.drives]
        with self._show.step(f"{len(billed)} CDRs generated, delivered, and read back") as notes:
            for drive in billed:
                await until(f"receipt for the CDR of {drive.id}", partial(self._receipt, drive))
            notes.append("one of them is not what was sent: a case is open")

    async def _drive(self, drive: Drive, *, reference: str | None = None) -> None:
        await self.cpo.start(drive, reference=reference)
        for moment in drive.moments[1:-1]:
            await self.cpo.read(drive, moment)
        await self.cpo.stop(drive, self._stage.meter.signed(drive))

    async def _let_expire(self, drive: Drive) -> None:
        await self.cpo.start(drive, status="RESERVATION")
        await until("the reservation at the provider", lambda: self._seen(drive, "RESERVATION"))
        await self.cpo.change(drive, drive.end, "COMPLETED")
        await until("the end of the reservation at the provider", lambda: self._seen(drive, "COMPLETED"))

    async def _be_refused(self, drive: Drive) -> str:
        try:
            await self.cpo.start(drive)
        except Refused as refusal:
            self.told.refused = str(refusal.problem.get("type", ""))
            return f"refused: {self.told.refused}"
        raise StoryFailed("a blocked card was allowed to charge")

    async def _ask_first(self, drive: Drive) -> None:
        await self.emsp.put(f"/tokens/{drive.token}", cast.APP_TOKEN, type=drive.token_type)
        answer = await self.cpo.post(
            "/authorizations",
            {
                "token": {"uid": drive.token, "type": drive.token_type},
                "location_id": drive.location,
                "evse_uid": drive.evse,
            },
        )
        if answer["allowed"] != "ALLOWED" or not answer["asked_issuer"]:
            raise StoryFailed(f"the issuer was to be asked, and to allow; the answer was {answer['allowed']}")
        self.told.reference = str(answer["authorization_reference"])
        await self._drive(drive, reference=self.told.reference)

    async def _receipt(self, drive: Drive) -> bool:
        found = await self.cpo.cdr_of(TO_EMSP, drive)
        if found is None:
            return False
        cdr = found["cdr"]
        dossier = await self.cpo.get(f"/cdrs/{cdr['id']}")
        return any(receipt["outcome"] in ("PROVED", "DIFFERENT") for receipt in dossier["receipts"])

    async def _seen(self, drive: Drive, status: str, kwh: object = None) -> bool:
        found = await self.emsp.get("/sessions", connection=TO_CPO)
        return any(
            session["id"] == drive.id
            and session["status"] == status
            and (kwh is None or float(session["energy_kwh"]) == float(str(kwh)))
            for session in found["items"]
        )

    # --- 4. crash -----------------------------------------------------------------------------------------

    async def survive(self) -> None:
        self._show.chapter("Crash: the operator's worker, then its PostgreSQL, then Temporal, each with SIGKILL")
        drive = cast.INTERRUPTED
        with self._show.step(f"{drive.title}") as notes:
            await self.cpo.start(drive)
            await until("the session at the provider", lambda: self._seen(drive, "ACTIVE"))
            began = time.monotonic()
            await self._kill_all("session", meanwhile=[(drive, m) for m in drive.moments[1:-1]])
            last = drive.moments[-2]
            await until("the last reading at the provider", lambda: self._seen(drive, "ACTIVE", last.energy_kwh))
            self.told.recovery_s["session"] = time.monotonic() - began
            await self.cpo.stop(drive, self._stage.meter.signed(drive))
            notes.append(f"the provider is up to date {self.told.recovery_s['session']:.1f} s after the first kill")
        self._show_killed("session")
        await self._survive_delivery(cast.HELD_UP)

    async def _survive_delivery(self, drive: Drive) -> None:
        courier = self._stage.courier
        with self._show.step(f"{drive.title}") as notes:
            courier.hold(drive.id)
            await self._drive(drive)
            await until("the CDR under way", _happened(courier.delivered.is_set))
            began = time.monotonic()
            await self._kill_all("delivery", meanwhile=[])
            courier.release()
            await until(f"receipt for the CDR of {drive.id}", lambda: self._receipt(drive))
            self.told.recovery_s["delivery"] = time.monotonic() - began
            self.told.held_up_posts = courier.deliveries
            notes.append(
                f"posted {courier.deliveries} times, held once; "
                f"receipt proved after {self.told.recovery_s['delivery']:.1f} s"
            )
        self._show_killed("delivery")

    async def _kill_all(self, during: str, *, meanwhile: list[tuple[Drive, cast.Moment]]) -> None:
        """Worker, PostgreSQL, Temporal; the charging backend goes on talking to us all the time."""
        stage = self._stage
        talking = asyncio.create_task(self._talk(meanwhile))
        await self._kill_process("worker", stage.cpo.worker, during)
        await self._kill_server("PostgreSQL", stage.cpo.postgres, during)
        await self._kill_server("Temporal", stage.temporal, during)
        await talking

    async def _talk(self, meanwhile: list[tuple[Drive, cast.Moment]]) -> None:
        for drive, moment in meanwhile:
            await self.cpo.read(drive, moment)
            await asyncio.sleep(0.4)

    async def _kill_process(self, what: str, process: ChildProcess, during: str) -> None:
        began = time.monotonic()
        process.kill()
        process.start()
        await asyncio.to_thread(process.wait_ready)
        self.told.killed.append(Killed(what, during, time.monotonic() - began))

    async def _kill_server(self, what: str, server: Server, during: str) -> None:
        began = time.monotonic()
        server.kill()
        await asyncio.sleep(0.3)  # long enough for somebody to notice that it is gone
        server.start()
        await until(f"{what} back at work", self._works)
        self.told.killed.append(Killed(what, during, time.monotonic() - began))

    async def _works(self) -> bool:
        """The api reads from its database, and Temporal answers."""
        await self.cpo.get("/connections")
        try:
            client = await self._stage.temporal_client(self._stage.cpo)
            await client.get_workflow_handle(ids.partner_feed(TO_EMSP)).describe()
        except (RPCError, RuntimeError):
            return False
        return True

    def _show_killed(self, during: str) -> None:
        for killed in self.told.killed:
            if killed.during == during:
                self._show.say(f"[yellow]SIGKILL[/] {killed.what}: working again after {killed.recovered_s:.1f} s")

    # --- 5. second handshake --------------------------------------------------------------------------------

    async def renew(self) -> None:
        self._show.chapter("A second handshake renews the tokens; this time the provider is down at first")
        api = self._stage.emsp.api
        client = await self._stage.temporal_client(self._stage.cpo)
        with self._show.step("the provider's api is stopped; the handshake is stuck and says so"):
            api.stop()
            await self.cpo.post(f"/connections/{TO_EMSP}/renew")
            self.told.stuck = await until("a stuck handshake", lambda: _stuck(client, ids.handshake(TO_EMSP)))
        for line in self.told.stuck.splitlines():
            self._show.say(f"[dim]{line}[/]")
        with self._show.step("the provider comes back; the handshake recovers by itself"):
            api.start()
            await asyncio.to_thread(api.wait_ready)
            await until("new tokens in use", lambda: _state_is(client, ids.handshake(TO_EMSP), "CONNECTED"))

    # --- 6. settlement -----------------------------------------------------------------------------------------

    async def settle(self) -> None:
        month = cast.MONTH
        self._show.chapter(f"Settlement of {month}")
        billed = [d for d in cast.DRIVES if d.outcome is cast.Outcome.BILLED]
        with self._show.step("all CDRs are checked by the provider"):
            for drive in billed:
                await until(f"the provider's verdict on {drive.id}", partial(self._checked, drive))
        with self._show.step("the operator's finance starts the cycle: roam settle") as notes:
            await self._terminal.roam(people_of(self._stage.cpo), "settle", TO_EMSP, month)
            view = await until("the statement", lambda: self._cycle("AWAITING_PARTNER"))
            notes.append(f"statement over {len(view['statement']['items'])} CDRs")
        with self._show.step("the provider compares it with what it holds, by component: roam reconcile") as notes:
            statement = self._out() / f"{view['statement']['id']}.json"
            statement.write_text(json.dumps(view["statement"]), encoding="utf-8")
            await self._terminal.roam(people_of(self._stage.emsp), "reconcile", TO_CPO, str(statement))
            report = await self.emsp.get(f"/statements/{view['statement']['id']}/report")
            self.told.report = report
            disputed = [item for item in report["items"] if item["outcome"] != "AGREED"]
            notes.append(f"{len(report['items']) - len(disputed)} agreed, {len(disputed)} disputed")
        for item in disputed:
            for finding in item["findings"]:
                if finding["blocks"]:
                    self._show.say(
                        f"[yellow]{item['cdr']['id']}[/] {finding['code']}: "
                        f"expected {finding['expected']}, stated {finding['stated']}"
                    )
        with self._show.step("the operator hears the report, and finance approves: roam approve"):
            await self.cpo.post(f"/settlements/{TO_EMSP}/{month}/report", report)
            await until("time for approval", lambda: self._cycle("AWAITING_APPROVAL"))
            await self._terminal.roam(people_of(self._stage.cpo), "approve", TO_EMSP, month, "--by", "Finance")
            view = await until("the invoice", lambda: self._cycle("INVOICED"))
        self.told.invoice = view["invoices"][0]
        with self._show.step("invoice as PDF, JSON and CSV annex; the provider checks and books it") as notes:
            await self._write_papers(str(self.told.invoice["number"]))
            await self.emsp.post("/invoices/received", {"connection": TO_CPO, "invoice": self.told.invoice})
            await until("the booking", self._booked)
            notes.append(f"{self.told.invoice['number']}: {self.told.invoice['gross']} {self.told.invoice['currency']}")

    async def _checked(self, drive: Drive, *, credit: bool = False) -> bool:
        found = await self.emsp.cdr_of(TO_CPO, drive, credit=credit)
        return found is not None and found["state"] in ("ACCEPTED", "QUARANTINED")

    async def _cycle(self, state: str, month: str = cast.MONTH) -> Json | None:
        view: Json | None = await _found(self.cpo, f"/settlements/{TO_EMSP}/{month}")
        return view if view is not None and view["state"] == state else None

    async def _write_papers(self, number: str) -> None:
        out = self._out()
        for file in await self.cpo.all(f"/invoices/{number}/files"):
            path = out / file["name"]
            path.write_bytes(await self.cpo.file(f"/invoices/{number}/files/{file['name']}"))
            self.told.files.append(str(path))

    def _out(self) -> Path:
        """Where the papers lie that the two finance departments hand each other."""
        out = self._stage.folder / "out"
        out.mkdir(exist_ok=True)
        return out

    async def _booked(self) -> bool:
        return bool(await self.emsp.all("/ledger/entries"))

    # --- 7. a credit ---------------------------------------------------------------------------------------------

    async def take_back(self) -> None:
        self._show.chapter("A CDR is taken back, by a credit CDR in the month in which it is made")
        wrong = self.told.today.mistaken
        with self._show.step(wrong.title) as notes:
            view = await until(f"the CDR of {wrong.id}", lambda: self.cpo.cdr_of(TO_EMSP, wrong))
            reason = {"reason": "another driver had charged"}
            credit = await self.cpo.post(f"/cdrs/{view['cdr']['id']}/credit", reason)
            await until("the provider's verdict on the credit", lambda: self._checked(wrong, credit=True))
            notes.append(f"{credit['cdr']['id']}: {credit['cdr']['total_cost']['before_tax']} EUR before tax")
        with self._show.step("the month so far is claimed, and compared") as notes:
            # Twice a month the credit is made on one side of midnight, and its session ends on the other.
            moments = (self.told.today.mistaken.end.at, datetime.now(UTC))
            for month in sorted({month_of(moment, ZoneInfo(cast.ZONE.key)) for moment in moments}):
                await self._claim(month)
            notes.append(f"{len(self.told.present)} items, one of them negative")

    async def _claim(self, month: str) -> None:
        """Statement and report of a month, over the APIs this time."""
        await self.cpo.post("/settlements", {"connection": TO_EMSP, "month": month})
        view = await until(f"the statement of {month}", lambda: self._cycle("AWAITING_PARTNER", month))
        statement = view["statement"]
        await self.emsp.post("/statements", {"connection": TO_CPO, "statement": statement})
        report = await until("the report", lambda: _found(self.emsp, f"/statements/{statement['id']}/report"))
        outcomes = {item["cdr"]["id"]: item["outcome"] for item in report["items"]}
        self.told.present += [item | {"outcome": outcomes[item["cdr"]["id"]]} for item in statement["items"]]

    # --- 8. an auditor -------------------------------------------------------------------------------------------

    async def be_audited(self) -> None:
        self._show.chapter("An auditor looks, with files and commands only")
        drive = cast.PARKED_AFTER
        with self._show.step("the signed logs of both companies are brought up to date") as notes:
            notes.append(f"{await auditor.bring_logs_up_to_date(self._stage)} records")
        view = await until(f"the CDR of {drive.id}", lambda: self.emsp.cdr_of(TO_CPO, drive))
        cdr_id = view["cdr"]["id"]
        self.told.papers = papers = auditor.Papers(self._out())
        with self._show.step("roam evidence verify, evidence export, check-cdr, verify-meter") as notes:
            papers.write(
                await self.emsp.file(f"/cdrs/{cdr_id}/evidence"),
                await self.emsp.file(f"/cdrs/{cdr_id}/transparency.xml"),
                self._stage.meter.public_key,
            )
            self.told.audit = audit = await auditor.audit(self._stage, self._terminal, cdr_id, papers)
            notes.append(f"{audit.operator['leaves'] + audit.provider['leaves']} records held against two signed logs")
        for flaw in self.told.audit.changed["flaws"]:
            self._show.say(f"[yellow]one byte of the export is changed[/]: {flaw['record']} {flaw['path']}")


async def _connected(office: Office, connection: str) -> Json | None:
    found: Json = await office.get(f"/connections/{connection}")
    return found if found["state"] == "CONNECTED" else None


async def _holds(office: Office, path: str, connection: str, count: int) -> bool:
    return len(await office.all(path, connection=connection)) == count


async def _found(office: Office, path: str) -> Json | None:
    try:
        found: Json = await office.get(path)
    except Refused as refusal:
        if refusal.status != HTTPStatus.NOT_FOUND:
            raise
        return None
    return found


def _happened(check: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        return check()

    return ask


async def _state_is(client: Client, workflow_id: str, state: str) -> bool:
    description = await client.get_workflow_handle(workflow_id).describe()
    return description.typed_search_attributes.get(STATE) == state


async def _stuck(client: Client, workflow_id: str) -> str | None:
    """What the Temporal UI shows of a stuck workflow: state, reason, next action."""
    handle = client.get_workflow_handle(workflow_id)
    description = await handle.describe()
    state = description.typed_search_attributes.get(STATE)
    if state is None or not state.startswith("STUCK"):
        return None
    metadata = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    return str(metadata.current_details).strip()


async def _activities_of(client: Client, workflow_id: str) -> int:
    history = await client.get_workflow_handle(workflow_id).fetch_history()
    return sum(event.HasField("activity_task_completed_event_attributes") for event in history.events)
