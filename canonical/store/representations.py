"""Objects as bytes: what an adapter once wrote for a state of an object is kept, and handed out again.

A representation is good for exactly one revision of its object, and for the code that wrote it. Both are compared
in the statement that reads the page, so a stale one is never handed out, whoever wrote when. What is missing is
written on the way (read-through) and kept for the next reader (decision 0011).
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from canonical.cdr import Cdr, CdrDossier
from canonical.identity import ObjectId, PartyId
from canonical.location import Location
from canonical.model import CanonicalModel
from canonical.session import Session
from canonical.store.direct import Direct
from canonical.store.drivers import Drivers
from canonical.tariff import Tariff
from canonical.token import Token

_AT_HAND_BYTES: Final = 64 * 1024 * 1024
"""Pages in the memory of one process: some 20,000 locations of the usual size."""


class Writer(Protocol):
    """An adapter as this store sees it."""

    @property
    def key(self) -> str: ...

    @property
    def build(self) -> str:
        """Which code writes: another build does not trust this one's bytes."""

    def write(self, value: CanonicalModel) -> bytes | None:
        """The bytes of one object; None when this version has no words for it."""

    async def report(self, values: Sequence[CanonicalModel]) -> None:
        """Told of states that cannot be written, before that is kept: once for each state."""


@dataclass(frozen=True)
class Shelf:
    """A list that a partner may read: a table, and which of its rows. `$1` is whose list it is.

    `kept` is the family under which the triggers count it; without one the total is counted.
    """

    family: str
    mine: str
    kind: type[Location | Tariff | Token | Session | Cdr]
    kept: bool = True
    revision: str = "o.revision"

    def read(self, document: str) -> CanonicalModel:
        if self.kind is Cdr:
            return CdrDossier.model_validate_json(document).cdr
        return self.kind.model_validate_json(document)


LOCATIONS: Final = Shelf("location", "o.source = $1", Location)
TARIFFS: Final = Shelf("tariff", "o.source = $1", Tariff)
TOKENS: Final = Shelf("token", "o.source = $1", Token)
SESSIONS: Final = Shelf("session", "o.source = $1", Session)
"""By source: empty for ours, otherwise the connection by which they came."""

BILLED_SESSIONS: Final = Shelf(
    "session",
    "o.source = '' AND o.key IN (SELECT session_key FROM billing_context WHERE connection_id = $1)",
    Session,
    kept=False,
)
"""Our sessions that are billed over a connection."""

_NOT_REPLACED: Final = " AND NOT EXISTS (SELECT FROM cdr_replacement r WHERE r.cdr_number = o.number)"

ISSUED_CDRS: Final = Shelf("cdr", "o.ours AND o.connection_id = $1" + _NOT_REPLACED, Cdr, revision="o.number")
"""Our CDRs for a connection. They never change, so their numbers serve as revisions."""


def for_party(connection_id: str, party: PartyId) -> str:
    """Whose list the list for one party behind a hub is."""
    return f"{connection_id}|{party.key}"


def _issued_by_party(token: str) -> str:
    issuer = f"{token} #>> '{{issuer_party,country_code}}') || '*' || upper({token} #>> '{{issuer_party,party_id}}')"
    return f"upper({issuer} = split_part($1, '|', 2)"


_BILLED_OVER: Final = "SELECT session_key FROM billing_context WHERE connection_id = split_part($1, '|', 1)"

PARTYS_SESSIONS: Final = Shelf(
    "session",
    " AND ".join(("o.source = ''", f"o.key IN ({_BILLED_OVER})", _issued_by_party("(o.document -> 'token')"))),
    Session,
    kept=False,
)
PARTYS_CDRS: Final = Shelf(
    "cdr",
    "o.ours AND o.connection_id = split_part($1, '|', 1) AND "
    + _issued_by_party("(o.document #> '{cdr,token}')")
    + _NOT_REPLACED,
    Cdr,
    kept=False,
    revision="o.number",
)
"""What one party behind a hub may read of it: the sessions and CDRs of its own drivers. See `for_party`."""


@dataclass(frozen=True)
class Window:
    """`since` <= last_updated < `until`; from the row behind `after` on, or else from an offset that is counted now."""

    limit: int
    since: datetime | None = None
    until: datetime | None = None
    offset: int = 0
    after: int | None = None


@dataclass(frozen=True)
class WrittenPage:
    """`body` are the objects, with commas between. `rows` counts also those that the version has no words for.

    `last` is the number of the last row, behind which there are `more`.
    """

    body: bytes
    rows: int
    total: int
    last: int | None
    more: bool


