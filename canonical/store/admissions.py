"""Who calls, remembered: a partner that makes a thousand requests is looked up once.

What is remembered is dropped as soon as the database tells that a token or a connection has changed (triggers
notify `roam_admission` when they commit), when this process changes one itself, and after some seconds in any
case. While nobody tells us anything, because the listening connection is down, every request is looked up.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import Final

import asyncpg
from pydantic import SecretStr

from canonical.partner import Connection
from canonical.store.access import AccessPurpose, Admitted
from canonical.store.direct import Direct, driver_url
from canonical.store.unavailable import OF_THE_DRIVER
from canonical.vault import Vault

_LOG = logging.getLogger("roamwork.store")
_CHANNEL: Final = "roam_admission"
_REMEMBERED_S: Final = 5
"""The longest that a change could go unseen, if a connection died without either end noticing."""
_PAUSE_S: Final = 1
_MOST: Final = 10_000
"""More partners than this at once forget each other; nothing grows without end."""

_LOOK: Final = """
SELECT t.lookup_hash, t.number, t.purpose, t.issued_at, t.used_at IS NOT NULL, c.document
FROM access_token t JOIN connection c ON c.key = t.connection_id
WHERE t.lookup_hash = ANY($1::text[]) AND t.retired_at IS NULL
"""


class Admissions:
    """Admitted callers by the keyed hash of their token. Unknown tokens are never remembered."""

    def __init__(
        self, database_url: str, vault: Vault, direct: Direct, also: Callable[[], None] = lambda: None
    ) -> None:
        """`also` is called whenever what is remembered is dropped."""
        self._url = driver_url(database_url)
        self._vault = vault
        self._direct = direct
        self._also = also
        self._known: dict[str, tuple[int, Admitted]] = {}
        self._changes = 0
        self._listening = False
        self._listener: asyncio.Task[None] | None = None

    async def admit(self, *spellings: SecretStr) -> Admitted | None:
        """Whose token it is, in one of the ways in which it may have been spelt, or None. Raises StoreUnavailable."""
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen())
        names = [self._vault.lookup_hash(token) for token in spellings]
        now = time.monotonic_ns()
        for name in names:
            known = self._known.get(name)
            if known is not None and now < known[0]:
                return known[1]
        seen = self._changes
        row = await self._direct.first(_LOOK, names)
        if row is None:
            return None
        name, number, purpose, issued_at, used, document = row
        admitted = Admitted(
            connection=Connection.model_validate_json(document),
            purpose=AccessPurpose(purpose),
            token_id=number,
            issued_at=issued_at,
            used=used,
        )
        # What changed while we looked may be younger than what we saw: then it is not remembered.
        if self._listening and seen == self._changes:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[name] = (now + _REMEMBERED_S * 10**9, admitted)
        return admitted

    def forget(self) -> None:
        """Something about tokens or connections has changed."""
        self._changes += 1
        self._known.clear()
        self._also()

    @property
    def listening(self) -> bool:
        """Whether changes by others are told to us now."""
        return self._listening

    async def close(self) -> None:
        if self._listener is not None:
            self._listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listener
            self._listener = None
        self.forget()

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_once()
            except OF_THE_DRIVER as error:
                _LOG.warning("changes of tokens are not told to us now, so every request is looked up: %r", error)
            await asyncio.sleep(_PAUSE_S)

    async def _listen_once(self) -> None:
        """Until the connection ends."""
        ended = asyncio.Event()

        def end(connection: object) -> None:
            del connection
            self._deaf()
            ended.set()

        connection = await asyncpg.connect(self._url)
        try:
            connection.add_termination_listener(end)
            await connection.add_listener(_CHANNEL, self._told)
            self.forget()
            self._listening = True
            await ended.wait()
        finally:
            self._deaf()
            connection.terminate()

    def _told(self, *_: object) -> None:
        self.forget()

    def _deaf(self) -> None:
        self._listening = False
        self.forget()
