"""Encryption of everything that we leave in Temporal: inputs, results, signals, memos, details, failures."""

import hashlib
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes, PayloadCodec

from canonical.vault import Vault

_ENCODING = b"binary/encrypted"
_PURPOSE = "temporal-payloads"
_NONCE_BYTES = 12


class UnreadablePayload(Exception):
    """A payload was encrypted with a key that is not known here, or has been changed since. No key is in its text."""


class EncryptionCodec(PayloadCodec):
    """AES-256-GCM with the key's id beside each payload, authenticated together with it.

    The first key encrypts; the others open what was encrypted before it took their place.

    A payload that is not encrypted is let through: so a person may start a workflow from the Temporal UI with
    plain JSON. What comes in this way is input to be checked like any other, never more trusted for lack of
    encryption.
    """

    def __init__(self, key: bytes, *former: bytes) -> None:
        self.key_id = _key_id(key)
        self._ciphers = {_key_id(each): AESGCM(each) for each in (*former, key)}

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._encrypt(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Raises UnreadablePayload."""
        return [self._decrypt(payload) for payload in payloads]

    def _encrypt(self, payload: Payload) -> Payload:
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self.key_id].encrypt(nonce, payload.SerializeToString(), self.key_id)
        return Payload(metadata={"encoding": _ENCODING, "key-id": self.key_id}, data=nonce + sealed)

    def _decrypt(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != _ENCODING:
            return payload
        key_id = payload.metadata.get("key-id", b"")
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise UnreadablePayload(
                f"the payload was encrypted with the key {key_id.decode(errors='replace')}, which is not known here"
            )
        nonce, sealed = payload.data[:_NONCE_BYTES], payload.data[_NONCE_BYTES:]
        try:
            return Payload.FromString(cipher.decrypt(nonce, sealed, key_id))
        except InvalidTag:
            raise UnreadablePayload("the payload has been changed since it was encrypted") from None


def codec(vault: Vault) -> EncryptionCodec:
    """Encrypts by the master secret of now, and opens by every one that the vault knows."""
    return EncryptionCodec(*vault.derive_all(_PURPOSE))


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"key-id:" + key).hexdigest()[:16].encode()


def data_converter(vault: Vault) -> DataConverter:
    """Pydantic models as JSON, encrypted; messages and stack traces of failures too."""
    return DataConverter(
        payload_converter_class=PydanticPayloadConverter,
        payload_codec=codec(vault),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
