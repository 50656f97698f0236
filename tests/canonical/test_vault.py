"""The vault keeps secrets, finds them again, and shows none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from canonical.vault import Vault, VaultError, new_token

MASTER = "a master secret of the tests"
VAULT = Vault(SecretStr(MASTER))


@given(st.text(st.characters(codec="utf-8")))
def test_what_is_sealed_can_be_opened(secret: str) -> None:
    sealed = VAULT.seal(SecretStr(secret))
    assert VAULT.open(sealed).get_secret_value() == secret
    assert sealed != VAULT.seal(SecretStr(secret))


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_damage_is_noticed_wherever_it_is(place: int, change: int) -> None:
    sealed = bytearray(VAULT.seal(SecretStr("secret")))
    sealed[place % len(sealed)] ^= change
    with pytest.raises(VaultError):
        VAULT.open(bytes(sealed))


@pytest.mark.parametrize("sealed", [b"", b"short"])
def test_what_is_too_short_is_refused(sealed: bytes) -> None:
    with pytest.raises(VaultError):
        VAULT.open(sealed)


def test_another_master_secret_opens_nothing_and_finds_nothing() -> None:
    other, token = Vault(SecretStr("another master secret")), new_token()
    with pytest.raises(VaultError, match="another master secret"):
        other.open(VAULT.seal(token))
    assert other.lookup_hash(token) != VAULT.lookup_hash(token)
    assert other.derive("codec") != VAULT.derive("codec")


def test_the_same_master_secret_gives_the_same_keys() -> None:
    same, token = Vault(SecretStr(MASTER)), new_token()
    assert same.lookup_hash(token) == VAULT.lookup_hash(token)
    assert same.open(VAULT.seal(token)) == token
    assert same.derive("codec") == VAULT.derive("codec") != VAULT.derive("other")
    assert len(VAULT.derive("codec")) == 32


def test_nothing_is_shown() -> None:
    shown = repr(VAULT) + str(VAULT) + repr(vars(VAULT))
    assert MASTER not in shown
    assert new_token().get_secret_value() not in repr(new_token())
    with pytest.raises(ValueError, match="fewer than 16") as refused:
        Vault(SecretStr("too short"))
    assert "too short" not in str(refused.value)


def test_tokens_fit_the_protocol() -> None:
    tokens = {new_token().get_secret_value() for _ in range(100)}
    assert len(tokens) == 100
    assert all(len(token) == 43 and token.isascii() and token.isprintable() and " " not in token for token in tokens)


def test_a_new_master_secret_seals_and_the_one_before_still_opens_and_finds() -> None:
    token = new_token()
    rotated = Vault(SecretStr("the master secret after it"), SecretStr(MASTER))
    again = Vault(SecretStr("the third master secret"), SecretStr("the master secret after it"), SecretStr(MASTER))
    for vault in (rotated, again):
        assert vault.open(VAULT.seal(token)) == token
        assert vault.lookup_hash(token) == VAULT.lookup_hash(token)
    assert again.open(rotated.seal(token)) == token
    with pytest.raises(VaultError, match=rotated.key_id.hex()):
        VAULT.open(rotated.seal(token))


def test_what_is_sealed_anew_needs_the_former_secret_no_more() -> None:
    token, alone = new_token(), Vault(SecretStr("the master secret after it"))
    rotated = Vault(SecretStr("the master secret after it"), SecretStr(MASTER))
    anew = rotated.resealed(VAULT.seal(token))
    assert alone.open(anew) == token
    assert rotated.resealed(anew) == anew
