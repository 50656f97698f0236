"""`roam up`: one deployment for development, everything of it in one folder."""

import asyncio
import fcntl
import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import typer
import uvicorn
from rich.console import Console
from temporalio.converter import PayloadCodec
from temporalio.service import RPCError

from canonical.identity import PartyId
from canonical.partner import Side
from canonical.vault import Vault
from deploy import codec, codec_server
from deploy.embedded import EmbeddedError
from deploy.embedded.ports import LOOPBACK, free_port, is_free
from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.temporal import EmbeddedTemporal
from deploy.local import LocalDeployment
from deploy.processes import ChildProcess, ProcessError, running
from deploy.stopping import interrupted
from deploy.temporal_client import LONG_ENOUGH, connect, connect_to, register_search_attributes, remember_for
from workflows.search_attributes import REGISTERED

_NAMESPACE = "roam"
_DATABASE = "roam"
_LOOK_EVERY_S = 1.0
_FOR_DEVELOPMENT = {
    "ROAM_ALLOW_HTTP_PARTNERS": "true",
    "ROAM_ALLOW_PRIVATE_PARTNERS": "true",
    "ROAM_LOG_FORMAT": "text",
}


@dataclass(frozen=True)
class Wanted:
    """What was asked for this time; None: as it was."""

    party: str | None
    name: str | None
    sides: str | None
    port: int | None


@dataclass(frozen=True)
class Kept:
    """What stays the same from run to run, because partners have been told, or a person has it bookmarked."""

    party: str = "DE*RMW"
    name: str = "Roamwork Development"
    sides: str = "CPO,EMSP"
    port: int = 0
    temporal_port: int = 0
    ui_port: int = 0
    codec_port: int = 0

    def deployment(self, folder: Path, *, database_url: str, temporal_address: str) -> LocalDeployment:
        return LocalDeployment(
            folder=folder,
            party=self.party,
            business_name=self.name,
            sides=_sides(self.sides),
            port=self.port,
            database_url=database_url,
            temporal_address=temporal_address,
            temporal_namespace=os.environ.get("TEMPORAL_NAMESPACE", _NAMESPACE),
            public_url=os.environ.get("ROAM_PUBLIC_URL"),
            settings=_FOR_DEVELOPMENT,
        )


def run(folder: Path, wanted: Wanted) -> None:
    """Start, print the addresses, and stay until a signal; start again what ends by itself."""
    _check(wanted)
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    console = Console(highlight=False)
    try:
        with _alone_in(folder), ExitStack() as stack:
            kept = _remember(folder, wanted, console)
            deployment = _deployment(folder, kept, stack, console)
            children = stack.enter_context(running(deployment.api(), deployment.worker()))
            _say_where(deployment, kept, console)
            _watch(children, console)
            console.print("stopping …")
    except (EmbeddedError, ProcessError, BlockingIOError) as error:
        console.print(f"[red]{error}[/]")
        raise typer.Exit(1) from None


def _check(wanted: Wanted) -> None:
    """Before anything is started or kept. Raises BadParameter."""
    try:
        if wanted.party is not None:
            PartyId.parse(wanted.party)
    except ValueError:
        raise typer.BadParameter(f"{wanted.party} is no party: write DE*ABC", param_hint="'--party'") from None
    try:
        if wanted.sides is not None:
            _sides(wanted.sides)
    except ValueError:
        words = f"{wanted.sides} is none of CPO, EMSP, and CPO,EMSP"
        raise typer.BadParameter(words, param_hint="'--sides'") from None


def _sides(text: str) -> list[Side]:
    return [Side(side.strip()) for side in text.split(",")]


def kept_in(folder: Path) -> Kept | None:
    """What `roam up` has written down in the folder; None when it has never run there."""
    with suppress(FileNotFoundError):
        return Kept(**json.loads((folder / "deployment.json").read_text(encoding="utf-8")))
    return None