@dataclass(frozen=True)
class Written:
    """One object; `content` is None when the version has no words for it."""

    content: bytes | None


@dataclass(frozen=True)
class _Page:
    """Bytes of a page, good for exactly these states in this order."""

    states: list[int]
    body: bytes


class _AtHand:
    """Pages that were asked for lately, up to so many bytes: they need not travel from the database again.

    Nothing is handed out of it without asking the database which states are on the page.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._size = 0
        self._pages: OrderedDict[object, _Page] = OrderedDict()

    def get(self, name: object) -> _Page | None:
        page = self._pages.get(name)
        if page is not None:
            self._pages.move_to_end(name)
        return page

    def keep(self, name: object, page: _Page) -> None:
        before = self._pages.pop(name, None)
        self._size += len(page.body) - (len(before.body) if before else 0)
        self._pages[name] = page
        while self._size > self._most_bytes:
            _, oldest = self._pages.popitem(last=False)
            self._size -= len(oldest.body)


class Representations:
    """Pages and single objects, out of what is kept."""

    def __init__(self, direct: Direct, drivers: Drivers, told: Callable[[], bool]) -> None:
        """`told` says whether the database tells this process when the key of a driver is destroyed."""
        self._direct = direct
        self._drivers = drivers
        self._told = told
        self._at_hand = _AtHand(_AT_HAND_BYTES)

    def forget(self) -> None:
        """The key of a driver may have been destroyed: pages of CDRs are read anew."""
        self._at_hand = _AtHand(_AT_HAND_BYTES)

    async def page(self, shelf: Shelf, owner: str, window: Window, writer: Writer) -> WrittenPage:
        """Objects in order of creation, with their total, all of one moment.

        An object that cannot be written is left out, and counted nevertheless: an offset means the same in every
        version. At the same time with a writer: the state before or after, never a mixture. Raises StoreUnavailable.
        """
        statement, values = _page(shelf, owner, window, writer)
        name = (shelf, owner, window, writer.key, writer.build)
        # A CDR never changes, so its revision does not tell when its driver was forgotten.
        lasting = shelf.kind is not Cdr or self._told()
        known = self._at_hand.get(name) if lasting else None
        if known is not None:
            states, total, last, more = await self._row(_STATES.format(**statement), values[:-2])
            if states == known.states:
                return WrittenPage(known.body, len(known.states), total, last, more)
        states, total, last, more, kept, body = await self._row(_FAST.format(**statement), values)
        states = states or []
        if kept == len(states):
            if lasting:
                self._at_hand.keep(name, _Page(states, body or b""))
            return WrittenPage(body or b"", len(states), total, last, more)
        lines = await self._direct.fetch(_SLOW.format(**statement), *values)
        contents = await self._filled(shelf, writer, lines)
        return WrittenPage(
            body=b",".join(content for content in contents if content is not None),
            rows=len(lines),
            total=lines[0][5] if lines else total,
            last=lines[-1][0] if lines else None,
            more=more,
        )

    async def _row(self, statement: str, values: Sequence[object]) -> Sequence[Any]:
        row = await self._direct.first(statement, *values)
        if row is None:
            raise AssertionError("an aggregate has a row")
        return row

    async def one(self, shelf: Shelf, owner: str, object_id: ObjectId, writer: Writer) -> Written | None:
        """One object of a list; None when it is not on it. Raises StoreUnavailable."""
        statement = _SLOW.format(**_parts(shelf, f"{shelf.mine} AND o.key = $2", "", "NULL", "$3", "$4"))
        lines = await self._direct.fetch(statement, owner, object_id.key, writer.key, writer.build)
        if not lines:
            return None
        (content,) = await self._filled(shelf, writer, lines)
        return Written(content)

    async def _filled(self, shelf: Shelf, writer: Writer, lines: Sequence[Sequence[object]]) -> list[bytes | None]:
        """The contents of these rows; what is missing is written, and kept for the next time."""
        contents: list[bytes | None] = []
        numbers: list[object] = []
        revisions: list[object] = []
        written: list[bytes | None] = []
        wordless: list[CanonicalModel] = []
        for number, revision, known, content, document, _ in lines:
            if known:
                contents.append(content if isinstance(content, bytes) else None)
                continue
            (text,) = await self._drivers.reveal(str(document))
            value = shelf.read(text)
            fresh = writer.write(value)
            contents.append(fresh)
            numbers.append(number)
            revisions.append(revision)
            written.append(fresh)
            if fresh is None:
                wordless.append(value)
        if wordless:
            await writer.report(wordless)
        if numbers:
            keep = _KEEP.format(family=shelf.family, revision=shelf.revision)
            await self._direct.fetch(keep, writer.key, writer.build, numbers, revisions, written)
        return contents


_STATES: Final = """
SELECT p.states, ({total}), p.last,
    cardinality(p.states) = {limit} AND EXISTS (SELECT FROM {family} o WHERE {listed} AND o.number > p.last)
