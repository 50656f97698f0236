"""The foreign partner as a process: started on a free port, looked into, and stopped."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from canonical.identity import PartyId
from canonical.partner import Side
from tests.end_to_end.foreign.documents import Document, in_words_of
from tests.end_to_end.foreign.environment import Environment

READY_WITHIN_S = 20.0
STOPPED_WITHIN_S = 5.0


@dataclass(frozen=True)
class Partner:
    """A running partner, and the pages on which it shows what it holds."""

    url: str
    side: Side
    party: PartyId
    name: str
    token_a: str
    http: httpx.Client
    version: str = "2.2.1"
    """Of OCPI; the partner offers one at a time."""

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
        """Put an object, written as 2.2.1 has it, into the partner's books in the words of the partner's version."""
        spoken = in_words_of(self.version, module, document)
        self.http.put(f"{self.url}/_held/{module}", json=spoken).raise_for_status()

    def begin_anew(self, version: str, party_id: str) -> "Partner":
        """The partner with everything forgotten: no registration, no objects, and the first token is good again."""
        query = {"version": version, "party_id": party_id}
        self.http.delete(f"{self.url}/_held", params=query).raise_for_status()
        party = PartyId(country_code=self.party.country_code, party_id=party_id)
        return replace(self, version=version, party=party)

    def register(self, versions_url: str, token: str) -> None:
        """Let the partner begin the handshake."""
        self._do("register", {"versions_url": versions_url, "token": token})

    def unregister(self) -> None:
        """Let the partner end the registration."""
        self._do("unregister")

    def pull(self, module: str) -> list[Document]:
        """Let the partner read all that its counterpart lists; the objects as it understood them."""
        pulled: list[Document] = self._do(f"pull/{module}")
        return pulled

    def authorize(self, uid: str, place: Document) -> Document:
        """Let the partner ask the issuer of a token that is shown to it at a place; the answer as it understood it."""
        said: Document = self._do(f"authorize/{uid}", place)
        return said

    def order(self, kind: str, wanted: Document) -> Document:
        """Let the partner give a command; the answer as it understood it. The result is held with the commands."""
        said: Document = self._do(f"order/{kind}", wanted)
        return said

    def push(self, module: str, identifier: str) -> Document:
        """Let the partner push one of its objects; what it sent to, and what it got back."""
        outcome: Document = self._do(f"push/{module}/{identifier}")
        return outcome

    def carry_out(self) -> None:
        """Let the charge point do what it was ordered; the partner then tells the result."""
        self._do("carry_out")

    def _do(self, page: str, body: Document | None = None) -> Any:
        answer = self.http.post(f"{self.url}/_{page}", json=body or {})
        assert answer.is_success, answer.text
        return answer.json()

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
