"""`roam evidence`: a bundle is checked without a database, and whatever is done to it is found, and where."""

import asyncio
import base64
import json
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from typer.testing import CliRunner, Result

from canonical.store import Store
from canonical.store.log import BadBundle, Bundle, flaws
from canonical.store.log.canonical_json import NotJson, read, write
from canonical.store.log.note import PublicKey
from canonical.vault import Vault
from deploy.cli import app
from deploy.commands.given_file import LONGEST_BYTES
from tests.conftest import Databases
from tests.store.financial import KEY, NOON, charge, extend, newest, settle, tamper

SECRET = "the key of the tests, which signs"


@dataclass(frozen=True)
class Exported:
    """A deployment with two CDRs and the papers of a month, and the bundle of one of them."""

    database_url: str
    older: str
    """The checkpoint before the papers came."""
    content: bytes

    @property
    def bundle(self) -> Bundle:
        return Bundle.load(self.content)


@pytest.fixture(scope="module")
def exported(databases: Databases) -> Iterator[Exported]:
    async def make() -> tuple[str, str, bytes]:
        url = await databases.fresh()
        store = await Store.connect(url, Vault(SecretStr(SECRET)), pool_size=2)
        await charge(store, "C1", "C2")
        await extend(store)
        older = await newest(store)
        await settle(store, "C1", "C2")
        await extend(store, NOON + timedelta(minutes=1))
        async with store.transaction() as work:
            bundle = await work.log.export(KEY, "de*rco/c1", since=older)
        await store.close()
        return url, older, bundle.dump()

    url, older, content = asyncio.run(make())
    yield Exported(url, older, content)
    asyncio.run(databases.drop(url))


def roam(*words: str, **environment: str) -> Result:
    return CliRunner().invoke(app, ["evidence", *words], env={"COLUMNS": "200", **environment})


def signing(exported: Exported) -> dict[str, str]:
    return {
        "ROAM_DATABASE_URL": exported.database_url,
        "ROAM_PARTY": "DE*RCO",
        "ROAM_EVIDENCE_KEY": SECRET,
        "ROAM_SECRET_KEY": SECRET,
    }


def kept(tmp_path: Path, content: bytes, name: str = "bundle.json") -> str:
    file = tmp_path / name
    file.write_bytes(content)
    return str(file)


def test_a_bundle_has_everything_that_the_cdr_rests_on(exported: Exported) -> None:
    kinds = {record.kind for record in exported.bundle.records}
    assert kinds == {
        "cdr", "cdr_event", "cdr_receipt", "tariff_version", "billing_context", "signed_meter_data", "evidence",
        "statement", "reconciliation_report", "invoice", "invoice_file", "ledger_entry",
    }  # fmt: skip
    assert [record.number for record in exported.bundle.records if record.kind == "cdr"] == [1]
    assert list(flaws(exported.bundle, KEY.public)) == []


def test_a_bundle_is_verified_offline(exported: Exported, tmp_path: Path) -> None:
    file, older = kept(tmp_path, exported.content), kept(tmp_path, exported.older.encode(), "older")
    result = roam("verify", file, "--public-key", str(KEY.public), "--checkpoint", older)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "CDR DE*RCO/C1" in result.stdout
    assert "everything is what was signed" in result.stdout
    for key in (KEY.public.raw.hex(), kept(tmp_path, f"{KEY.public}\n".encode(), "key"), _pem(tmp_path)):
        assert roam("verify", file, "--public-key", key).exit_code == 0
    told = json.loads(roam("verify", file, "--json").stdout)
    assert (told["ok"], told["key_trusted"], told["key_fingerprint"]) == (True, False, KEY.public.fingerprint)


def _pem(tmp_path: Path) -> str:
    key = Ed25519PublicKey.from_public_bytes(KEY.public.raw)
    return kept(tmp_path, key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), "key.pem")


def test_another_key_does_not_count(exported: Exported, tmp_path: Path) -> None:
    result = roam("verify", kept(tmp_path, exported.content), "--public-key", "00" * 32)
    assert result.exit_code == 1
    assert "/public_key" in result.stdout


