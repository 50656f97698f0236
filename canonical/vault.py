"""Secrets at rest: how they are found again, how they are kept, and where their keys come from.

Every key is derived from one master secret with HKDF-SHA256 (RFC 5869), one for each purpose, so that
none of them can stand in for another. Nothing in here shows a secret in its repr or in an exception.
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

    def __init__(self, master: SecretStr) -> None:
        """Raises ValueError when the master secret is shorter than 16 characters."""
        if len(master.get_secret_value()) < _MASTER_CHARACTERS_MIN:
            raise ValueError(f"the master secret has fewer than {_MASTER_CHARACTERS_MIN} characters")
        self._master = master
        self._lookup_key = self.derive("token-lookup")
        seal_key = self.derive("seal")
        self._cipher = AESGCM(seal_key)
        self._key_id = hashlib.sha256(b"roamwork key id" + seal_key).digest()[:_KEY_ID_BYTES]

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
        return self._key_id + nonce + self._cipher.encrypt(nonce, content, self._key_id)

    def open_bytes(self, sealed: bytes) -> bytes:
        """The bytes in `sealed`. Raises VaultError."""
        key_id, nonce = sealed[:_KEY_ID_BYTES], sealed[_KEY_ID_BYTES : _KEY_ID_BYTES + _NONCE_BYTES]
        if key_id != self._key_id:
            raise VaultError("sealed with another master secret")
        try:
            return self._cipher.decrypt(nonce, sealed[_KEY_ID_BYTES + _NONCE_BYTES :], key_id)
        except (InvalidTag, ValueError) as error:
            raise VaultError("sealed bytes are damaged or forged") from error

    def derive(self, purpose: str) -> bytes:
        """32 bytes for one purpose, the same for the same master secret."""
        kdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=b"roamwork", info=purpose.encode())
        return kdf.derive(self._master.get_secret_value().encode())


def new_token() -> SecretStr:
    """A fresh credentials token: 43 URL-safe characters, 256 bits (OCPI 2.2.1 credentials allows 64)."""
    return SecretStr(secrets.token_urlsafe(_TOKEN_BYTES))
