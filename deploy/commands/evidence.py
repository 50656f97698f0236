"""`roam evidence verify`, `export`, `checkpoint`, `key`: what a tax auditor asks for, and checks without us.

The database is that of `ROAM_DATABASE_URL`, else the one of `roam up` in the folder. A bundle is checked without any.
Ends with 1 when something is not what was signed, and with 2 when that could not be looked at.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import typer
from pydantic import SecretStr

from canonical.identity import PartyId
from canonical.store import Store
from canonical.store.log import (
    Audit,
    BadBundle,
    BadNote,
    Bundle,
    Checkpoint,
    Fault,
    LogBroken,
    NotSigned,
    PublicKey,
    Reader,
    SigningKey,
    flaws,
)
from canonical.vault import Vault, VaultError, new_token
from deploy.commands.given_file import LONGEST_BYTES, content_of, refuse, text_of
from deploy.commands.opened_store import environment_of, with_store
from deploy.composition import log_name, now
from deploy.settings import SECRETS_DIR

_AT_ONCE = 1_000
_LONGEST_NAME = 200
T = TypeVar("T")


def verify(
    folder: Path, bundle: Path | None, keys: Sequence[str], checkpoints: Sequence[Path], *, as_json: bool
) -> None:
    """A bundle if one is given, else the database."""
    trusted = [_public_key(key) for key in keys]
    held = [_held(file) for file in checkpoints]
    if bundle is None:
        _verify_database(_Place.of(folder), trusted, held, as_json=as_json)
    else:
        _verify_bundle(bundle, trusted, held, as_json=as_json)


def export(
    folder: Path,
    cdr: str,
    out: Path | None,
    connection_id: str | None,
    since: Path | None,
    *,
    papers: bool,
    with_keys: bool,
) -> None:
    """Bring the log up to date, and write the bundle."""
    place = _Place.of(folder)
    key, older = place.signing_key(), None if since is None else text_of(since)

    async def run(store: Store) -> Bundle:
        await _extended(store, key, whole=False)
        async with store.transaction() as work:
            return await work.log.export(
                key, cdr, connection_id=connection_id, since=older, papers=papers, with_keys=with_keys
            )

    content = _with_store(place, run).dump()
    if len(content) > LONGEST_BYTES:
        refuse(f"the bundle is longer than {LONGEST_BYTES // 1024**2} MiB: leave the papers out with --no-papers")
    if out is None:
        typer.echo(content.decode(), nl=False)
    else:
        try:
            if with_keys:  # who reads the file reads the drivers' names
                out.touch(0o600)
                out.chmod(0o600)
            out.write_bytes(content)
        except OSError as wrong:
            refuse(f"{out} cannot be written: {wrong.strerror}")


def show(file: Path) -> None:
    """The records of a bundle, for people. It is not checked."""
    _print_json({"records": list(Reader(_bundle(file)).records())})


def checkpoint(folder: Path) -> None:
    """Bring the log up to date, and print its newest checkpoint."""
    place = _Place.of(folder)
    key = place.signing_key()

    async def run(store: Store) -> str | None:
        await _extended(store, key, whole=True)
        async with store.transaction() as work:
            return await work.log.newest()

    note = _with_store(place, run)
    if note is None:
        refuse("there is nothing in the log yet")
    typer.echo(note, nl=False)


def show_key(folder: Path) -> None:
    """The public key, as others take it, and its fingerprint."""
    public = _Place.of(folder).signing_key().public
    typer.echo(f"{public}\nhex         {public.raw.hex()}\nfingerprint {public.fingerprint}")


@dataclass(frozen=True)
class _Place:
    """Where settings of one deployment are found: the environment, or what `roam up` made."""

    folder: Path
    values: dict[str, str]

    @classmethod
    def of(cls, folder: Path) -> "_Place":
        return cls(folder, environment_of(folder))

    def database_url(self) -> str:
        url = self._setting("database_url")
        if url is None:
            refuse(f"set ROAM_DATABASE_URL: nothing has been started with `roam up` in {self.folder}")
        return url

    def vault(self) -> Vault:
        """That of the deployment; without its secret one that opens nothing, and nothing has to be opened."""
        secrets = self._secret_keys()
        return Vault(*secrets) if secrets else Vault(new_token())

    def signing_key(self) -> SigningKey:
        key = self.known_key()
        if key is None:
            refuse("set ROAM_PARTY, and ROAM_EVIDENCE_KEY or ROAM_SECRET_KEY: they make the key that signs")
        return key

    def known_key(self) -> SigningKey | None:
        own, secrets, party = self._setting("evidence_key"), self._secret_keys(), self._setting("party")
        if (own is None and not secrets) or party is None:
            return None
        try:
            return SigningKey(secrets[-1] if own is None else SecretStr(own), log_name(PartyId.parse(party)))
        except ValueError:
            refuse("ROAM_PARTY is no party, or the secret that makes the key is too short")

    def _secret_keys(self) -> tuple[SecretStr, ...]:
        """The newest first; empty where none is set."""
        listed = (self._setting("secret_key"), *(self._setting("former_secret_keys") or "").split(","))
        return tuple(SecretStr(each.strip()) for each in listed if each and each.strip())

    def _setting(self, name: str) -> str | None:
        """From the environment, or from its file among the secrets."""
        value = self.values.get(f"ROAM_{name.upper()}")
        if value is None and SECRETS_DIR in self.values:
            try:
                value = Path(self.values[SECRETS_DIR], f"roam_{name}").read_text(encoding="utf-8").strip()
            except OSError:
                return None
        return value or None


def _verify_database(place: _Place, trusted: list[PublicKey], held: list[Checkpoint], *, as_json: bool) -> None:
    own = None if trusted else place.known_key()
    keys = trusted or ([] if own is None else [own.public])
    if not keys:
        refuse("give --public-key, or set ROAM_PARTY and ROAM_EVIDENCE_KEY: without a key no signature can be checked")
    found, faults = Audit(), list[Fault]()

    async def run(store: Store) -> None:
        async with store.transaction() as work:
            async for fault in work.log.audit(keys, found, held):
                faults.append(fault)
                if not as_json:
                    typer.echo(_line(fault))

    _with_store(place, run)
    newest = found.newest
    if as_json:
        _print_json(
            {
                "ok": not faults,
                "records": found.records,
                "leaves": found.leaves,
                "checkpoints": found.checkpoints,
                "waiting": found.waiting,
                "size": None if newest is None else newest.size,
                "signed_at": None if newest is None else newest.at.isoformat(),
                "faults": [
                    {
                        "what": each.what.value,
                        "kind": each.kind,
                        "number": each.number,
                        "name": each.name,
                        "position": each.position,
                        "words": each.words,
                    }
                    for each in faults
                ],
            }
        )
    else:
        state = "no checkpoint" if newest is None else f"newest checkpoint of {newest.at.isoformat()}"
        waiting = f", {found.waiting} not in the log yet" if found.waiting else ""
        typer.echo(
            f"{found.records} records{waiting}, {found.leaves} in the log, {found.checkpoints} checkpoints; {state}"
        )
        typer.echo("everything is what was signed" if not faults else _count(len(faults), "fault"))
    if faults:
        raise typer.Exit(1)


def _verify_bundle(file: Path, trusted: list[PublicKey], held: list[Checkpoint], *, as_json: bool) -> None:
    bundle = _bundle(file)
    if len(trusted) > 1:
        refuse("a bundle is signed with one key: give --public-key once")
    key = trusted[0] if trusted else None
    found = list(flaws(bundle, key, held))
    sealed = list(Reader(bundle).sealed())
    if as_json:
        _print_json(
            {
                "ok": not found,
                "subject": bundle.subject,
                "records": len(bundle.records),
                "key_fingerprint": bundle.public_key.fingerprint,
                "key_trusted": key is not None,
                "sealed": sealed,
                "flaws": [{"record": each.record, "path": each.path, "words": each.words} for each in found],
            }
        )
    else:
        for each in found:
            where = " ".join(part for part in (each.record, each.path) if part is not None)
            typer.echo(_short(f"{where or 'bundle'}: {each.words}"))
        typer.echo(_short(f"CDR {bundle.subject}: {len(bundle.records)} records"))
        for called in sealed:
            typer.echo(_short(f"{called}: its bytes are proved, and sealed: they are not to be read from here"))
        typer.echo(f"key {bundle.public_key.fingerprint}")
        if key is None:
            typer.echo("the key is the one in the bundle: compare its fingerprint, or give --public-key")
        typer.echo("everything is what was signed" if not found else _count(len(found), "flaw"))
    if found:
        raise typer.Exit(1)


def _bundle(file: Path) -> Bundle:
    try:
        return Bundle.load(content_of(file))
    except BadBundle as wrong:
        refuse(f"{file} is no evidence bundle: {wrong}")


async def _extended(store: Store, key: SigningKey, *, whole: bool) -> None:
    added = _AT_ONCE
    while added == _AT_ONCE:
        async with store.transaction() as work:
            added = await work.log.extend(key, now(), limit=_AT_ONCE, whole=whole)


def _with_store(place: _Place, run: Callable[[Store], Awaitable[T]]) -> T:
    """As `with_store`; ends with 1 where the log is not what was signed."""
    try:
        return with_store(place.database_url(), place.vault(), run)
    except VaultError:
        refuse("the keys of the drivers do not open with this ROAM_SECRET_KEY")
    except (LogBroken, NotSigned, BadNote) as error:
        typer.echo(f"the log: {error}", err=True)
        raise typer.Exit(1) from None


def _public_key(given: str) -> PublicKey:
    """From a file, or from the words themselves. Of what `roam evidence key` printed, the first line is the key."""
    try:
        text = text_of(Path(given)) if Path(given).is_file() else given
    except (OSError, ValueError):
        text = given
    try:
        return PublicKey.parse(text if text.lstrip().startswith("-----") else text.strip().split("\n")[0])
    except BadNote as wrong:
        refuse(f"the public key cannot be read: {wrong}")


def _held(file: Path) -> Checkpoint:
    try:
        return Checkpoint.parse(text_of(file))
    except BadNote as wrong:
        refuse(f"{file} is no checkpoint: {wrong}")


def _line(fault: Fault) -> str:
    """`changed: cdr 17 (DE*ABC/C1), position 45: it is not what was signed`."""
    record = "" if fault.kind is None else f"{fault.kind} {fault.number} ({fault.name})"
    position = "" if fault.position is None else f"position {fault.position}"
    where = ", ".join(part for part in (record, position) if part)
    return _short(f"{fault.what.value}: {where}: {fault.words}")


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _short(words: str) -> str:
    """One line for people: what came from a hostile file does not fill, or steer, their screen."""
    line = "".join(char if char.isprintable() else "\ufffd" for char in words)
    return line if len(line) <= _LONGEST_NAME else f"{line[: _LONGEST_NAME - 1]}\u2026"


def _print_json(document: dict[str, object]) -> None:
    typer.echo(json.dumps(document, indent=2, ensure_ascii=True, default=str))