FROM (
    SELECT array_agg({revision} ORDER BY o.number) AS states, max(o.number) AS last
    FROM (SELECT o.number, {revision} AS revision FROM {family} o WHERE {chosen} ORDER BY o.number {slice}) o
) p
"""
"""Which states are on a page: no two states of any object have the same revision."""

_FAST: Final = """
SELECT p.states, ({total}), p.last,
    cardinality(p.states) = {limit} AND EXISTS (SELECT FROM {family} o WHERE {listed} AND o.number > p.last),
    p.kept, p.body
FROM (
    SELECT array_agg({revision} ORDER BY o.number) AS states, max(o.number) AS last, count(r.revision) AS kept,
        string_agg(r.content, ','::bytea ORDER BY o.number) AS body
    FROM (SELECT o.number, {revision} AS revision FROM {family} o WHERE {chosen} ORDER BY o.number {slice}) o
    {kept}
) p
"""
"""A page whose representations are all there, as one value: nothing is left to do with it but to send it."""

_SLOW: Final = """
SELECT o.number, o.revision, r.revision IS NOT NULL, r.content,
    CASE WHEN r.revision IS NULL THEN o.document::text END, ({total})
FROM (SELECT o.number, {revision} AS revision, o.document FROM {family} o WHERE {chosen} ORDER BY o.number {slice}) o
{kept}
ORDER BY o.number
"""
"""The same row by row, with the documents of those that have to be written."""

_KEEP: Final = """
INSERT INTO representation AS r (family, number, adapter, revision, build, content)
SELECT '{family}', f.number, $1, f.revision, $2, f.content
FROM unnest($3::bigint[], $4::bigint[], $5::bytea[]) AS f (number, revision, content)
JOIN {family} o ON o.number = f.number AND {revision} = f.revision
ORDER BY f.number
ON CONFLICT (family, number, adapter) DO UPDATE
SET revision = excluded.revision, build = excluded.build, content = excluded.content
"""
"""Two readers that keep the same rows do so in one order, so neither waits for the other for ever."""

_KEPT: Final = """LEFT JOIN LATERAL (
    SELECT r.revision, r.content FROM representation r
    WHERE r.family = '{family}' AND r.number = o.number AND r.adapter = {adapter} AND r.build = {build}
        AND r.revision = o.revision
    LIMIT 1
) r ON true"""
"""The limit says nothing new: it has the rows looked up one by one, whatever the planner believes about the table."""

_KEPT_TOTAL: Final = (
    "SELECT coalesce(sum(total), 0)::bigint FROM object_count WHERE family = '{family}' AND source = $1"
)


def _page(shelf: Shelf, owner: str, window: Window, writer: Writer) -> tuple[dict[str, str], list[object]]:
    """The parts of the statement that this window needs, and its values; who writes comes last."""
    values: list[object] = [owner]

    def place(value: object) -> str:
        values.append(value)
        return f"${len(values)}"

    filters = [shelf.mine]
    if window.since is not None:
        filters.append(f"o.last_updated >= {place(window.since)}")
    if window.until is not None:
        filters.append(f"o.last_updated < {place(window.until)}")
    listed = chosen = " AND ".join(filters)
    if len(filters) > 1 or not shelf.kept:
        total = f"SELECT count(*) FROM {shelf.family} o WHERE {listed}"  # noqa: S608
    else:
        total = _KEPT_TOTAL.format(family=shelf.family)
    limit = f"{place(window.limit)}::bigint"
    cut = f"LIMIT {limit}"
    if window.after is not None:
        chosen += f" AND o.number > {place(window.after)}"
    elif window.offset:
        cut += f" OFFSET {place(window.offset)}"
    adapter, build = place(writer.key), place(writer.build)
    return _parts(shelf, chosen, cut, total, adapter, build) | {"limit": limit, "listed": listed}, values


def _parts(shelf: Shelf, chosen: str, cut: str, total: str, adapter: str, build: str) -> dict[str, str]:
    return {
        "family": shelf.family,
        "kept": _KEPT.format(family=shelf.family, adapter=adapter, build=build),
        "revision": shelf.revision,
        "chosen": chosen,
        "slice": cut,
        "total": total,
    }
