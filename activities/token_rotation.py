"""Renewal of tokens that have grown old, where the operator has asked for it."""

from typing import Protocol

from temporalio import activity

from activities.resources import Resources


class Renewer(Protocol):
    """The part of the signals that begins a renewal."""

    async def renew(self, connection_id: str) -> None: ...


class TokenRotationActivities:
    def __init__(self, resources: Resources, renewer: Renewer) -> None:
        self._resources = resources
        self._renewer = renewer

    @activity.defn(name="token-rotation-begin")
    async def begin(self) -> int:
        """Begin a renewal with every connected partner whose tokens are too old. Returns how many.

        Repeated: a handshake that is under way is found, and there is never a second one. Cut off: the rest is begun
        the next time. A renewal that has issued a token is not begun again before that one is old in its turn.
        """
        oldest = self._resources.renew_tokens_after
        if oldest is None:
            return 0
        async with self._resources.store.transaction() as work:
            due = await work.access.due_for_renewal(self._resources.clock() - oldest)
        for connection_id in due:
            await self._renewer.renew(connection_id)
        return len(due)
