"""What partners tell us of a driver over HTTP, and what is left of it in rows that never change."""

import asyncio

from sqlalchemy import text

from canonical.identity import PartyId
from canonical.store.tables import APPEND_ONLY, Row
from canonical.token import TokenType
from tests.api.documents import LATER, cdr, session, token
from tests.api.partner import Partner
from tests.api.test_modules import CDRS, SESSION, TOKEN, _our_token, no, ok

UID, CONTRACT = "04PLANTED0A1B2", "DE-RCO-CPLANTED1-X"
UNKNOWN = "04STRANGER9"


async def test_a_driver_is_named_in_living_rows_alone_and_then_nowhere(operator: Partner, provider: Partner) -> None:
    store = operator.deployment.store
    named = cdr()["cdr_token"] | {"uid": UID, "contract_id": CONTRACT}
    ok(await operator.request("PUT", SESSION, json=session(cdr_token=named)), 201)
    ok(await operator.request("PATCH", SESSION, json={"status": "COMPLETED", "last_updated": LATER}))
    sent = cdr(cdr_token=named, remark=f"card {UID}")
    ok(await operator.request("POST", CDRS, json=sent), 201)
    no(await operator.request("POST", CDRS, json=sent | {"total_energy": 99}), 200, 2001)
    no(await operator.request("POST", CDRS, json={"id": "C9", "cdr_token": named}), 200, 2001)
    no(await operator.request("POST", f"/sender/tokens/{UNKNOWN}/authorize"), 404, 2004)
    await _our_token(operator.deployment, valid=True)
    ok(await operator.request("POST", "/sender/tokens/OURS/authorize"))
    ok(await provider.request("PUT", TOKEN, json=token(contract_id="DE-MOB-CPLANTED2")), 201)

    needles = (UID, CONTRACT, UNKNOWN, "RFID/OURS", "CPLANTED2", "04A1B2C3")
    assert await _tables_with(store, needles) & set(APPEND_ONLY) == set()
    async with store.transaction() as work:
        # The same document is still given back, with everything in it.
        assert (await work.cdrs.listed(limit=10))[0][1].dossier.cdr.token.contract_id == CONTRACT

    async with store.transaction() as work:
        issuer = PartyId.parse("DE*RCO")
        for name in ({"contract_id": CONTRACT}, {"uid": UNKNOWN}):
            (known, *others) = await work.forgetting.find(issuer, **name)
            assert others == []
            await work.forgetting.forget(known, "asked for")
    assert await _tables_with(store, (UID, CONTRACT, UNKNOWN)) == set()
    async with store.transaction() as work:
        (left,) = await work.sessions.all(source="operator")
        assert (left.token.type, left.token.contract_id[:7]) == (TokenType.RFID, "ERASED-")
        assert (await work.cdrs.listed(limit=10))[0][1].dossier.cdr.token.contract_id.startswith("ERASED-")


async def _tables_with(store: object, needles: tuple[str, ...]) -> set[str]:
    found = set()
    async with store._begin() as opened:  # type: ignore[attr-defined]
        for table in Row.metadata.tables:
            rows = (await opened.execute(text(f'SELECT t::text FROM "{table}" t'))).scalars().all()  # noqa: S608
            if any(needle in row.upper() or needle.encode().hex() in row for row in rows for needle in needles):
                found.add(table)
    return found


async def test_a_driver_who_is_asked_for_by_many_at_once_is_one(operator: Partner) -> None:
    await _our_token(operator.deployment, valid=True)
    asked = "/sender/tokens/OURS/authorize"
    for answer in await asyncio.gather(*(operator.request("POST", asked) for _ in range(6))):
        ok(answer)
    async with operator.deployment.store.transaction() as work:
        assert len(await work.forgetting.find(PartyId.parse("DE*RCO"), uid="OURS")) == 1
