"""The terminal in which people of the story type commands of `roam`, with the settings of a company or with none.

It is one process for all of them, opened early: what a command needs is loaded by the time that somebody types it.
"""

import asyncio
import io
import json
import os
import signal
import threading
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from types import MappingProxyType
from typing import Final

from deploy.demo.cast import Json
from deploy.demo.office import StoryFailed
from deploy.demo.stage import Company

NOBODY: Final[Mapping[str, str]] = MappingProxyType({})
"""Who has a file, and nothing of a deployment."""

_DONE, _FOUND_FAULT = 0, 1


def people_of(company: Company) -> dict[str, str]:
    """The settings by which commands find the api, the database and the keys of a company."""
    deployment = company.deployment
    return deployment.environment() | {"ROAM_URL": deployment.url, "ROAM_API_KEY": deployment.api_key}


@dataclass(frozen=True)
class _Ended:
    code: int
    printed: str
    complained: str


class Terminal:
    def __init__(self) -> None:
        self._process = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_opened)
        self._process.submit(_load)

    async def roam(self, settings: Mapping[str, str], *arguments: str) -> str:
        """What the command prints. Raises StoryFailed unless it ends well."""
        return await self._type(settings, arguments, (_DONE,))

    async def verdict(self, settings: Mapping[str, str], *arguments: str) -> Json:
        """What a command that judges says with `--json`, good or bad. Raises StoryFailed if it cannot judge."""
        found: Json = json.loads(await self._type(settings, (*arguments, "--json"), (_DONE, _FOUND_FAULT)))
        return found

    def close(self) -> None:
        self._process.shutdown(wait=False, cancel_futures=True)

    async def _type(self, settings: Mapping[str, str], arguments: tuple[str, ...], ends_with: tuple[int, ...]) -> str:
        loop = asyncio.get_running_loop()
        ended = await loop.run_in_executor(self._process, _typed, dict(settings), arguments)
        if ended.code not in ends_with:
            said = ended.complained.strip() or ended.printed.strip()
            raise StoryFailed(f"roam {' '.join(arguments)}: {said}")
        return ended.printed


def _opened() -> None:
    """Settings of the terminal in which the demo was started are those of somebody else, and Ctrl-C is for the demo."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in [name for name in os.environ if name.startswith("ROAM_")]:
        del os.environ[name]
    threading.Thread(target=_end_with_the_demo, daemon=True).start()


def _end_with_the_demo() -> None:
    """Also when the demo was killed: the queue between the two would never say so."""
    demo = parent_process()
    if demo is not None:
        demo.join()
        os._exit(1)


def _load() -> None:
    import deploy.commands.check_cdr
    import deploy.commands.evidence
    import deploy.commands.finance
    import deploy.commands.verify_meter  # noqa: F401


def _typed(settings: Mapping[str, str], arguments: tuple[str, ...]) -> _Ended:
    from deploy.cli import app

    before, printed, complained = dict(os.environ), io.StringIO(), io.StringIO()
    os.environ.update(settings)
    try:
        with redirect_stdout(printed), redirect_stderr(complained):
            app(arguments)
        code = _DONE
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else _DONE
    finally:
        os.environ.clear()
        os.environ.update(before)
    return _Ended(code, printed.getvalue(), complained.getvalue())
