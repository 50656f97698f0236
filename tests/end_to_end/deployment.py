"""A complete Roamwork for a test: its own database and Temporal namespace, and the real api and worker processes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from canonical.identity import PartyId
from deploy.local import LocalDeployment
from deploy.processes import running


@dataclass(frozen=True)
class Deployment:
    """What a test needs to know of a running deployment."""

    local: LocalDeployment

    @property
    def party(self) -> PartyId:
        return PartyId.parse(self.local.party)

    @property
    def contract_url(self) -> str:
        return f"{self.local.url}/contract/v1"

    @property
    def versions_url(self) -> str:
        """Where partners begin."""
        return f"{self.local.url}/ocpi/versions"

    @property
    def api_key(self) -> str:
        return self.local.api_key


@contextmanager
def deployed(local: LocalDeployment) -> Iterator[Deployment]:
    """Run a prepared deployment while the context lasts."""
    with running(local.api(), local.worker()):
        yield Deployment(local)
