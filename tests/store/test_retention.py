"""How long what is kept: by class, by date, and enforced by the database where a row must not go too early."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from activities.retention import let_go
from canonical.event import EventKind
from canonical.session import SessionStatus
from canonical.store import Driver, Duty, OutboxAction, RetentionClass, RetentionPolicy, Store
from canonical.store.expiry import EXPIRIES
from canonical.store.retention import CLASS_OF
from canonical.store.tables import APPEND_ONLY, Row
from tests.store import samples
from tests.store.samples import EMSP, T0, of

POLICY = RetentionPolicy()
TODAY = datetime.now(UTC).date()


def test_every_table_belongs_to_one_class() -> None:
    assert set(CLASS_OF) == set(Row.metadata.tables)


def test_nothing_that_never_changes_is_swept() -> None:
    assert {expiry.table for expiry in EXPIRIES} & set(APPEND_ONLY) == set()


@pytest.mark.parametrize(
    ("each", "on", "ends"),
    [
        (RetentionClass.VOUCHERS, date(2026, 1, 1), date(2034, 12, 31)),
        (RetentionClass.VOUCHERS, date(2026, 12, 31), date(2034, 12, 31)),
        (RetentionClass.BOOKS, date(2024, 2, 29), date(2034, 12, 31)),
        (RetentionClass.LETTERS, date(2026, 6, 1), date(2032, 12, 31)),
        (RetentionClass.TRAFFIC, date(2026, 12, 3), date(2027, 3, 3)),
        (RetentionClass.PROOF, date(2026, 12, 3), None),
    ],
)
def test_a_term_ends_when_the_law_says(each: RetentionClass, on: date, ends: date | None) -> None:
    term = POLICY.term(each)
    assert term.ends(on) == ends
    if ends is not None:
        last, after = term.over_before(ends), term.over_before(ends + timedelta(days=1))
        assert last is not None
        assert after is not None
        assert last <= on < after


async def age(store: Store, table: str, column: str, days: int) -> None:
    async with store._begin() as opened:
        await opened.execute(text(f"UPDATE {table} SET {column} = now() - interval '{days} days'"))  # noqa: S608


async def rows(store: Store, table: str) -> int:
    async with store._begin() as opened:
        return int((await opened.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one())  # noqa: S608


async def test_what_is_due_goes_and_the_rest_stays(store: Store) -> None:
    async with store.transaction() as work:
        await work.idempotency.begin("request", "fingerprint")
        await work.authorizations.add(samples.authorization(), connection_id="emsp", at=T0)
        await work.outbox.add("emsp", "sessions", "DE*RCO/S1", OutboxAction.PUT)
        await work.tokens.put(samples.token("0400", valid=False))
        await work.tokens.put(samples.token("0401"))
        for name, status in (("S1", SessionStatus.COMPLETED), ("S2", SessionStatus.COMPLETED), ("S3", None)):
            await work.sessions.put(samples.session(name, **({"status": status} if status else {})))  # type: ignore[arg-type]
        await work.sessions.conclude(of("S1"), cdr=of("C1"))
        await work.outbox.tell("emsp", "DE*RCO/S1", "{}", module="sessions")
    columns = {
        "idempotency": "began_at", "token_authorization": "at", "outbox": "added_at", "token": "last_updated",
        "session": "stored_at", "told": "at",
    }  # fmt: skip
    for table, column in columns.items():
        await age(store, table, column, 29)
    assert (await let_go(store, POLICY, TODAY)).rows == {}
    for table, column in columns.items():
        await age(store, table, column, 402)
    # S2 has become nothing yet, S3 is not over, and what was not told still has to be.
    gone = {"idempotency": 1, "token_authorization": 1, "session": 1, "token": 1, "told": 1}
    assert (await let_go(store, POLICY, TODAY)).rows == gone
    assert (await let_go(store, POLICY, TODAY)).rows == {}
    async with store.transaction() as work:
        assert [each.id for each in await work.sessions.all()] == ["S2", "S3"]
        assert [each.uid for each in await work.tokens.all()] == ["0401"]


async def test_events_go_after_their_time_and_not_before_whoever_asks(store: Store) -> None:
    async with store.transaction() as work:
        for number in range(3):
            await work.events.add(EventKind.CASE_OPENED, f"case {number}", None, {})
    assert (await let_go(store, POLICY, TODAY)).rows == {}

    async def retire_too_early() -> None:
        async with store._begin() as opened:
            await opened.ask("SELECT retire_events(now() + interval '1 day', 10)")

    with pytest.raises(DBAPIError, match="is kept until 30 days have passed"):
        await retire_too_early()

    async def delete_in_its_name() -> None:
        async with store._begin() as opened:
            await opened.ask("SELECT set_config('roam.retiring', 'event', true)")
            await opened.ask("DELETE FROM event")

    with pytest.raises(DBAPIError, match="is kept until 30 days have passed"):
        await delete_in_its_name()
    later = TODAY + timedelta(days=200)
    async with store.transaction() as work:
        states = {state.table: state for state in await work.retention.overview(POLICY, later)}
    assert (states["event"].rows, states["event"].due) == (3, 3)
    await _made_long_ago(store)
    assert (await let_go(store, POLICY, TODAY)).rows == {"event": 2}
    async with store.transaction() as work:
        assert [each.event.object.key for each in await work.events.after(0, limit=10)] == ["case 2"]


async def _made_long_ago(store: Store) -> None:
    """All events but the last one. Only who may change the table itself can do that."""
    async with store._begin() as opened:
        await opened.execute(text("ALTER TABLE event DISABLE TRIGGER append_only"))
        await opened.execute(
            text("UPDATE event SET at = now() - interval '91 days' WHERE number < (SELECT max(number) FROM event)")
        )
        await opened.execute(text("ALTER TABLE event ENABLE TRIGGER append_only"))


async def _noted(store: Store, number: int, **days: date | None) -> None:
    async with store._begin() as opened:
        for column, day in days.items():
            await opened.ask(f"UPDATE driver_key SET {column} = $2 WHERE number = $1", number, day)  # noqa: S608
        await opened.ask("UPDATE driver_key SET created_at = now() - interval '20 years' WHERE number = $1", number)
    store.drivers.forget()


async def test_a_driver_is_forgotten_with_the_last_record_that_needs_him(store: Store) -> None:
    driver = Driver.of(samples.token_ref())
    async with store.transaction() as work:
        await work.cdrs.add(samples.dossier(), connection_id="emsp", ours=True, evidence_id=None)
    key = await store.drivers.key(driver, Duty.VOUCHER)
    last_year_of_duty = date(TODAY.year - 8, 12, 31)
    await _noted(store, key.number, voucher_on=last_year_of_duty, letter_on=None, feed_on=date(2010, 1, 31))
    assert (await let_go(store, POLICY, TODAY)).drivers == 0
    await _noted(store, key.number, voucher_on=date(TODAY.year - 9, 12, 31))
    async with store.transaction() as work:
        await work.tokens.put(samples.token())
    assert (await let_go(store, POLICY, TODAY)).drivers == 0  # he is a customer
    async with store._begin() as opened:
        await opened.execute(text("DELETE FROM token"))
    assert (await let_go(store, POLICY, TODAY)).drivers == 1
    async with store.transaction() as work:
        assert await work.forgetting.find(EMSP, uid="04ab") == ()
        kept = await work.cdrs.get(of("C1"), ours=True)
    assert kept is not None
    assert kept.dossier.cdr.token.contract_id.startswith("ERASED-")
    assert kept.dossier.cdr.total_cost == samples.cdr().total_cost


async def test_terms_follow_the_settings(store: Store) -> None:
    key = await store.drivers.key(Driver.of(samples.token_ref()), Duty.LETTER)
    await _noted(store, key.number, letter_on=date(TODAY.year - 3, 5, 31))
    assert (await let_go(store, POLICY, TODAY)).drivers == 0
    assert (await let_go(store, RetentionPolicy(letters_years=2), TODAY)).drivers == 1


async def test_a_destroyed_key_does_not_come_back(store: Store) -> None:
    key = await store.drivers.key(Driver.of(samples.token_ref()), Duty.FEED)
    async with store.transaction() as work:
        (known,) = await work.forgetting.find(EMSP, uid="04AB")
        await work.forgetting.forget(known, "asked for")

    async def bring_back() -> None:
        async with store._begin() as opened:
            await opened.ask("UPDATE driver_key SET sealed_key = 'x' WHERE number = $1", key.number)

    with pytest.raises(DBAPIError, match="driver_key_shredded_check"):
        await bring_back()
    assert await rows(store, "driver_name") == 0
