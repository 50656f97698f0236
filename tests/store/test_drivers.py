"""Who a driver is stands nowhere in clear where rows never change, and nowhere at all once he is forgotten."""

import asyncio
import contextlib
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import text

from canonical.cdr import Cdr, SignedMeterData, SignedReading
from canonical.event import EventKind
from canonical.identity import PartyId
from canonical.model import Extension
from canonical.session import SessionStatus
from canonical.settlement import Case, CaseState
from canonical.store import (
    AddOutcome,
    Direction,
    Driver,
    Duty,
    EvidenceRecord,
    NotFound,
    OutboxAction,
    Overtaken,
    RetentionPolicy,
    Store,
    UnitOfWork,
)
from canonical.store.documents import sha256_of, text_of
from canonical.store.sealing import ERASED, DriverKey, packed, reveal, unpacked
from canonical.store.tables import APPEND_ONLY, Row
from canonical.token import Authorization, Token, TokenRef
from canonical.vault import Vault
from tests.store import samples
from tests.store.samples import EMSP, T0, at, of

UID = "04PLANTED7C15E"
CONTRACT = "NL-REM-PLANTED-9"
VISUAL = "DF000-2016-PLANTED-1"
REF = TokenRef(issuer_party=EMSP, uid=UID, type=samples.token().type, contract_id=CONTRACT)
DRIVER = Driver.of(REF)
NEEDLES = tuple(form for name in (UID, CONTRACT, VISUAL) for form in (name.upper(), name.encode().hex().upper()))
OCMF = f'OCMF|{{"ID":"{UID}"}}|{{"SD":"00"}}'
SIGNED = SignedMeterData(
    encoding_method="OCMF",
    readings=(SignedReading(nature="Start", plain_data=OCMF, signed_data=OCMF),),
    url=f"https://meter.example/{UID}",
)
CDR = samples.cdr().model_copy(
    update={
        "token": REF,
        "remark": f"charged by {UID.lower()}",
        "signed_data": SIGNED,
        "extensions": (Extension(pointer="/driver", json_text=json.dumps({"card": VISUAL})),),
    }
)


def token() -> Token:
    return samples.token(UID).model_copy(update={"contract_id": CONTRACT, "visual_number": VISUAL})


def evidence(module: str = "cdrs", **values: Any) -> EvidenceRecord:
    record = EvidenceRecord(
        direction=Direction.IN,
        connection_id="emsp",
        module=module,
        method="POST",
        url_or_path="/ocpi/cdrs",
        status=200,
        headers={"X-Request-ID": UID},
        body=json.dumps({"uid": UID, "contract_id": CONTRACT}).encode(),
        answer=CONTRACT.encode(),
        adapter="test",
        object_key=CDR.object_id.key,
        at=T0,
        driver=DRIVER,
    )
    return replace(record, **values)


async def charged(store: Store) -> int:
    """A driver has charged: everything about him that can be kept, in one way or another. Returns the evidence."""
    async with store.transaction() as work:
        await work.connections.add(samples.connection())
        await work.tokens.put(token(), source="emsp")
        await work.sessions.put(samples.session().model_copy(update={"token": REF}))
        ended = samples.session("S2", status=SessionStatus.COMPLETED).model_copy(update={"token": REF})
        await work.sessions.put(ended, source="emsp")
        await work.sessions.seal(samples.context())
        await work.sessions.keep_signed(of("S1"), SIGNED)
        answer = Authorization(allowed=samples.authorization().allowed, token=token())
        await work.authorizations.add(answer, connection_id="emsp", at=T0)
        await work.events.add(EventKind.AUTHORIZATION_ASKED, token().object_id.key, "emsp", answer)
        await work.outbox.add("emsp", "tokens", token().object_id.key, OutboxAction.PUT)
        await work.outbox.tell("emsp", token().object_id.key, token().model_dump_json(), module="tokens")
        await work.idempotency.begin("request", "fingerprint")
        await work.idempotency.finish("request", 201, token().model_dump_json().encode())
        case = Case(
            id="a case", kind="push-refused", subject=token().object_id.key, text=f"{CONTRACT} is refused",
            state=CaseState.CLOSED, opened_at=T0, closed_at=T0,
        )  # fmt: skip
        await work.cases.open(case)
        number = await work.evidence.add(evidence())
        await work.evidence.note(
            evidence("tokens", url_or_path=f"/ocpi/tokens/{UID}", object_key=token().object_id.key)
        )
        await work.cdrs.add(samples.dossier(CDR), connection_id="emsp", ours=False, evidence_id=number)
        await work.settlement.save_statement(samples.statement(), "emsp")
    await store.keep_evidence(evidence("sessions"))
    return number


