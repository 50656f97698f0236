"""Signed notes: a text, and under it the signatures of those who stand for it (C2SP `signed-note`, Ed25519).

Anybody can read, print and publish one, and check it with tools that are not ours. A key goes by a name and by its
id, which is taken from the name and the key together.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from pydantic import SecretStr

from canonical.vault import Vault

_ED25519 = b"\x01"
_ID_BYTES = 4
_KEY_BYTES = 32
_SIGNED = "\n\n"
_DASH = "\u2014 "


class BadNote(ValueError):
    """A note, or a key, that cannot be read."""


class NotSigned(ValueError):
    """A note bears no signature of this key, or one that is not true."""


@dataclass(frozen=True)
class PublicKey:
    """By which a note is checked. Without a `name` (a bare key) it is taken for the key of any name."""

    name: str | None
    raw: bytes

    @classmethod
    def parse(cls, text: str) -> "PublicKey":
        """From `name+id+key`, from 64 hexadecimal digits, or from PEM. Raises BadNote."""
        text = text.strip()
        if text.startswith("-----"):
            return cls(None, _of_pem(text))
        if len(text) == 2 * _KEY_BYTES and "+" not in text:
            try:
                return cls(None, bytes.fromhex(text))
            except ValueError:
                raise BadNote("the key is not hexadecimal") from None
        name, _, rest = text.partition("+")
        id_, _, encoded = rest.partition("+")
        key = decoded(encoded)
        if not name or len(key) != 1 + _KEY_BYTES or key[:1] != _ED25519:
            raise BadNote("it is no Ed25519 key: neither name+id+key, nor 64 hexadecimal digits, nor PEM")
        found = cls(name, key[1:])
        if found.id_for(name) != id_:
            raise BadNote("the key does not fit its id")
        return found

    def __str__(self) -> str:
        """As others take it: `name+id+key` (C2SP `signed-note`, verifier key)."""
        if self.name is None:
            return self.raw.hex()
        return f"{self.name}+{self.id_for(self.name)}+{base64.b64encode(_ED25519 + self.raw).decode()}"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the 32 bytes of the key, in hexadecimal: short enough to be compared over the telephone."""
        return hashlib.sha256(self.raw).hexdigest()

    def id_for(self, name: str) -> str:
        """The id of the key under a name: eight hexadecimal digits."""
        return hashlib.sha256(name.encode() + b"\n" + _ED25519 + self.raw).digest()[:_ID_BYTES].hex()

    def check(self, note: "Note") -> None:
        """Raises NotSigned."""
        for name, id_, signature in note.signatures:
            if id_ != self.id_for(name) or self.name not in (None, name):
                continue
            try:
                Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, note.text.encode())
            except (InvalidSignature, ValueError):
                raise NotSigned("its signature is not true") from None
            return
        raise NotSigned("it is not signed with this key")


class SigningKey:
    """The key of one deployment, made from a secret of its own. Its repr shows nothing of it."""

    def __init__(self, secret: SecretStr, name: str) -> None:
        """Raises ValueError for a secret that is too short."""
        self._key = Ed25519PrivateKey.from_private_bytes(Vault(secret).derive("evidence log"))
        self.public = PublicKey(name, self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
        self.name = name

    def __repr__(self) -> str:
        return "SigningKey(…)"

    @property
    def id(self) -> str:
        return self.public.id_for(self.name)

    def sign(self, text: str) -> str:
        """The note. The text ends with a line feed and has no empty line."""
        signature = base64.b64encode(bytes.fromhex(self.id) + self._key.sign(text.encode())).decode()
        return f"{text}\n{_DASH}{self.name} {signature}\n"


@dataclass(frozen=True)
class Note:
    """A text and its signatures: name and id of the key, and the signature itself."""

    text: str
    signatures: tuple[tuple[str, str, bytes], ...]

    @classmethod
    def parse(cls, note: str) -> "Note":
        """Raises BadNote."""
        text, found, signatures = note.partition(_SIGNED)
        if not found or not signatures.endswith("\n"):
            raise BadNote("it is no signed note")
        return cls(text + "\n", tuple(_signature(line) for line in signatures[:-1].split("\n")))


def decoded(text: str) -> bytes:
    """Bytes of Base64, written in the one way in which it is written. Raises BadNote."""
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadNote("it is not Base64") from None
    if base64.b64encode(content).decode() != text:
        raise BadNote("it is not Base64 as it is written")
    return content


def _signature(line: str) -> tuple[str, str, bytes]:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    content = decoded(encoded)
    if not line.startswith(_DASH) or not name or len(content) <= _ID_BYTES:
        raise BadNote("it is no signed note")
    return name, content[:_ID_BYTES].hex(), content[_ID_BYTES:]


def _of_pem(text: str) -> bytes:
    try:
        key = load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise BadNote("it is no key in PEM") from None
    if not isinstance(key, Ed25519PublicKey):
        raise BadNote("it is no Ed25519 key")
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)
