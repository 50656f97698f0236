"""The database of the deployment that a command is about, opened for as long as the command takes."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from canonical.store import NotFound, Store, StoreUnavailable
from canonical.vault import Vault
from deploy.commands.given_file import refuse
from deploy.commands.up import settings_of
from deploy.settings import SECRETS_DIR, Settings, SettingsError, load

T = TypeVar("T")


def environment_of(folder: Path) -> dict[str, str]:
    """The environment; where that names no deployment, the settings of the one that `roam up` made in the folder."""
    here = dict(os.environ)
    return here if {"ROAM_DATABASE_URL", SECRETS_DIR} & here.keys() else settings_of(folder) or here


def settings_in(folder: Path) -> Settings:
    """Of the environment; if that names no deployment, of what `roam up` made in the folder."""
    os.environ.update(environment_of(folder))
    try:
        return load()
    except SettingsError as error:
        refuse(f"there is no deployment in the environment's settings, nor in {folder}: {error}")


def with_store(database_url: str, vault: Vault, run: Callable[[Store], Awaitable[T]]) -> T:
    """What `run` makes of the store. Ends with 2 where there is no database, or not what was asked for in it."""

    async def opened() -> T:
        store = await Store.connect(database_url, vault, pool_size=1)
        try:
            return await run(store)
        finally:
            await store.close()

    try:
        return asyncio.run(opened())
    except (StoreUnavailable, NotFound) as error:
        refuse(str(error))