async def tables_with(store: Store, *needles: str) -> set[str]:
    """Tables with a row in which one of these stands in clear, in bytes or in text."""
    found = set()
    async with store._begin() as opened:
        for table in Row.metadata.tables:
            rows = (await opened.execute(text(f'SELECT t::text FROM "{table}" t'))).scalars().all()  # noqa: S608
            if any(needle in row.upper() for row in rows for needle in needles):
                found.add(table)
    return found


async def digests(store: Store) -> dict[str, str]:
    """Of all rows of each table that never change, as they are stored."""
    async with store._begin() as opened:
        return {
            table: hashlib.sha256(
                "\n".join((await opened.execute(text(f"SELECT t::text FROM {table} t ORDER BY 1"))).scalars()).encode()  # noqa: S608
            ).hexdigest()
            for table in APPEND_ONLY
            if table != "log_checkpoint"
        }


async def forget(store: Store) -> None:
    async with store.transaction() as work:
        for known in await work.forgetting.find(EMSP, contract_id=CONTRACT):
            await work.forgetting.forget(known, "asked for")


async def test_no_row_that_never_changes_names_a_driver(store: Store) -> None:
    await charged(store)
    assert (await tables_with(store, *NEEDLES)) & set(APPEND_ONLY) == set()
    async with store.transaction() as work:
        kept = await work.cdrs.get(CDR.object_id, connection_id="emsp", ours=False)
        assert kept is not None
        assert kept.dossier.cdr == CDR


async def test_what_was_sealed_is_read_as_it_was(store: Store) -> None:
    number = await charged(store)
    async with store.transaction() as work:
        record = await work.evidence.get(number)
        assert (record.body, record.answer, record.headers) == (
            evidence().body,
            CONTRACT.encode(),
            {"X-Request-ID": UID},
        )
        (about,) = await work.evidence.for_object(token().object_id.key)
        assert (about.url_or_path, about.object_key) == (f"/ocpi/tokens/{UID}", token().object_id.key)
        assert await work.sessions.signed(of("S1")) == CDR.signed_data
        told = {each.event.type: each.event for each in await work.events.after(0, limit=100)}
    asked = told[EventKind.AUTHORIZATION_ASKED]
    assert asked.object.key == token().object_id.key
    answer = Authorization.model_validate(asked.data)
    assert answer.token == token()
    assert Cdr.model_validate(told[EventKind.CDR_RECEIVED].data) == CDR
    assert CONTRACT in Case.model_validate(told[EventKind.CASE_OPENED].data).text


async def test_a_forgotten_driver_is_nowhere(store: Store, vault: Vault, database_url: str) -> None:
    await charged(store)
    before = await digests(store)
    await forget(store)
    assert await digests(store) == before
    assert await tables_with(store, *NEEDLES) == set()
    # Nor can a process that has forgotten nothing of its own open anything.
    another = await Store.connect(database_url, vault)
    async with another.transaction() as work:
        shown = repr(
            (
                await work.cdrs.get(CDR.object_id, connection_id="emsp", ours=False),
                await work.events.after(0, limit=100),
                [await work.evidence.get(number) for number in (1, 2, 3)],
                await work.sessions.signed(of("S1")),
                await work.sessions.all(),
                await work.cases.list(),
            )
        ).upper()
        assert not any(needle in shown for needle in NEEDLES)
        assert await work.forgetting.find(EMSP, uid=UID) == ()
        assert await work.idempotency.begin("request", "other") is None
    await another.close()