def test_a_checkpoint_of_another_log_does_not_fit(exported: Exported, tmp_path: Path) -> None:
    size = exported.older.split("\n")[1]
    for other in (
        exported.older.replace(exported.older.split("\n")[2], base64.b64encode(bytes(32)).decode()),
        exported.older.replace(f"\n{size}\n", "\n1\n"),
        exported.older.replace(f"\n{size}\n", "\n999999\n"),
    ):
        file = kept(tmp_path, other.encode(), "other")
        assert roam("verify", kept(tmp_path, exported.content), "--checkpoint", file).exit_code == 1


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_changed_byte_is_found(exported: Exported, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(exported.content) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != exported.content[place]))
    changed = exported.content[:place] + bytes([byte]) + exported.content[place + 1 :]
    try:
        found = list(flaws(Bundle.load(changed), KEY.public))
    except BadBundle:
        return
    assert found
    assert all(flaw.record or flaw.path for flaw in found)


@pytest.mark.parametrize("member", ["public_key", "checkpoint", "manifest"])
def test_whose_log_it_is_cannot_be_said_otherwise(exported: Exported, member: str) -> None:
    """A key without a name, as a person may hold it, is no key of any name."""
    document: Any = read(exported.content.decode())
    stranger = PublicKey("roamwork/DE*XXX", KEY.public.raw)
    if member == "public_key":
        document[member] = str(stranger)
    else:
        text, _, line = document[member].rpartition("\n\n")
        signature = base64.b64decode(line.split(" ")[2])[4:]
        named = bytes.fromhex(stranger.id_for("roamwork/DE*XXX")) + signature
        document[member] = f"{text}\n\n\u2014 {stranger.name} {base64.b64encode(named).decode()}\n"
    found = list(flaws(Bundle.load(write(document) + b"\n"), PublicKey(None, KEY.public.raw)))
    assert [flaw.path for flaw in found] == [f"/{member}"]


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        (b'"position":0', b'"position":1e9999999999999999999'),
        (str(KEY.public).encode(), b"-----BEGIN PUBLIC KEY-----\\nMA0wBgYCKgMFAAMDAAAA\\n-----END PUBLIC KEY-----"),
        (str(KEY.public).encode(), b"\\ud800+00000000+AAAA"),
    ],
)
def test_what_no_reader_can_hold_is_refused(exported: Exported, was: bytes, becomes: bytes) -> None:
    assert was in exported.content
    with pytest.raises(BadBundle):
        Bundle.load(exported.content.replace(was, becomes, 1))


def test_a_changed_digit_is_located(exported: Exported, tmp_path: Path) -> None:
    changed = exported.content.replace(b'"before_tax":"5.00"', b'"before_tax":"6.00"', 1)
    result = roam("verify", kept(tmp_path, changed))
    assert result.exit_code == 1
    first = result.stdout.splitlines()[0]
    assert first.startswith("cdr 1 (DE*RCO/C1) /document/cdr/total_cost: ")


Change = Callable[[dict[str, Any]], None]


def _without_second(document: dict[str, Any]) -> None:
    del document["records"][1]


def _swapped(document: dict[str, Any]) -> None:
    records = document["records"]
    records[0], records[1] = records[1], records[0]


def _twice(document: dict[str, Any]) -> None:
    document["records"].insert(1, document["records"][0])


def _of_another(document: dict[str, Any]) -> None:
    document["records"][0]["values"] = document["records"][1]["values"]


def _digest_too(document: dict[str, Any]) -> None:
    """A changed value with the digest that fits it."""
    document["records"][0]["digests"]["/method"] = document["records"][0]["digests"]["/module"]
    document["records"][0]["values"]["method"] = document["records"][0]["values"]["module"]


def _more(document: dict[str, Any]) -> None:
    document["records"][0]["values"]["paid"] = True


def _less(document: dict[str, Any]) -> None:
    del document["records"][0]["values"]["headers"]


def _other_subject(document: dict[str, Any]) -> None:
    document["subject"] = "DE*RCO/C2"