def settings_of(folder: Path) -> dict[str, str] | None:
    """The settings of the deployment in the folder as its processes get them; None when there is none."""
    kept = kept_in(folder)
    if kept is None:
        return None
    address = os.environ.get("TEMPORAL_ADDRESS", f"{LOOPBACK}:{kept.temporal_port}")
    return kept.deployment(folder.absolute(), database_url="", temporal_address=address).environment()


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    with open(folder / "lock", "w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BlockingIOError(f"another `roam up` works in {folder}") from None
        yield


def _remember(folder: Path, wanted: Wanted, console: Console) -> Kept:
    before = asdict(kept_in(folder) or Kept())
    kept = before | {name: value for name, value in asdict(wanted).items() if value is not None}
    for name in ("port", "temporal_port", "ui_port", "codec_port"):
        if kept[name] == 0 or not is_free(kept[name]):
            chosen = free_port()
            if kept[name] and name == "port":
                console.print(
                    f"[yellow]port {kept[name]} is taken: partners that know it do not find us at {chosen}[/]"
                )
            kept[name] = chosen
    (folder / "deployment.json").write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    return Kept(**kept)


def _deployment(folder: Path, kept: Kept, stack: ExitStack, console: Console) -> LocalDeployment:
    address, ui_url = _temporal(folder, kept, stack, console)
    database_url = os.environ.get("ROAM_DATABASE_URL") or _postgres(folder, stack, console)
    deployment = kept.deployment(folder, database_url=database_url, temporal_address=address)
    console.print("bringing the database up to date …")
    deployment.prepare()
    vault = deployment.vault
    namespace = deployment.temporal_namespace
    asyncio.run(_register(None if ui_url is None else address, namespace, vault, console))
    if ui_url is not None:
        stack.enter_context(codec_server_on(kept.codec_port, {namespace: codec.codec(vault)}, ui_url))
    return deployment


def _temporal(folder: Path, kept: Kept, stack: ExitStack, console: Console) -> tuple[str, str | None]:
    """Address of the server, and of its web interface if it is ours."""
    if address := os.environ.get("TEMPORAL_ADDRESS"):
        return address, None
    console.print("starting Temporal …")
    temporal = EmbeddedTemporal(
        folder / "temporal",
        [os.environ.get("TEMPORAL_NAMESPACE", _NAMESPACE)],
        kept.temporal_port,
        kept.ui_port,
        search_attributes=REGISTERED,
        codec_url=f"http://{LOOPBACK}:{kept.codec_port}",
    )
    temporal.start()
    stack.callback(temporal.stop)
    return temporal.address, temporal.ui_url


def _postgres(folder: Path, stack: ExitStack, console: Console) -> str:
    console.print("starting PostgreSQL …")
    postgres = EmbeddedPostgres(folder / "postgres")
    postgres.start()
    stack.callback(postgres.stop)
    postgres.create_database(_DATABASE)
    return postgres.url(_DATABASE)


async def _register(address: str | None, namespace: str, vault: Vault, console: Console) -> None:
    """Give the namespace our search attributes, and one of our own a longer memory than it has by itself.

    Without an address the server is the one that `TEMPORAL_*` names.
    """
    os.environ.setdefault("TEMPORAL_NAMESPACE", namespace)
    try:
        client = await (connect(vault) if address is None else connect_to(address, namespace, vault))
        await register_search_attributes(client, REGISTERED)
        if address is not None:
            await remember_for(client, LONG_ENOUGH)
    except (RPCError, RuntimeError) as error:
        console.print(f"[yellow]the search attributes could not be registered: {error}[/] (see `roam doctor`)")


@contextmanager
def codec_server_on(port: int, codecs: Mapping[str, PayloadCodec], ui_url: str) -> Iterator[None]:
    """Let the Temporal UI show payloads in clear while the context lasts. Runs in a thread of its own."""
    app = codec_server.for_everybody(codecs, ui_origin=ui_url)
    config = uvicorn.Config(app, host=LOOPBACK, port=port, log_config=None, log_level="warning", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="codec server", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def _say_where(deployment: LocalDeployment, kept: Kept, console: Console) -> None:
    console.print(f"\n[bold]{kept.name}[/] ({kept.party}, {kept.sides}) is up")
    console.print(f"  contract API   {deployment.url}/contract/v1/docs")
    console.print(f"  for partners   {deployment.public_url or deployment.url}/ocpi/versions")
    if "TEMPORAL_ADDRESS" not in os.environ:
        console.print(f"  Temporal UI    http://{LOOPBACK}:{kept.ui_port}/namespaces/{deployment.temporal_namespace}")
    # A long path stays on its line, to be copied.
    console.print(f"  API key        in {deployment.folder / 'secrets' / 'roam_contract_api_keys'}", soft_wrap=True)
    console.print(f"  logs           {deployment.folder}/*.log", soft_wrap=True)
    console.print("Ctrl-C ends it; the next `roam up` goes on with the same data.")


def _watch(children: tuple[ChildProcess, ...], console: Console) -> None:
    stop = interrupted()
    while not stop.wait(_LOOK_EVERY_S):
        for child in children:
            if child.pid is None:
                console.print(f"[yellow]{child.name} has ended: starting it again[/] ({child.log})")
                child.start()