async def test_money_and_order_outlive_a_driver(store: Store) -> None:
    await charged(store)
    await forget(store)
    async with store.transaction() as work:
        kept = await work.cdrs.get(CDR.object_id, connection_id="emsp", ours=False)
        session = await work.sessions.get(of("S1"))
        assert kept is not None
        assert session is not None
        assert kept.dossier.cdr.total_cost == CDR.total_cost
        assert kept.dossier.lines == samples.dossier(CDR).lines
        # One pseudonym for one driver, wherever he stood.
        assert kept.dossier.cdr.token == session.token
        assert session.token.contract_id.startswith(ERASED)
        assert json.loads(kept.dossier.cdr.extensions[0].json_text).startswith(ERASED)
        assert await work.settlement.statement(samples.statement().id) == samples.statement()
        found = await work.cdrs.between("emsp", ours=False, since=at(0), until=at(120))
        assert [each.dossier.cdr.total_energy_kwh for each in found] == [CDR.total_energy_kwh]


async def test_a_cdr_that_comes_again_is_known_before_and_after(store: Store) -> None:
    await charged(store)

    async def again(record: Cdr = CDR) -> AddOutcome:
        async with store.transaction() as work:
            return await work.cdrs.add(samples.dossier(record), connection_id="emsp", ours=False, evidence_id=None)

    dearer = CDR.model_copy(update={"total_cost": samples.cdr(net="6.00").total_cost})
    assert (await again(), await again(dearer)) == (AddOutcome.SAME, AddOutcome.CONFLICT)
    await forget(store)
    assert (await again(), await again(dearer)) == (AddOutcome.SAME, AddOutcome.CONFLICT)


async def test_a_list_is_sealed_element_by_element(store: Store) -> None:
    other = Driver.of(REF.model_copy(update={"uid": "05OTHER5", "contract_id": "NL-REM-OTHER"}))
    elements = (b'{"uid":"' + UID.encode() + b'"}', b'{"uid":"05OTHER5"}')
    page = b"[" + b", ".join(elements) + b"]"
    told_of = tuple(zip((DRIVER, other), elements, strict=True))
    async with store.transaction() as work:
        number = await work.evidence.add(evidence("tokens", driver=None, answer=page, told_of=told_of))
        assert (await work.evidence.get(number)).answer == page
    await forget(store)
    async with store.transaction() as work:
        left = (await work.evidence.get(number)).answer
    assert left.startswith(b"[" + ERASED.encode())
    assert left.endswith(b", " + elements[1] + b"]")


async def test_messages_of_nobody_are_kept_as_they_always_were(store: Store) -> None:
    async with store.transaction() as work:
        number = await work.evidence.add(evidence("tariffs", driver=None))
    async with store._begin() as opened:
        rows = await opened.look("SELECT body, body_sha256 FROM evidence WHERE number = $1", number)
    assert unpacked(rows[0][0], {}) == evidence().body
    assert rows[0][1] == evidence().body_sha256


async def test_what_was_kept_in_clear_before_is_read_and_recognised(store: Store) -> None:
    await charged(store)
    columns = "ours, session_key, evidence_number, start_at, end_at, last_updated, energy_kwh, currency, net, gross"
    async with store._begin() as opened:
        await opened.ask(
            f"INSERT INTO cdr ({columns}, connection_id, key, reference, sha256, document)"  # noqa: S608
            f" SELECT {columns}, 'old', key, 'old', $1, $2::jsonb FROM cdr",
            sha256_of(CDR),
            text_of(samples.dossier(CDR)),
        )
        await opened.ask(
            "INSERT INTO cdr_event (cdr_number, state, text, at) SELECT max(number), 'RECEIVED', '', now() FROM cdr"
        )
    async with store.transaction() as work:
        kept = await work.cdrs.get(CDR.object_id, connection_id="old", ours=False)
        again = await work.cdrs.add(samples.dossier(CDR), connection_id="old", ours=False, evidence_id=None)
    assert kept is not None
    assert (kept.dossier.cdr, kept.sha256, again) == (CDR, sha256_of(CDR), AddOutcome.SAME)


