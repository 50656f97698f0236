"""Everything that one CDR rests on, found in the database and proved from the log."""

from collections.abc import Iterable, Iterator
from typing import Final

from canonical.model import fold
from canonical.store.errors import NotFound
from canonical.store.log.bundle import Bundle, Proved, Since
from canonical.store.log.canonical_json import Json
from canonical.store.log.checkpoint import Checkpoint
from canonical.store.log.leaves import BY_TABLE, Record, records
from canonical.store.log.log import Leaf, LogBroken, LogRepository
from canonical.store.log.note import SigningKey
from canonical.store.log.reading import numbers_of
from canonical.store.log.tree import includes
from canonical.store.transaction import Transaction
from canonical.vault import Vault

_AT_ONCE: Final = 200

_CDRS: Final = """
SELECT c.number FROM cdr c JOIN cdr asked ON asked.connection_id = c.connection_id AND asked.ours = c.ours
    AND (asked.number = c.number OR asked.session_key = c.session_key)
WHERE asked.number = $1 ORDER BY c.number
"""
_NAMED: Final = """
SELECT number, key, connection_id, ours FROM cdr
WHERE (key = $1 OR substr(key, strpos(key, '/') + 1) = $1) AND ($2::text IS NULL OR connection_id = $2) ORDER BY number
"""
_RELATED: Final = {
    "cdr_event": "SELECT number FROM cdr_event WHERE cdr_number = ANY($1::bigint[])",
    "cdr_emission": "SELECT number FROM cdr_emission WHERE cdr_number = ANY($1::bigint[])",
    "cdr_receipt": "SELECT number FROM cdr_receipt WHERE cdr_number = ANY($1::bigint[])",
    "billing_context": "SELECT number FROM billing_context WHERE session_key = ANY({sessions})",
    "signed_meter_data": "SELECT number FROM signed_meter_data WHERE session_key = ANY({sessions})",
    "tariff_version": "SELECT number FROM tariff_version WHERE $1::bigint[] <> '{{}}' AND sha256 = ANY($2::text[])",
    "agreement": "SELECT a.number FROM agreement a JOIN cdr c ON c.connection_id = a.connection_id"
    " AND c.document ->> 'agreement' = a.ref WHERE c.number = ANY($1::bigint[])",
    "evidence": "SELECT e.number FROM evidence e JOIN cdr c ON c.number = ANY($1::bigint[])"
    " WHERE e.number = c.evidence_number OR (e.connection_id = c.connection_id"
    " AND e.object_key = ANY(ARRAY[c.key, split_part(c.key, '/', 1) || '/' || c.session_key]))"
    " UNION SELECT e.number FROM evidence e JOIN cdr c ON c.number = ANY($1::bigint[])"
    " AND c.connection_id = e.connection_id"
    " WHERE e.object_key IN (SELECT t.key FROM tariff_version t WHERE t.sha256 = ANY($2::text[]))",
    "statement": "{statements}",
    "reconciliation_report": "SELECT r.number FROM reconciliation_report r JOIN statement s ON s.key = r.statement_key"
    " WHERE s.number IN ({statements})",
    "invoice": "{invoices}",
    "invoice_file": "SELECT f.number FROM invoice_file f JOIN invoice i ON i.key = f.invoice_key"
    " WHERE i.number IN ({invoices})",
    "ledger_entry": "SELECT l.number FROM ledger_entry l JOIN invoice i ON l.at = i.issued_at"
    " AND starts_with(l.event, 'invoice.') AND starts_with(l.text, 'Invoice ' || (i.document ->> 'number') || ' ')"
    " WHERE i.number IN ({invoices})",
}
"""How what belongs to CDRs ($1) and to the tariff versions that they name ($2) is found."""

_PAPERS: Final = frozenset({"statement", "reconciliation_report", "invoice", "invoice_file", "ledger_entry"})

_STATEMENTS: Final = (
    "SELECT s.number FROM statement s JOIN cdr c ON c.connection_id = s.connection_id"
    " AND s.document @> jsonb_build_object('items', jsonb_build_array(jsonb_build_object('cdr', jsonb_build_object("
    "'owner', c.document #> '{cdr,owner}', 'id', c.document #> '{cdr,id}'))))"
    " WHERE c.number = ANY($1::bigint[])"
)
_INVOICES: Final = (
    f"SELECT i.number FROM invoice i JOIN statement s ON s.key = i.statement_key WHERE s.number IN ({_STATEMENTS})"  # noqa: S608
)
_SESSIONS: Final = (
    "ARRAY(SELECT split_part(key, '/', 1) || '/' || session_key FROM cdr WHERE number = ANY($1::bigint[]))"
)


