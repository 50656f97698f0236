"""One deployment on this machine: an api and a worker process, with everything of theirs in one folder."""

import asyncio
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from canonical.partner import Side
from canonical.vault import Vault
from deploy.embedded.ports import LOOPBACK
from deploy.processes import ChildProcess, answers, roam_command, says
from deploy.settings import SECRETS_DIR, write_secrets

_NOT_INHERITED = (
    # Our processes get these from files: in the environment they would win over them.
    *("ROAM_DATABASE_URL", "ROAM_SECRET_KEY", "ROAM_FORMER_SECRET_KEYS"),
    *("ROAM_EVIDENCE_KEY", "ROAM_CONTRACT_API_KEYS"),
    # Without bytecode a process that was killed takes twice as long to be back.
    "PYTHONDONTWRITEBYTECODE",
)


@dataclass(frozen=True)
class LocalDeployment:
    """Who speaks, with which database and Temporal namespace. The database's address is not in its repr."""

    folder: Path
    party: str
    business_name: str
    sides: Iterable[Side]
    port: int
    database_url: str = field(repr=False)
    temporal_address: str
    temporal_namespace: str
    public_url: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    """Further settings by their name in the environment (`ROAM_…`); nothing secret."""

    @property
    def url(self) -> str:
        """Where its api listens."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def api_key(self) -> str:
        """The key for its contract API, from its folder."""
        return (self.folder / "secrets" / "roam_contract_api_keys").read_text(encoding="utf-8")

    @property
    def secret_key(self) -> str:
        return (self.folder / "secrets" / "roam_secret_key").read_text(encoding="utf-8")

    @property
    def vault(self) -> Vault:
        """Opens what its processes seal, and what they sealed by the secret keys before."""
        former = self.folder / "secrets" / "roam_former_secret_keys"
        keys = former.read_text(encoding="utf-8").split(",") if former.exists() else []
        return Vault(SecretStr(self.secret_key), *(SecretStr(key.strip()) for key in keys if key.strip()))

    def prepare(self) -> None:
        """Make its secrets, if they are not there, and bring its database up to date."""
        from canonical.store import migrate

        kept = self.folder / "secrets"
        made = {
            name: secrets.token_urlsafe(32)
            for name in ("secret_key", "evidence_key", "contract_api_keys")
            if not (kept / f"roam_{name}").exists()
        }
        write_secrets(kept, made | {"database_url": self.database_url})
        asyncio.run(migrate(self.database_url))

    def environment(self) -> dict[str, str]:
        """What its processes are told; secrets stay in files."""
        return {
            "ROAM_PARTY": self.party,
            "ROAM_BUSINESS_NAME": self.business_name,
            "ROAM_SIDES": ",".join(sorted(self.sides)),
            "ROAM_HOST": LOOPBACK,
            "ROAM_PORT": str(self.port),
            "ROAM_PUBLIC_URL": self.public_url or self.url,
            "TEMPORAL_ADDRESS": self.temporal_address,
            "TEMPORAL_NAMESPACE": self.temporal_namespace,
            SECRETS_DIR: str(self.folder / "secrets"),
            **self.settings,
        }

    def api(self) -> ChildProcess:
        return ChildProcess(
            name=f"{self.party} api",
            command=roam_command("api"),
            log=self.folder / "api.log",
            ready=answers(f"{self.url}/health/ready"),
            env=self.environment(),
            unset=_NOT_INHERITED,
        )

    def worker(self) -> ChildProcess:
        return ChildProcess(
            name=f"{self.party} worker",
            command=roam_command("worker"),
            log=self.folder / "worker.log",
            ready=says("worker ready"),
            env=self.environment(),
            unset=_NOT_INHERITED,
        )
