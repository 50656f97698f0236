"""The foreign partner as a process: started on a free port, looked into, and stopped."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from canonical.identity import PartyId
from canonical.partner import Side
from tests.end_to_end.foreign.environment import Environment

READY_WITHIN_S = 20.0
STOPPED_WITHIN_S = 5.0

Document = dict[str, Any]


@dataclass(frozen=True)
class Partner:
    """A running partner, and the pages on which it shows what it holds."""

    url: str
    side: Side
    party: PartyId
    name: str
    token_a: str
    http: httpx.Client

    @property
    def versions_url(self) -> str:
        return f"{self.url}/ocpi/versions"

    def held(self, module: str) -> list[Document]:
        """All objects of one module that the partner holds, in its own spelling."""
        documents: list[Document] = self._get(f"/_held/{module}")
        return documents

    def counterpart(self) -> Document:
        """Who registered at the partner: versions URL, roles and endpoints, as the partner read them."""
        known: Document = self._get("/_held/credentials")
        return known

    def diary(self) -> list[tuple[str, str, int]]:
        """Every OCPI request so far: method, path, HTTP status."""
        return [(entry["method"], entry["path"], entry["status"]) for entry in self._get("/_diary")]

    def hold(self, module: str, document: Document) -> None:
        self.http.put(f"{self.url}/_held/{module}", json=document).raise_for_status()

    def begin_anew(self) -> None:
        """Forget everything: no registration, no objects, and the first token is good again."""
        self.http.delete(f"{self.url}/_held").raise_for_status()

    def push(self, module: str, identifier: str) -> Document:
        """Let the partner push one of its objects; what it sent to, and what it got back."""
        answer = self.http.post(f"{self.url}/_push/{module}/{identifier}")
        answer.raise_for_status()
        outcome: Document = answer.json()
        return outcome

    def _get(self, path: str) -> Any:
        answer = self.http.get(self.url + path)
        answer.raise_for_status()
        return json.loads(answer.content)


@contextmanager
def running_partner(
    environment: Environment, *, side: Side, party: PartyId, name: str, token_a: str, folder: Path
) -> Iterator[Partner]:
    """Start the partner on the loopback interface and stop it at the end; it logs to `folder`/partner.log."""
    with socket.create_server(("127.0.0.1", 0)) as listener, (folder / "partner.log").open("wb") as log:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        # The partner inherits a socket that already listens: no port to lose between choosing and binding it.
        process = subprocess.Popen(
            [
                *(str(environment.python), "-m", "uvicorn", "--factory", "partner_app:create"),
                *("--app-dir", str(Path(__file__).parent), "--fd", str(listener.fileno())),
                *("--log-level", "warning", "--lifespan", "off"),
            ],
            cwd=folder,
            env=_environment_variables(address, side=side, party=party, name=name, token_a=token_a),
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=[listener.fileno()],
        )
        try:
            with httpx.Client(timeout=10, trust_env=False) as http:
                partner = Partner(f"http://{address}", side, party, name, token_a, http)
                _wait_until_ready(partner, process, folder / "partner.log")
                yield partner
        finally:
            _stop(process)


def _environment_variables(address: str, *, side: Side, party: PartyId, name: str, token_a: str) -> dict[str, str]:
    """Only what the partner needs: no proxy, and nothing of ours that its settings might take for theirs."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OCPI_HOST": address,
        "PROTOCOL": "http",
        "COUNTRY_CODE": party.country_code,
        "PARTY_ID": party.party_id,
        "PARTNER_ROLE": side.value,
        "PARTNER_NAME": name,
        "PARTNER_TOKEN_A": token_a,
    }


def _wait_until_ready(partner: Partner, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            partner.diary()
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"the foreign partner did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOPPED_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