async def export(
    connection: Transaction,
    key: SigningKey,
    cdr: str,
    *,
    connection_id: str | None = None,
    since: str | None = None,
    papers: bool = True,
    opened_with: Vault | None = None,
) -> Bundle:
    """The bundle of a CDR, named by its key (`DE*ABC/C1`) or its id alone.

    With it come the other CDRs of its session: what it takes back, and what takes it back. `since` is the note of an
    older checkpoint: the bundle then proves that the log only grew since. `papers`: with statement, report, invoice and
    posting, which are about other CDRs of the month too. `opened_with`: with the keys of the drivers whom it tells of,
    as far as there are any, so that whoever gets it reads what is sealed.
    Raises NotFound, also for a name that several CDRs have, and LogBroken where what is there is not what was signed.
    """
    await connection.ask("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    number, subject = await _named(connection, cdr, connection_id)
    log = LogRepository(connection)
    note = await log.newest()
    if note is None:
        raise NotFound("there is nothing in the log yet")
    checkpoint = Checkpoint.checked(note, key.public)
    cdrs = [row[0] for row in await connection.look(_CDRS, number)]
    found = await _records(connection, cdrs, [kind for kind in _RELATED if papers or kind not in _PAPERS])
    proved = await _proved(log, found, checkpoint)
    return Bundle.made(
        subject,
        note,
        proved,
        key,
        since=await _since(log, since, checkpoint),
        keys={} if opened_with is None else await _driver_keys(connection, found, opened_with),
    )


async def _named(connection: Transaction, cdr: str, connection_id: str | None) -> tuple[int, str]:
    rows = await connection.look(_NAMED, fold(cdr), connection_id)
    if not rows:
        raise NotFound(f"there is no CDR {cdr}")
    if len(rows) > 1:
        places = ", ".join(f"{row[1]} {'for' if row[3] else 'by'} {row[2]}" for row in rows)
        raise NotFound(f"there is more than one CDR {cdr}: {places}; say which with --connection")
    return rows[0][0], rows[0][1]


async def _records(connection: Transaction, cdrs: list[int], kinds: Iterable[str]) -> list[Record]:
    found = await _of(connection, "cdr", cdrs)
    contexts = await _of(connection, "billing_context", await _related(connection, "billing_context", cdrs, []))
    digests = sorted({digest for record in (*found, *contexts) for digest in _tariff_digests(record.values)})
    for kind in kinds:
        found += await _of(connection, kind, await _related(connection, kind, cdrs, digests))
    return found


async def _related(connection: Transaction, kind: str, cdrs: list[int], digests: list[str]) -> list[int]:
    statement = _RELATED[kind].format(statements=_STATEMENTS, invoices=_INVOICES, sessions=_SESSIONS)
    values = (cdrs, digests) if "$2" in statement else (cdrs,)
    return sorted({row[0] for row in await connection.look(statement, *values)})


async def _of(connection: Transaction, kind: str, numbers: list[int]) -> list[Record]:
    found: list[Record] = []
    for first in range(0, len(numbers), _AT_ONCE):
        found += await records(connection, BY_TABLE[kind][1], numbers[first : first + _AT_ONCE])
    return found


def _tariff_digests(value: Json) -> Iterator[str]:
    """Every digest of a tariff version that is named anywhere in a document."""
    if isinstance(value, dict):
        for name, each in value.items():
            if name == "tariff_sha256" or (name == "sha256" and "tariff_id" in value):
                yield from (each,) if isinstance(each, str) else ()
            else:
                yield from _tariff_digests(each)
    elif isinstance(value, list):
        for each in value:
            yield from _tariff_digests(each)


async def _proved(log: LogRepository, found: Iterable[Record], checkpoint: Checkpoint) -> list[Proved]:
    """Raises LogBroken where a record is not in the log, or is not what stands there."""
    by_kind: dict[str, dict[int, Record]] = {}
    for record in found:
        by_kind.setdefault(record.kind, {})[record.number] = record
    placed: list[tuple[Record, Leaf]] = []
    for kind, of_kind in by_kind.items():
        leaves = await log.leaves(kind, of_kind)
        missing = of_kind.keys() - {leaf.number for leaf in leaves}
        if missing:
            raise LogBroken(f"{kind} {min(missing)} is not in the log: ask `roam evidence verify`")
        placed += [(of_kind[leaf.number], leaf) for leaf in leaves]
    proofs = await log.inclusion([leaf.position for _, leaf in placed], checkpoint.size)
    result = []
    for (record, leaf), proof in zip(placed, proofs, strict=True):
        digests = record.digests()
        proved = Proved(record.kind, record.number, leaf.position, record.values, digests, proof)
        if not includes(proved.leaf, leaf.position, checkpoint.size, proof, checkpoint.root):
            raise LogBroken(f"{record.kind} {record.number} is not what was signed: ask `roam evidence verify`")
        result.append(proved)
    return result


async def _driver_keys(connection: Transaction, found: Iterable[Record], vault: Vault) -> dict[str, bytes]:
    """The keys under which something in these records is sealed, less those that were destroyed."""
    numbers = {number for record in found for number in numbers_of(record.values)}
    rows = await connection.look(
        "SELECT number, sealed_key FROM driver_key WHERE number = ANY($1::bigint[]) AND sealed_key IS NOT NULL",
        sorted(numbers),
    )
    return {str(number): vault.open_bytes(sealed) for number, sealed in rows}


async def _since(log: LogRepository, note: str | None, checkpoint: Checkpoint) -> Since | None:
    if note is None:
        return None
    older = Checkpoint.parse(note)
    if not 0 < older.size <= checkpoint.size:
        raise LogBroken(f"the older checkpoint is of {older.size} records, and the log has {checkpoint.size}")
    return Since(note, await log.consistency(older.size, checkpoint.size))
