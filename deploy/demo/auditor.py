"""What somebody gets who trusts neither company, nor us: files, and commands that judge them.

Both databases are held against their signed logs. One CDR is looked at closely: its bytes as they came over the wire,
its signed meter data, and an export of all that it rests on, in which one byte is changed.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from canonical.identity import PartyId
from canonical.store.log import PublicKey, SigningKey
from deploy.commands import PROJECT
from deploy.composition import log_name
from deploy.demo.cast import ZONE, Json
from deploy.demo.office import StoryFailed
from deploy.demo.stage import Company, Stage
from deploy.demo.terminal import NOBODY, Terminal, people_of
from workflows.financial_log import FinancialLog

_ENERGY = re.compile(rb'"total_energy_kwh":"?(\d)')


@dataclass(frozen=True)
class Audit:
    """What the commands said, as they say it to machines."""

    operator: Json
    provider: Json
    export: Json
    changed: Json
    cdr: Json
    meter: Json


@dataclass(frozen=True)
class Papers:
    """The files about one CDR: as it came over the wire, its tariff, the meter's key and data, and what proves it."""

    folder: Path

    @property
    def cdr(self) -> Path:
        return self.folder / "cdr.json"

    @property
    def tariff(self) -> Path:
        return self.folder / "tariff.json"

    @property
    def meter_key(self) -> Path:
        return self.folder / "meter-key.txt"

    @property
    def transparency(self) -> Path:
        return self.folder / "transparency.xml"

    @property
    def bundle(self) -> Path:
        return self.folder / "evidence.json"

    @property
    def changed(self) -> Path:
        return self.folder / "evidence-changed.json"

    def write(self, cdr: bytes, transparency: bytes, meter_key: str) -> None:
        self.cdr.write_bytes(cdr)
        self.tariff.write_text(json.dumps(json.loads(cdr)["tariffs"][0], indent=2), encoding="utf-8")
        self.meter_key.write_text(meter_key, encoding="ascii")
        self.transparency.write_bytes(transparency)

    def suggestions(self) -> list[str]:
        """Commands to try on them in the folder of the project. The last one ends with 1."""
        here = Papers(self.folder.relative_to(PROJECT))
        return [
            f"./roam price --cdr {here.cdr} --timezone {ZONE.key}",
            f"./roam check-cdr --cdr {here.cdr} --timezone {ZONE.key}",
            f"./roam verify-meter {here.transparency} --public-key {here.meter_key}",
            f"./roam lint-tariff {here.tariff} --power 150",
            f"./roam evidence verify {here.bundle}",
            f"./roam evidence verify {here.changed}",
        ]


async def bring_logs_up_to_date(stage: Stage) -> int:
    """What the workers do every minute. How many records came into the two logs."""
    added = 0
    for company in (stage.cpo, stage.emsp):
        client = await stage.temporal_client(company)
        logged = await client.execute_workflow(FinancialLog.run, id="financial-log-demo", task_queue="roam")
        added += logged.records
    return added


async def audit(stage: Stage, terminal: Terminal, cdr_id: str, papers: Papers) -> Audit:
    """One command after the other. Raises StoryFailed where one cannot judge."""
    operator, judge = people_of(stage.cpo), terminal.verdict
    await terminal.roam(operator, "evidence", "export", "--cdr", cdr_id, "--out", str(papers.bundle))
    papers.changed.write_bytes(_with_another_digit(papers.bundle.read_bytes()))
    key = str(_public_key(stage.cpo))
    return Audit(
        operator=await judge(operator, "evidence", "verify"),
        provider=await judge(people_of(stage.emsp), "evidence", "verify"),
        export=await judge(NOBODY, "evidence", "verify", str(papers.bundle), "--public-key", key),
        changed=await judge(NOBODY, "evidence", "verify", str(papers.changed), "--public-key", key),
        cdr=await judge(NOBODY, "check-cdr", "--cdr", str(papers.cdr), "--timezone", ZONE.key),
        meter=await judge(NOBODY, "verify-meter", str(papers.transparency), "--public-key", str(papers.meter_key)),
    )


def _with_another_digit(bundle: bytes) -> bytes:
    """One byte is another one: a digit of the energy."""
    found = _ENERGY.search(bundle)
    if found is None:
        raise StoryFailed("the export does not say how much energy was charged")
    place = found.start(1)
    return bundle[:place] + (b"2" if found[1] == b"1" else b"1") + bundle[place + 1 :]


def _public_key(company: Company) -> PublicKey:
    """By which the company signs, as it told its auditor (`roam evidence key`)."""
    deployment = company.deployment
    secret = (deployment.folder / "secrets" / "roam_evidence_key").read_text(encoding="utf-8")
    return SigningKey(SecretStr(secret), log_name(PartyId.parse(deployment.party))).public