def _no_since(document: dict[str, Any]) -> None:
    document["since"]["proof"] = document["since"]["proof"][:-1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_without_second, r"\w+ \d+: it is on the signed list, and not in the bundle"),
        (_swapped, r"evidence 1 \(.+\): it does not stand where the signed list has it"),
        (_twice, "a record stands in it twice"),
        (_of_another, r"evidence 1 \(.+\) /"),
        (_digest_too, r"evidence 1 \(.+\): its digests"),
        (_more, r"evidence 1 \(.+\) /paid: it was added"),
        (_less, r"evidence 1 \(.+\) /headers/content-type: it was removed"),
        (_other_subject, "/subject: it is not what was signed"),
        (_no_since, "/since: it is not proved"),
    ],
)
def test_what_is_done_to_a_bundle_is_found_and_located(
    exported: Exported, tmp_path: Path, change: Change, said: str
) -> None:
    document: Any = read(exported.content.decode())
    change(document)
    result = roam("verify", kept(tmp_path, write(document) + b"\n"))
    assert result.exit_code == 1
    assert re.search(said, result.stdout)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    member=st.sampled_from(["manifest", "checkpoint", "subject", "since"]),
    text=st.text() | st.lists(st.sampled_from(["evidence 1 0 00", "1", "time", "", "a b"])).map("\n".join),
    note=st.booleans(),
)
def test_what_a_forger_writes_breaks_nothing(exported: Exported, member: str, text: str, *, note: bool) -> None:
    document: Any = read(exported.content.decode())
    written = f"{text}\n\n\u2014 roamwork/DE*RCO {document['manifest'].rpartition(' ')[2]}" if note else text
    document[member] = {"checkpoint": written, "proof": []} if member == "since" else written
    try:
        content = write(document) + b"\n"
        assert list(flaws(Bundle.load(content), KEY.public))
    except (BadBundle, NotJson):
        return


def test_messages_are_read_by_who_has_the_keys(exported: Exported, tmp_path: Path) -> None:
    without = roam("verify", kept(tmp_path, exported.content)).stdout
    assert "evidence 1 (OUT cdrs POST): its bytes are proved, and sealed" in without
    out = tmp_path / "opened.json"
    assert roam("export", "--cdr", "C1", "--with-keys", "--out", str(out), **signing(exported)).exit_code == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    result = roam("verify", str(out), "--public-key", str(KEY.public))
    assert result.exit_code == 0
    assert "sealed" not in result.stdout
    shown = {each["kind"]: each["values"] for each in json.loads(roam("show", str(out)).stdout)["records"]}
    assert shown["evidence"]["body"] == '{"id":"C1"}'
    assert shown["cdr"]["document"]["cdr"]["token"]["contract_id"] == "NL-REM-C1"
    assert "NL-REM-C1" not in roam("show", kept(tmp_path, exported.content)).stdout


def test_proofs_hold_when_the_key_of_a_driver_is_destroyed(databases: Databases, tmp_path: Path) -> None:
    async def make() -> str:
        url = await databases.fresh()
        store = await Store.connect(url, Vault(SecretStr(SECRET)), pool_size=2)
        await charge(store, "C1")
        await extend(store)
        await store.close()
        await tamper(url, "UPDATE driver_key SET sealed_key = NULL, lookup_hash = NULL, shredded_at = now()")
        return url

    url = asyncio.run(make())
    environment = {
        "ROAM_DATABASE_URL": url, "ROAM_PARTY": "DE*RCO", "ROAM_EVIDENCE_KEY": SECRET, "ROAM_SECRET_KEY": SECRET,
    }  # fmt: skip
    assert roam("verify", **environment).exit_code == 0
    out = tmp_path / "after.json"
    assert roam("export", "--cdr", "C1", "--with-keys", "--out", str(out), **environment).exit_code == 0
    assert roam("verify", str(out), "--public-key", str(KEY.public)).exit_code == 0
    assert "NL-REM-C1" not in roam("show", str(out)).stdout
    asyncio.run(databases.drop(url))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"not json",
        b"{}",
        b'{"format":"roamwork evidence bundle 1"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b" " * (LONGEST_BYTES + 1),
    ],
)
def test_what_is_no_bundle_gets_one_line(tmp_path: Path, content: bytes) -> None:
    result = roam("verify", kept(tmp_path, content))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1


