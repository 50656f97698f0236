"""`roam doctor`: what is wrong with a set-up, in words."""

import asyncio
import errno
import os
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import typer
from alembic.script import ScriptDirectory
from rich.console import Console

from canonical.store import migrations
from deploy.commands import doctor_temporal, rotation
from deploy.commands.finding import PATIENCE_S, Finding, reason
from deploy.commands.up import settings_of
from deploy.settings import SECRETS_DIR, Settings, SettingsError, load

_OLDEST_PYTHON = (3, 11)
_FEWEST_CHARACTERS = 10
_OLDEST_POSTGRES = 14


def run(folder: Path) -> None:
    """Print every finding; ends with 1 when there is a fault."""
    console = Console(highlight=False)
    findings = asyncio.run(examine(folder))
    for finding in findings:
        mark = "[red]fault  [/]" if finding.fault else "[yellow]warning[/]" if finding.warning else "[green]ok     [/]"
        console.print(f"{mark} {finding.about}: ", end="")
        console.print(finding.words, markup=False)
    raise typer.Exit(1 if any(finding.fault for finding in findings) else 0)


async def examine(folder: Path) -> list[Finding]:
    """Look at everything; what cannot be looked at for an earlier fault is left out."""
    findings = [_python()]
    if not {"ROAM_PARTY", SECRETS_DIR} & os.environ.keys():
        made = settings_of(folder)
        if made is None:
            words = f"`roam up` has made nothing in {folder}; the settings of the environment are looked at"
            findings.append(Finding("set-up", words, warning=True))
        else:
            findings.append(Finding("set-up", f"made by `roam up` in {folder}"))
            os.environ.update(made)
    try:
        settings = load()
    except SettingsError as error:
        return [*findings, *(Finding("settings", line, fault=True) for line in str(error).splitlines())]
    findings += [Finding("settings", f"complete, for {settings.party} ({', '.join(sorted(settings.sides))})")]
    findings += [_public_url(settings), _contract_keys(settings), _secret_key(settings)]
    findings += [_port(settings)]
    findings += [finding async for finding in _database(settings)]
    findings += [finding async for finding in doctor_temporal.findings(settings)]
    return findings


def _python() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Finding("python", version, fault=sys.version_info < _OLDEST_PYTHON)


def _public_url(settings: Settings) -> Finding:
    parts = urlsplit(settings.public_url)
    if parts.scheme != "https":
        words = f"{settings.public_url} is not https: partners in production refuse it"
        return Finding("public url", words, warning=True)
    return Finding("public url", settings.public_url)


def _contract_keys(settings: Settings) -> Finding:
    if not settings.contract_api_keys:
        return Finding("contract API", "ROAM_CONTRACT_API_KEYS is empty: nobody can call it", warning=True)
    return Finding("contract API", f"{len(settings.contract_api_keys)} key(s)")


def _secret_key(settings: Settings) -> Finding:
    distinct = len(set(settings.secret_key.get_secret_value()))
    if distinct < _FEWEST_CHARACTERS:
        return Finding("secret key", "can be guessed: take 32 random characters", fault=True)
    return Finding("secret key", "is set")


def _port(settings: Settings) -> Finding:
    where = f"{settings.host}:{settings.port}"
    with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            words = (
                f"{where} is in use, perhaps by our own api"
                if error.errno == errno.EADDRINUSE
                else f"{where}: {error.strerror}"
            )
            return Finding(
                "api address",
                words,
                warning=error.errno == errno.EADDRINUSE,
                fault=error.errno != errno.EADDRINUSE,
            )
    return Finding("api address", f"{where} is free")


async def _database(settings: Settings) -> AsyncIterator[Finding]:
    url = settings.database_url.get_secret_value().replace("+asyncpg", "")
    where = urlsplit(url)
    place = f"{where.hostname}:{where.port or 5432}{where.path}"
    try:
        connection = await asyncpg.connect(url, timeout=PATIENCE_S)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError, ValueError) as error:
        yield Finding("database", f"{place} cannot be used: {reason(error)}", fault=True)
        return
    try:
        number = int(await connection.fetchval("show server_version_num")) // 10_000
        yield Finding("database", f"{place}, PostgreSQL {number}", fault=number < _OLDEST_POSTGRES)
        found = await connection.fetchval("select to_regclass('alembic_version')")
        at = await connection.fetchval("select version_num from alembic_version") if found else None
    finally:
        await connection.close()
    newest = ScriptDirectory(str(Path(migrations.__file__).parent)).get_current_head()
    if at != newest:
        yield Finding("migrations", f"at {at or 'nothing'}, not at {newest}: run `roam migrate`", fault=True)
    else:
        yield Finding("migrations", f"up to date ({at})")
        yield await rotation.finding(settings)
