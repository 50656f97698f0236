"""The log of financial records on a real database: every record once, and whatever is done to them is found."""

import asyncio
from datetime import timedelta

import pytest
from pydantic import SecretStr

from canonical.store import Store
from canonical.store.log import Checkpoint, FaultKind, LogBroken, Note, NotSigned, SigningKey
from canonical.store.log.leaves import BY_TABLE, KINDS, records
from canonical.store.log.tree import Growth, includes, is_consistent
from canonical.store.tables import APPEND_ONLY, Row
from tests.store.financial import KEY, NOON, audited, charge, extend, newest, settle, tamper
from tests.store.samples import of, report


async def _month(store: Store) -> int:
    """Three checkpoints: two CDRs, two more, and the papers."""
    await charge(store, "C1", "C2")
    first = await extend(store)
    await charge(store, "C3", "C4")
    second = await extend(store, NOON + timedelta(minutes=1))
    await settle(store, "C1", "C2", "C3", "C4")
    return first + second + await extend(store, NOON + timedelta(minutes=2))


async def test_every_record_is_in_the_log_once(store: Store) -> None:
    added = await _month(store)
    assert await extend(store) == 0
    assert await extend(store, whole=True) == 0
    found, faults = await audited(store)
    assert faults == []
    assert (found.records, found.leaves, found.checkpoints, found.waiting) == (added, added, 3, 0)
    async with store._begin() as opened:
        kinds = {row[0] for row in await opened.look("SELECT DISTINCT kind FROM log_leaf")}
    not_written_here = {"agreement", "cdr_emission"}
    assert kinds == {kind.table for kind in KINDS} - not_written_here


def test_every_column_of_a_logged_table_counts() -> None:
    for kind in KINDS:
        # What the database itself works out of other columns is proved with them.
        columns = {column.name for column in Row.metadata.tables[kind.table].columns if column.computed is None}
        assert set(kind.columns) == columns
        for part in kind.parts:
            columns = {column.name for column in Row.metadata.tables[part.table].columns}
            assert {part.owner, *part.columns} == columns
        assert {kind.table, *(part.table for part in kind.parts)} <= set(APPEND_ONLY)


async def test_the_log_is_taken_in_pieces(store: Store) -> None:
    await charge(store, "C1", "C2", "C3")
    added = [await extend(store, limit=4)]
    while added[-1]:
        added.append(await extend(store, limit=4))
    found, faults = await audited(store)
    assert faults == []
    assert found.leaves == sum(added) == found.records
    assert found.checkpoints == len(added) - 1


async def test_two_that_extend_at_once_wait_for_each_other(store: Store) -> None:
    await charge(store, "C1", "C2")
    added = await asyncio.gather(*(extend(store) for _ in range(4)))
    found, faults = await audited(store)
    assert faults == []
    assert sorted(added) == [0, 0, 0, found.records]


async def test_a_record_that_is_committed_after_a_higher_number_is_not_missed(store: Store) -> None:
    async with store.transaction() as late:
        await late.settlement.save_report(report(checked=1))
        await late.sessions.get(of("S1"))  # it is written now, and not committed
        async with store.transaction() as work:
            await work.settlement.save_report(report(checked=2))
        assert await extend(store) == 1
    found, faults = await audited(store)
    assert (faults, found.waiting) == ([], 1)
    assert await extend(store) == 1
    assert (await audited(store))[1] == []


async def test_checkpoints_prove_that_the_log_only_grew(store: Store) -> None:
    await charge(store, "C1", "C2")
    await extend(store)
    old = Checkpoint.checked(await newest(store), KEY.public)
    await charge(store, "C3")
    await extend(store, NOON + timedelta(minutes=1))
    new = Checkpoint.checked(await newest(store), KEY.public)
    async with store.transaction() as work:
        proof = await work.log.consistency(old.size, new.size)
        leaves = await work.log.leaves("cdr", [1, 2, 3])
        proofs = await work.log.inclusion([leaf.position for leaf in leaves], new.size)
    assert is_consistent(old.size, old.root, new.size, new.root, proof)
    assert not is_consistent(old.size, bytes(32), new.size, new.root, proof)
    for leaf, each in zip(leaves, proofs, strict=True):
        assert includes(leaf.hash, leaf.position, new.size, each, new.root)


