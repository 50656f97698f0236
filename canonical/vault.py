"""Secrets at rest: how they are found again, how they are kept, and where their keys come from.

Every key is derived from one master secret with HKDF-SHA256 (RFC 5869), one for each purpose, so that
none of them can stand in for another. Nothing in here shows a secret in its repr or in an exception.

A master secret is replaced by putting a new one in front of it. What is sealed from then on is sealed by the new
one, and what was sealed before opens as it did. Only what finds things again stays with the first one of all: a hash
cannot be made anew without what it is of.
"""

import hashlib
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

_KEY_ID_BYTES = 4
_NONCE_BYTES = 12
_MASTER_CHARACTERS_MIN = 16
_TOKEN_BYTES = 32


class VaultError(Exception):
    """Sealed bytes cannot be opened: made with another master secret, damaged, or forged."""


class Vault:
    """Hashes, seals and derives with the keys of one deployment.

    Sealed bytes are `key id (4) | nonce (12) | AES-256-GCM ciphertext and tag`; the key id is authenticated
    with them and tells sealed bytes of another master secret from damaged ones.
    """

    def __init__(self, master: SecretStr, *former: SecretStr) -> None:
        """`former` are the master secrets before this one, the newest first.

        Raises ValueError when a master secret is shorter than 16 characters.
        """
        self._masters = (master, *former)
        if any(len(each.get_secret_value()) < _MASTER_CHARACTERS_MIN for each in self._masters):
            raise ValueError(f"the master secret has fewer than {_MASTER_CHARACTERS_MIN} characters")
        self._lookup_key = self.derive_all("token-lookup")[-1]
        keys = self.derive_all("seal")
        ids = [hashlib.sha256(b"roamwork key id" + key).digest()[:_KEY_ID_BYTES] for key in keys]
        self.key_id = ids[0]
        """Of the key that seals now: what is sealed by it begins with these bytes."""
        self._ciphers = {key_id: AESGCM(key) for key_id, key in zip(reversed(ids), reversed(keys), strict=True)}

    def __repr__(self) -> str:
        return "Vault(…)"

    def lookup_hash(self, token: SecretStr) -> str:
        """HMAC-SHA256 of a token in hexadecimal: finds it without storing it, and is useless without the key."""
        return hmac.new(self._lookup_key, token.get_secret_value().encode(), hashlib.sha256).hexdigest()

    def seal(self, secret: SecretStr) -> bytes:
        """Encrypt a secret for storage. Two seals of one secret differ."""
        return self.seal_bytes(secret.get_secret_value().encode())

    def open(self, sealed: bytes) -> SecretStr:
        """The secret in `sealed`. Raises VaultError."""
        return SecretStr(self.open_bytes(sealed).decode())

    def seal_bytes(self, content: bytes) -> bytes:
        """Encrypt bytes that may hold a secret, such as a stored answer."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return self.key_id + nonce + self._ciphers[self.key_id].encrypt(nonce, content, self.key_id)

    def open_bytes(self, sealed: bytes) -> bytes:
        """The bytes in `sealed`. Raises VaultError."""
        key_id, nonce = sealed[:_KEY_ID_BYTES], sealed[_KEY_ID_BYTES : _KEY_ID_BYTES + _NONCE_BYTES]
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise VaultError(f"sealed with another master secret, of key id {key_id.hex()}")
        try:
            return cipher.decrypt(nonce, sealed[_KEY_ID_BYTES + _NONCE_BYTES :], key_id)
        except (InvalidTag, ValueError) as error:
            raise VaultError("sealed bytes are damaged or forged") from error

    def resealed(self, sealed: bytes) -> bytes:
        """The same content, sealed by the key of now; as it is when it was that already. Raises VaultError."""
        return sealed if sealed.startswith(self.key_id) else self.seal_bytes(self.open_bytes(sealed))

    def derive(self, purpose: str) -> bytes:
        """32 bytes for one purpose, the same for the same master secret."""
        return self.derive_all(purpose)[0]

    def derive_all(self, purpose: str) -> tuple[bytes, ...]:
        """What `derive` gives, and behind it what it gave with each master secret before."""
        return tuple(_derived(master, purpose) for master in self._masters)


def _derived(master: SecretStr, purpose: str) -> bytes:
    kdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=b"roamwork", info=purpose.encode())
    return kdf.derive(master.get_secret_value().encode())


def new_token() -> SecretStr:
    """A fresh credentials token: 43 URL-safe characters, 256 bits (OCPI 2.2.1 credentials allows 64)."""
    return SecretStr(secrets.token_urlsafe(_TOKEN_BYTES))