def test_the_spelling_counts(exported: Exported, tmp_path: Path) -> None:
    document = json.loads(exported.content)
    for content in (json.dumps(document, indent=1).encode(), exported.content.rstrip(), exported.content + b"\n"):
        result = roam("verify", kept(tmp_path, content))
        assert result.exit_code == 2
        assert "is not spelt as in a bundle" in result.stderr


def test_a_hostile_file_cannot_steer_a_screen(exported: Exported, tmp_path: Path) -> None:
    document: Any = read(exported.content.decode())
    document["records"][0]["values"]["module"] = "\x1b[2J" + "x" * 10_000
    result = roam("verify", kept(tmp_path, write(document) + b"\n"))
    assert result.exit_code == 1
    assert "\x1b" not in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 200


def test_export_and_verify_go_together(exported: Exported, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    older = kept(tmp_path, exported.older.encode(), "older")
    result = roam("export", "--cdr", "C1", "--since", older, "--out", str(out), **signing(exported))
    assert (result.exit_code, result.stderr) == (0, "")
    assert out.read_bytes() == exported.content
    result = roam("export", "--cdr", "C2", "--no-papers", **signing(exported))
    assert {record.kind for record in Bundle.load(result.stdout.encode()).records}.isdisjoint({"statement", "invoice"})
    missing = roam("export", "--cdr", "C7", **signing(exported))
    assert (missing.exit_code, missing.stderr) == (2, "there is no CDR C7\n")


def test_a_database_is_verified(exported: Exported, tmp_path: Path) -> None:
    result = roam("verify", **signing(exported))
    assert (result.exit_code, result.stderr) == (0, "")
    assert "everything is what was signed" in result.stdout
    public = roam("key", **signing(exported)).stdout.splitlines()[0]
    assert public == str(KEY.public)
    told = roam("verify", "--public-key", public, "--json", ROAM_DATABASE_URL=exported.database_url)
    assert json.loads(told.stdout)["ok"] is True
    note = roam("checkpoint", **signing(exported)).stdout
    assert roam("verify", "--checkpoint", kept(tmp_path, note.encode(), "note"), **signing(exported)).exit_code == 0


def test_a_changed_database_is_told_of(databases: Databases, vault: Vault) -> None:
    async def make() -> str:
        url = await databases.fresh()
        store = await Store.connect(url, vault, pool_size=2)
        await charge(store, "C1", "C2")
        await extend(store)
        await store.close()
        await tamper(url, "UPDATE cdr SET gross = 1 WHERE number = 2", "DELETE FROM evidence WHERE number = 1")
        return url

    url = asyncio.run(make())
    result = roam("verify", "--public-key", str(KEY.public), ROAM_DATABASE_URL=url)
    assert result.exit_code == 1
    assert "changed: cdr 2 (DE*RCO/C2), position" in result.stdout
    assert "removed: evidence 1 (OUT cdrs POST), position 0" in result.stdout
    refused = roam("export", "--cdr", "C2", ROAM_DATABASE_URL=url, ROAM_PARTY="DE*RCO", ROAM_EVIDENCE_KEY=SECRET)
    assert refused.exit_code == 1
    assert "cdr 2 is not what was signed" in refused.stderr
    asyncio.run(databases.drop(url))


def test_without_database_or_key_there_is_one_line(tmp_path: Path) -> None:
    nothing = {"ROAM_DATABASE_URL": "", "ROAM_PARTY": "", "ROAM_EVIDENCE_KEY": "", "ROAM_SECRET_KEY": ""}
    for words in (
        ("verify", "--folder", str(tmp_path)),
        ("verify", "--public-key", "00" * 32, "--folder", str(tmp_path)),
        ("verify", "--public-key", "nonsense"),
        ("checkpoint", "--folder", str(tmp_path)),
        ("export", "--cdr", "C1", "--folder", str(tmp_path)),
    ):
        result = roam(*words, **nothing)
        assert result.exit_code == 2
        assert len(result.stderr.splitlines()) == 1