async def test_a_checkpoint_of_another_key_does_not_count(store: Store) -> None:
    await charge(store, "C1")
    await extend(store)
    note = await newest(store)
    other = SigningKey(SecretStr("another key, made of other words"), KEY.name)
    with pytest.raises(NotSigned):
        Checkpoint.checked(note, other.public)
    with pytest.raises(NotSigned):
        KEY.public.check(Note.parse(note.replace("\n", "\n1", 1)))
    _, faults = await audited(store, keys=(other.public,))
    assert [fault.what for fault in faults] == [FaultKind.SIGNATURE]


DONE = {
    "UPDATE cdr SET net = net + 0.01 WHERE key = 'DE*RCO/C1'": ("cdr", FaultKind.CHANGED, "DE*RCO/C1"),
    "UPDATE cdr SET document = jsonb_set(document, '{cdr,charge_point,city}', '\"Bonn\"') WHERE key = 'DE*RCO/C2'": (
        "cdr",
        FaultKind.CHANGED,
        "DE*RCO/C2",
    ),
    "UPDATE cdr_line SET tax = 1 WHERE cdr_number = 3": ("cdr", FaultKind.CHANGED, "DE*RCO/C3"),
    "DELETE FROM cdr_line WHERE cdr_number = 4": ("cdr", FaultKind.CHANGED, "DE*RCO/C4"),
    "DELETE FROM cdr WHERE key = 'DE*RCO/C5'": ("cdr", FaultKind.REMOVED, "DE*RCO/C5"),
    "UPDATE cdr SET key = 'DE*RCO/C9' WHERE key = 'DE*RCO/C6'": (
        "cdr",
        FaultKind.CHANGED,
        "DE*RCO/C6, now DE*RCO/C9",
    ),
    "UPDATE ledger_posting SET amount_minor = amount_minor * 2": ("ledger_entry", FaultKind.CHANGED, "invoice/1"),
    "UPDATE invoice_file SET content = '5.96'": ("invoice_file", FaultKind.CHANGED, "RCO-0001 invoice.csv"),
    "UPDATE evidence SET body = substr(body, 2) WHERE number = 2": ("evidence", FaultKind.CHANGED, "OUT cdrs POST"),
    "UPDATE tariff_version SET current_from = now()": ("tariff_version", FaultKind.CHANGED, "DE*RCO/T1"),
    "DELETE FROM signed_meter_data WHERE number = 1": ("signed_meter_data", FaultKind.REMOVED, "DE*RCO/S1"),
    "INSERT INTO cdr_event (number, cdr_number, state, text, at)"
    " SELECT 0, cdr_number, 'DISPUTED', text, at FROM cdr_event WHERE number = 1": (
        "cdr_event",
        FaultKind.ADDED,
        "1 DISPUTED",
    ),
}
"""What somebody does to records, and what is said of it."""


async def test_whatever_is_done_to_records_is_found(store: Store, database_url: str) -> None:
    await charge(store, "C1", "C2", "C3", "C4", "C5", "C6")
    await settle(store, "C1", "C2")
    await extend(store)
    await tamper(database_url, *DONE)
    faults = (await audited(store))[1]
    assert {(fault.kind, fault.what, fault.name) for fault in faults} == set(DONE.values())
    assert len(faults) == len(DONE)


async def test_records_that_change_places_are_found_both(store: Store, database_url: str) -> None:
    await _month(store)
    await tamper(
        database_url,
        "UPDATE cdr SET number = -1 WHERE number = 1",
        "UPDATE cdr SET number = 1 WHERE number = 2",
        "UPDATE cdr SET number = 2 WHERE number = -1",
    )
    faults = (await audited(store))[1]
    assert [(fault.what, fault.number) for fault in faults] == [(FaultKind.CHANGED, 1), (FaultKind.CHANGED, 2)]


async def test_a_record_with_its_leaf_removed_is_found(store: Store, database_url: str) -> None:
    await _month(store)
    await tamper(database_url, "DELETE FROM cdr WHERE number = 2", "DELETE FROM log_leaf WHERE kind='cdr' AND number=2")
    faults = (await audited(store))[1]
    assert [fault.what for fault in faults] == [FaultKind.REMOVED]
    assert "missing" in faults[0].words


