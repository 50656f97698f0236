"""What the story is played on: two deployments with a database and a Temporal namespace each, and the road between.

Everything that belongs to one run lies in one folder of its own, on ports of its own: two runs never meet.
"""

import shutil
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

from temporalio.client import Client

from canonical.partner import Side
from canonical.vault import Vault
from deploy import codec
from deploy.commands.up import codec_server_on
from deploy.demo.cast import CPO_NAME, CPO_PARTY, EMSP_NAME, EMSP_PARTY, METER, ZONE
from deploy.demo.courier import Courier
from deploy.demo.meter import Meter
from deploy.embedded.ports import LOOPBACK, free_port
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.temporal import EmbeddedTemporal
from deploy.local import LocalDeployment
from deploy.temporal_client import connect_to
from workflows.search_attributes import REGISTERED

CPO, EMSP = "cpo", "emsp"
_SMALL_PAGE = "2"
"""Objects on a page: small, so that five locations take three pages."""


class Company:
    """One deployment: its database, its processes, and the account of its people with its contract API."""

    def __init__(self, deployment: LocalDeployment, postgres: EmbeddedPostgres) -> None:
        self.deployment = deployment
        self.postgres = postgres
        self.api = deployment.api()
        self.worker = deployment.worker()

    @property
    def namespace(self) -> str:
        return self.deployment.temporal_namespace


class Stage:
    """Built by `set_up`, taken away by `clear`. Must be used from the thread that made it: servers end with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.meter = Meter()
        self._stack = ExitStack()
        self.temporal: EmbeddedTemporal
        self.cpo: Company
        self.emsp: Company
        self.courier: Courier

    def set_up(self) -> None:
        """Databases, Temporal, and the four processes; returns when all of them answer."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        codec_port = free_port()
        self.temporal = EmbeddedTemporal(
            self.folder / "temporal",
            [CPO, EMSP],
            ui_port=free_port(),
            search_attributes=REGISTERED,
            codec_url=f"http://{LOOPBACK}:{codec_port}",
        )
        self._stack.callback(self.temporal.stop)  # before it is started: Ctrl-C may come in between
        self.temporal.start()
        emsp_port, road_port = free_port(), free_port()
        self.courier = Courier(road_port, f"http://{LOOPBACK}:{emsp_port}")
        self.courier.start()
        self._stack.callback(self.courier.stop)
        self.cpo = self._company(CPO, CPO_PARTY, CPO_NAME, Side.CPO, free_port(), None)
        self.emsp = self._company(EMSP, EMSP_PARTY, EMSP_NAME, Side.EMSP, emsp_port, self.courier.url)
        processes = [p for company in (self.cpo, self.emsp) for p in (company.api, company.worker)]
        for process in processes:
            self._stack.callback(process.stop)
            process.start()
        ui = self.temporal.ui_url
        if ui is not None:
            codecs = {c.namespace: codec.codec(_vault(c)) for c in (self.cpo, self.emsp)}
            self._stack.enter_context(codec_server_on(codec_port, codecs, ui))
        for process in processes:
            process.wait_ready()

    def clear(self) -> None:
        """End everything and remove the data; `out` with the papers, and the logs, stay."""
        self._stack.close()
        for data in ("temporal", CPO, EMSP):
            shutil.rmtree(self.folder / data / "postgres", ignore_errors=True)
        shutil.rmtree(self.folder / "temporal", ignore_errors=True)

    async def temporal_client(self, company: Company) -> Client:
        return await connect_to(self.temporal.address, company.namespace, _vault(company))

    def workflow_link(self, company: Company, workflow_id: str) -> str:
        """Address of a workflow in the Temporal UI."""
        ui = self.temporal.ui_url
        return f"{ui}/namespaces/{company.namespace}/workflows/{quote(workflow_id, safe='')}"

    def _company(
        self, name: str, party: str, business_name: str, side: Side, port: int, public_url: str | None
    ) -> Company:
        folder = self.folder / name
        postgres = EmbeddedPostgres(folder / "postgres")
        self._stack.callback(postgres.stop)
        postgres.start()
        postgres.create_database(name)
        deployment = LocalDeployment(
            folder=folder,
            party=party,
            business_name=business_name,
            sides=[side],
            port=port,
            database_url=postgres.url(name),
            temporal_address=self.temporal.address,
            temporal_namespace=name,
            public_url=public_url,
            settings={
                "ROAM_ALLOW_HTTP_PARTNERS": "true",
                "ROAM_ALLOW_PRIVATE_PARTNERS": "true",
                "ROAM_PAGE_LIMIT": _SMALL_PAGE,
                "ROAM_SETTLEMENT_TIME_ZONE": ZONE.key,
                "ROAM_METER_KEYS": f"{METER}={self.meter.public_key}",
            },
        )
        deployment.prepare()
        return Company(deployment, postgres)


def _vault(company: Company) -> Vault:
    return company.deployment.vault
