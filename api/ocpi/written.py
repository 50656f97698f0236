"""Objects of lists as the bytes that the partner's adapter writes, out of what the store keeps of them."""

import hashlib
import logging
from collections.abc import Sequence
from typing import Final

from adapters.build import build
from adapters.contract import CannotWrite
from api.ocpi.call import Answer, Call
from api.ocpi.paging import PageRequest, linked
from canonical.identity import ObjectId
from canonical.model import CanonicalModel, Finding
from canonical.settlement import Case, CaseState
from canonical.store import Shelf, for_party

_LOG = logging.getLogger("roamwork.api.ocpi")
_KIND: Final = "object-unwritable"


async def page(call: Call, shelf: Shelf, owner: str, asked: PageRequest) -> Answer:
    """A page of a list, with the headers that lead on.

    What this version has no words for is left out, and is a case; it counts in X-Total-Count, so that an offset
    means the same in every version.
    """
    found = await call.services.store.representations.page(shelf, owner, asked.window, _Writer(call))
    headers = linked(call, asked, total=found.total, last=found.last if found.more else None, rows=found.rows)
    return Answer(data=(found.body,) if found.body else (), headers=headers)


async def page_of_party(call: Call, shelf: Shelf, partys: Shelf, asked: PageRequest) -> Answer:
    """A page for this connection; for a party behind a hub, of what concerns its own drivers. See `page`."""
    hub, party = call.connection.hub, call.requester
    if hub is None or party is None or party.key == hub.key:
        return await page(call, shelf, call.connection.id, asked)
    return await page(call, partys, for_party(call.connection.id, party), asked)


async def one(call: Call, shelf: Shelf, owner: str, object_id: ObjectId) -> bytes | None:
    """One object; None when there is none. Raises CannotWrite."""
    writer = _Writer(call)
    written = await call.services.store.representations.one(shelf, owner, object_id, writer)
    if written is None:
        return None
    if written.content is None:
        raise CannotWrite(writer.findings.get(object_id.key, ()))
    return written.content


class _Writer:
    """The adapter of one call. What it cannot write becomes a case: one for an object and a version."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self.key = call.adapter.key
        self.build = build()
        self.findings: dict[str, tuple[Finding, ...]] = {}

    def write(self, value: CanonicalModel) -> bytes | None:
        try:
            return self._call.adapter.write(value)
        except CannotWrite as wordless:
            self.findings[_key_of(value)] = wordless.findings
            return None

    async def report(self, values: Sequence[CanonicalModel]) -> None:
        module = self._call.endpoint.module.value
        async with self._call.services.store.transaction() as unit:
            for value in values:
                key = _key_of(value)
                _LOG.warning("%s %s cannot be written by %s and is left out", module, key, self.key)
                await unit.cases.open(self._case(key, module))

    def _case(self, key: str, module: str) -> Case:
        digest = hashlib.sha256("\0".join((self.key, module, key)).encode()).hexdigest()[:24]
        return Case(
            id=f"{_KIND}:{digest}",
            kind=_KIND,
            subject=key,
            text=f"{module} {key} is left out of answers in OCPI {self._call.adapter.version}: it has no words for it.",
            findings=self.findings.get(key, ()),
            state=CaseState.OPEN,
            opened_at=self._call.services.clock(),
        )


def _key_of(value: CanonicalModel) -> str:
    name = getattr(value, "object_id", None)
    return name.key if isinstance(name, ObjectId) else ""