async def test_a_leaf_that_fits_a_changed_record_is_found(store: Store, database_url: str) -> None:
    """Whoever changes a record and its leaf, and even every hash above it, does not have the signature."""
    await _month(store)
    async with store._begin() as opened:
        position = (await opened.look("SELECT position FROM log_leaf WHERE kind = 'cdr' AND number = 3"))[0][0]
        sizes = [row[0] for row in await opened.look("SELECT size FROM log_checkpoint ORDER BY size")]
    await tamper(database_url, "UPDATE cdr SET net = 0 WHERE number = 3")
    await _forge_leaf(store, database_url, position)
    faults = (await audited(store))[1]
    assert {fault.what for fault in faults} == {FaultKind.LOG}
    near = [fault.position for fault in faults if fault.kind is not None]
    assert all(abs(int(found or 0) - position) <= 1 for found in near[:1])
    assert any(f"positions {sizes[0]} to {sizes[1] - 1}" in fault.words for fault in faults)


async def test_leaves_that_change_places_are_found(store: Store, database_url: str) -> None:
    await _month(store)
    await tamper(
        database_url,
        "UPDATE log_leaf SET position = -1 WHERE position = 2",
        "UPDATE log_leaf SET position = 2 WHERE position = 3",
        "UPDATE log_leaf SET position = 3 WHERE position = -1",
    )
    faults = (await audited(store))[1]
    assert FaultKind.REORDERED in {fault.what for fault in faults}
    reordered = next(fault for fault in faults if fault.what is FaultKind.REORDERED)
    assert reordered.position == 3


async def test_an_end_that_was_cut_off_is_found_by_who_kept_a_checkpoint(store: Store, database_url: str) -> None:
    await _month(store)
    kept = Checkpoint.parse(await newest(store))
    await tamper(
        database_url,
        "DELETE FROM statement",
        "DELETE FROM reconciliation_report",
        "DELETE FROM invoice",
        "DELETE FROM invoice_file",
        "DELETE FROM ledger_posting",
        "DELETE FROM ledger_entry",
        "DELETE FROM log_checkpoint WHERE size = (SELECT max(size) FROM log_checkpoint)",
        "DELETE FROM log_leaf WHERE position >= (SELECT max(size) FROM log_checkpoint)",
    )
    assert (await audited(store))[1] == []
    (fault,) = (await audited(store, kept))[1]
    assert fault.what is FaultKind.REMOVED
    await charge(store, "C9")
    await extend(store, NOON + timedelta(hours=3))
    for held in (kept, Checkpoint(kept.origin, 3, bytes(32), kept.at)):
        assert (await audited(store, held))[1] != []


async def test_a_record_that_came_to_the_log_long_after_later_ones_is_told(store: Store, database_url: str) -> None:
    await charge(store, "C1", "C2")
    await extend(store)
    await tamper(
        database_url,
        "INSERT INTO cdr_event (number, cdr_number, state, text, at)"
        " SELECT 0, cdr_number, 'DISPUTED', text, at FROM cdr_event WHERE number = 1",
    )
    assert await extend(store, NOON + timedelta(hours=5)) == 0
    assert await extend(store, NOON + timedelta(hours=5), whole=True) == 1
    (fault,) = (await audited(store))[1]
    assert (fault.what, fault.kind, fault.number) == (FaultKind.ADDED, "cdr_event", 0)


async def test_nothing_is_added_to_a_log_that_is_not_what_was_signed(store: Store, database_url: str) -> None:
    await charge(store, "C1")
    await extend(store)
    await tamper(
        database_url,
        "UPDATE log_leaf SET hash = sha256(hash), subtrees = decode(repeat('00', length(subtrees)), 'hex')",
    )
    await charge(store, "C2")
    with pytest.raises(LogBroken):
        await extend(store)


async def _forge_leaf(store: Store, database_url: str, position: int) -> None:
    """Write the leaf that fits the changed record, and all hashes above it."""
    async with store._begin() as opened:
        (record,) = await records(opened, BY_TABLE["cdr"][1], [3])
        rows = await opened.look("SELECT position, hash FROM log_leaf ORDER BY position")
    growth, statements = Growth(), []
    for place, hash_ in rows:
        leaf = record.leaf() if place == position else hash_
        subtrees = b"".join(growth.add(leaf)).hex()
        forged = f"hash = '\\x{leaf.hex()}', subtrees = '\\x{subtrees}'"
        statements.append(f"UPDATE log_leaf SET {forged} WHERE position = {place}")  # noqa: S608
    await tamper(database_url, *statements)
