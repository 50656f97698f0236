"""`roam rotate-keys`: seal again by the newest secret key what was sealed by the ones before it."""

from pathlib import Path
from typing import Final

import typer

from canonical.store import Store
from canonical.store.resealing import SEALED
from canonical.vault import Vault, VaultError
from deploy.commands.finding import Finding
from deploy.commands.given_file import refuse
from deploy.commands.opened_store import settings_in, with_store
from deploy.settings import Settings

_ABOUT: Final = "sealed values"
_NOT_FOUND: Final = (
    "tokens are not found by their hashes any more: the last of ROAM_FORMER_SECRET_KEYS has to be the secret key with "
    "which this deployment began"
)


def rotate(folder: Path, *, only_look: bool) -> None:
    """Print what is sealed by which key, and seal it by the newest. Ends with 2 when something cannot be opened."""
    settings = settings_in(folder)
    vault = settings.vault

    async def run(store: Store) -> None:
        try:
            if not only_look:
                for table, columns in SEALED.items():
                    for column in columns:
                        await _reseal(store, table, column)
            await _show(store, vault)
        except VaultError as error:
            refuse(f"{error}: name its secret in ROAM_FORMER_SECRET_KEYS")

    with_store(settings.database_url.get_secret_value(), vault, run)


async def finding(settings: Settings) -> Finding:
    """Whether everything that is sealed can be opened and found. For a database that is up to date."""
    vault = settings.vault
    store = await Store.connect(settings.database_url.get_secret_value(), vault, pool_size=1)
    try:
        async with store.transaction() as work:
            found, finds = await work.resealing.overview(), await work.resealing.finds_what_it_found()
    except VaultError as error:
        return Finding(_ABOUT, f"tokens are {error}: name its secret in ROAM_FORMER_SECRET_KEYS", fault=True)
    finally:
        await store.close()
    if not finds:
        return Finding(_ABOUT, _NOT_FOUND, fault=True)
    former = sum(each.values for each in found if each.key_id != vault.key_id.hex())
    if former:
        return Finding(_ABOUT, f"{former} values are sealed by a former key: run `roam rotate-keys`", warning=True)
    return Finding(_ABOUT, "everything is sealed by the newest key")


async def _reseal(store: Store, table: str, column: str) -> None:
    count, more = 0, 1
    while more:
        async with store.transaction() as work:
            more = await work.resealing.reseal(table, column)
        count += more
    if count:
        typer.echo(f"{table}.{column}: {count} sealed anew")


async def _show(store: Store, vault: Vault) -> None:
    async with store.transaction() as work:
        found, finds = await work.resealing.overview(), await work.resealing.finds_what_it_found()
    newest = vault.key_id.hex()
    for each in found:
        mark = "newest" if each.key_id == newest else "former"
        typer.echo(f"{each.table}.{each.column}: {each.values} by key {each.key_id} ({mark})")
    if not finds:
        refuse(_NOT_FOUND)
    left = sum(each.values for each in found if each.key_id != newest)
    typer.echo(f"{left} are still sealed by a former key." if left else "Everything is sealed by the newest key.")