async def test_everybody_gets_the_same_key(store: Store, vault: Vault, database_url: str) -> None:
    another = await Store.connect(database_url, vault)
    keys = await asyncio.gather(
        *(each.drivers.key(DRIVER, Duty.LETTER) for each in (store, another) for _ in range(10))
    )
    assert len({key.number for key in keys}) == 1
    assert another.drivers is not store.drivers
    assert keys[0].seal_text("x") == keys[-1].seal_text("x")
    await another.close()


async def test_a_card_leads_to_its_contract_and_spelling_does_not_matter(store: Store) -> None:
    key = await store.drivers.key(DRIVER, Duty.FEED)
    second = await store.drivers.key(replace(DRIVER, uid="05SECOND"), Duty.FEED)
    assert second.number == key.number
    alone = await store.drivers.key(Driver.by_card(EMSP, "05second"), Duty.FEED)
    assert alone.number != key.number
    async with store.transaction() as work:
        found = await work.forgetting.find(EMSP, contract_id=CONTRACT.lower())
        assert {each.key.number for each in found} == {key.number, alone.number}
        assert await work.forgetting.find(PartyId(country_code="DE", party_id="XXX"), uid=UID) == ()


async def test_a_driver_who_comes_back_is_another_one(store: Store) -> None:
    before = await store.drivers.key(DRIVER, Duty.LETTER)
    await forget(store)
    after = await store.drivers.key(DRIVER, Duty.LETTER)
    assert after.number != before.number
    async with store.transaction() as work:
        with pytest.raises(NotFound):
            await work.forgetting.forget(replace((await work.forgetting.find(EMSP, uid=UID))[0], key=before), "again")


async def test_a_key_outlives_the_transaction_that_first_asked_for_it(store: Store) -> None:
    class Changed(Exception):
        pass

    async def give_up() -> None:
        async with store.transaction() as work:
            await work.cdrs.add(samples.dossier(CDR), connection_id="emsp", ours=False, evidence_id=None)
            raise Changed

    with pytest.raises(Changed):
        await give_up()
    number = await charged(store)
    store.drivers.forget()
    async with store.transaction() as work:
        assert (await work.evidence.get(number)).answer == CONTRACT.encode()


async def test_duties_say_until_when_a_driver_has_to_be_known(store: Store) -> None:
    await charged(store)
    today = datetime.now(UTC).date()
    async with store.transaction() as work:
        known, by_card = await work.forgetting.find(EMSP, uid=UID)
        assert (by_card.of_kind("contract"), by_card.needed_until(RetentionPolicy(), today)) == ((), {})
        needed = known.needed_until(RetentionPolicy(), today)
        assert {duty: (end.year, end.month, end.day) for duty, end in needed.items()} == {
            Duty.VOUCHER: (today.year + 8, 12, 31),
            Duty.LETTER: (today.year + 6, 12, 31),
        }
        affected = await work.forgetting.affected(known)
        assert affected.counts == {
            "cdr": 1, "token": 1, "session": 2, "token_authorization": 1, "command": 0, "review_case": 1,
        }  # fmt: skip
        assert affected.under_way == ("1 × change of a token has yet to be told", "1 × session is not over")


