"""`./roam up` in a terminal: what its person sees and types, from the first start to the second."""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from deploy.commands import PROJECT
from deploy.processes import roam_command
from tests.end_to_end.left_behind import assert_nothing_runs

UP_WITHIN_S = 60.0
CTRL_C = b"\x03"
STYLE = re.compile(r"\x1b\[[0-9;]*m")
IN_THE_TERMINAL = "import os, sys; os.open(os.ttyname(0), os.O_RDWR); os.execvp(sys.argv[1], sys.argv[1:])"
"""The first terminal that a session's leader opens is the one whose Ctrl-C the session gets."""
TOKEN = {
    "contract_id": "NL-TST-C1",
    "issuer": "Test",
    "valid": True,
    "whitelist": "ALWAYS",
    "last_updated": "2026-03-01T08:00:00Z",
}


def test_comes_back_with_its_data(tmp_path: Path) -> None:
    folder = tmp_path / "up"
    with terminal("up", "--folder", str(folder), "--party", "NL*TST", "--name", "Tester") as first:
        shown = first.read_up_to("Ctrl-C ends it")
        assert "Tester (NL*TST, CPO,EMSP) is up" in shown
        assert httpx.get(address(shown, "contract API"), trust_env=False).is_success
        assert httpx.get(address(shown, "Temporal UI"), trust_env=False).is_success
        assert httpx.get(address(shown, "for partners"), trust_env=False).status_code == 401
        with backend(shown, folder) as http:
            put = http.put("/tokens/04AA", params={"type": "RFID"}, json=TOKEN, headers={"Idempotency-Key": "1"})
            assert put.is_success, put.text
        assert first.ctrl_c() == 0
    assert_nothing_runs(folder)

    with terminal("up", "--folder", str(folder)) as second:
        shown = second.read_up_to("Ctrl-C ends it")
        assert "Tester (NL*TST, CPO,EMSP) is up" in shown
        with backend(shown, folder) as http:
            assert [token["uid"] for token in http.get("/tokens").json()["items"]] == ["04AA"]
        assert second.ctrl_c() == 0
    assert_nothing_runs(folder)


def address(shown: str, label: str) -> str:
    found = re.search(rf"{label}\s+(http\S+)", shown)
    assert found, shown
    return found[1]


def backend(shown: str, folder: Path) -> httpx.Client:
    """The contract API at the address that is shown, with the key that is where it says."""
    key = (folder / "secrets" / "roam_contract_api_keys").read_text(encoding="utf-8")
    return httpx.Client(
        base_url=address(shown, "contract API").removesuffix("/docs"),
        headers={"Authorization": f"Bearer {key}"},
        trust_env=False,
    )


@dataclass
class Terminal:
    """A program on the other end of a pseudo-terminal, where Ctrl-C reaches all of its foreground at once."""

    program: subprocess.Popen[bytes]
    descriptor: int
    shown: str = field(default="", init=False)

    def read_up_to(self, words: str) -> str:
        deadline = time.monotonic() + UP_WITHIN_S
        while words not in self.shown:
            assert time.monotonic() < deadline, self.shown
            assert self._read(), self.shown
        return self.shown

    def ctrl_c(self) -> int:
        """Type it; the program's exit status."""
        os.write(self.descriptor, CTRL_C)
        while self._read():
            pass
        return self.program.wait()

    def _read(self) -> bool:
        """False when the program has hung up."""
        if select.select([self.descriptor], [], [], 1.0)[0]:
            try:
                read = os.read(self.descriptor, 4096)
            except OSError:  # how Linux says that nobody is left on the other end
                return False
            self.shown += STYLE.sub("", read.decode(errors="replace")).replace("\r\n", "\n")
            return bool(read)
        return True


@contextmanager
def terminal(*arguments: str) -> Iterator[Terminal]:
    """`./roam` with these arguments, in a terminal that is wide enough for a line of it."""
    environment = os.environ | {"COLUMNS": "300", "UV_NO_SYNC": "1"}
    if "UV" in os.environ:
        environment["PATH"] = f"{Path(os.environ['UV']).parent}{os.pathsep}{environment['PATH']}"
    ours, theirs = pty.openpty()
    try:
        program = subprocess.Popen(
            [sys.executable, "-c", IN_THE_TERMINAL, *wrapper(), *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
            start_new_session=True,
        )
    finally:
        os.close(theirs)
    try:
        yield Terminal(program, ours)
    finally:
        os.close(ours)  # hangs up, which ends what may still be there
        program.kill()
        program.wait()


def wrapper() -> list[str]:
    """The script at the top of the project, where that does not have to get uv from somewhere first."""
    at_hand = "UV" in os.environ or shutil.which("uv") or (PROJECT / ".tools" / "bin" / "uv").exists()
    return [str(PROJECT / "roam")] if at_hand else roam_command()