class TestSealing:
    KEY = DriverKey(7, bytes(range(64)))

    def test_json_stays_json_and_opens_to_what_it_was(self) -> None:
        document = json.dumps(
            {
                "token": {"uid": "A1", "contract_id": 'x"\\y'},
                "count": 123456,
                "123456": 'say "123456"',
                "l": ["a123456\\"],
            },
            separators=(",", ":"),
        )
        sealed = self.KEY.conceal(document, ("A1", "123456"))
        values = json.loads(sealed)
        assert values["count"] == 123456
        assert [values["token"]["uid"][:8], values["123456"][:8], values["l"][0][:8]] == ["~sealed:"] * 3
        assert "x" not in values["token"]["contract_id"].split(":")[0]
        assert reveal(sealed, {7: self.KEY}) == document
        assert json.loads(reveal(sealed, {7: None}))["token"]["uid"].startswith(ERASED)

    def test_who_writes_like_us_gains_nothing(self) -> None:
        forged = json.dumps({"remark": "~sealed:7:AAAA", "name": "~sealed:7:AAAA"}, separators=(",", ":"))
        sealed = self.KEY.conceal(forged, ())
        assert reveal(sealed, {7: self.KEY}) == forged
        assert reveal(forged, {}) == forged

    def test_what_was_seen_sealed_elsewhere_is_not_opened_for_whoever_sends_it(self) -> None:
        seen = DriverKey(9, bytes(64)).seal_text("NL-REM-C9")
        sent = json.dumps({"name": f"look: {seen}"}, separators=(",", ":"))
        keys = {7: self.KEY, 9: DriverKey(9, bytes(64))}
        assert reveal(self.KEY.conceal(sent, ()), keys) == sent
        assert reveal(self.KEY.conceal_name(f"/cdrs/{seen}", ()), keys) == f"/cdrs/{seen}"

    def test_a_part_that_was_changed_is_noticed(self) -> None:
        stored = packed(((self.KEY, b"one"), (None, b"two")))
        assert unpacked(stored, {7: self.KEY}) == b"onetwo"
        changed = bytearray(stored)
        changed[20] ^= 1
        with pytest.raises(InvalidTag):
            unpacked(bytes(changed), {7: self.KEY})

    def test_nothing_shows_a_key(self) -> None:
        assert repr(self.KEY) == "DriverKey(7)"


class _Stopped(Exception):
    """Something that leaves the block."""


async def _look(work: UnitOfWork) -> None:
    """Any look: the key of who is expected comes along with it."""
    await work.tokens.get(samples.token().object_id)


async def test_a_key_that_a_transaction_makes_goes_with_it(store: Store) -> None:
    with contextlib.suppress(_Stopped):
        async with store.transaction() as work:
            work.keyring.expect(DRIVER)
            await _look(work)
            lost = await work.keyring.key(DRIVER, Duty.FEED)
            await work.events.add(EventKind.AUTHORIZATION_ASKED, "x", "a", {}, driver=DRIVER)
            raise _Stopped
    assert await store.drivers.by_number([lost.number]) == {}
    async with store.transaction() as work:
        work.keyring.expect(DRIVER)
        await _look(work)
        kept = await work.keyring.key(DRIVER, Duty.FEED)
        await work.events.add(EventKind.AUTHORIZATION_ASKED, "x", "a", {}, driver=DRIVER)
    assert kept.number != lost.number
    assert (await store.drivers.key(DRIVER, Duty.FEED)).number == kept.number


async def test_of_two_who_make_a_key_for_a_driver_one_is_overtaken_and_then_uses_that_of_the_other(
    store: Store, vault: Vault, database_url: str
) -> None:
    another = await Store.connect(database_url, vault)
    with pytest.raises(Overtaken):  # noqa: PT012 (when the transaction ends)
        async with store.transaction() as work:
            work.keyring.expect(Driver.by_card(EMSP, UID))
            await _look(work)
            await work.keyring.key(DRIVER, Duty.FEED)
            theirs = await another.drivers.key(DRIVER, Duty.FEED)
            await work.events.add(EventKind.AUTHORIZATION_ASKED, "x", "a", {}, driver=DRIVER)
    await another.close()
    async with store.transaction() as work:
        assert await work.events.last() == 0
        work.keyring.expect(Driver.by_card(EMSP, UID))
        await _look(work)
        assert (await work.keyring.key(DRIVER, Duty.FEED)).number == theirs.number
