"""Encryption of everything that we leave in Temporal: inputs, results, signals, memos, details, failures."""

import hashlib
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import DataConverter, DefaultFailureConverter, PayloadCodec, PayloadConverter
from temporalio.exceptions import ApplicationError, FailureError

from canonical.vault import Vault

_ENCODING = b"binary/encrypted"
_PURPOSE = "temporal-payloads"
_NONCE_BYTES = 12
_MESSAGE_MOST = 500


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


class ShortFailures(DefaultFailureConverter):
    """Failures as a type and a message, which is encrypted, without stack traces: those stand in the log.

    Temporal keeps the last failure of an activity that is tried again only if it has no more than 2 KiB, and shows
    "Failure exceeds size limit" instead of a longer one. So an error that is none of Temporal's own is told without
    what it came from, and a long message is cut.
    """

    def to_failure(self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure) -> None:
        if not isinstance(exception, FailureError):
            exception = ApplicationError(str(exception), type=type(exception).__name__)
        super().to_failure(exception, payload_converter, failure)
        message = failure.message
        if len(message) > _MESSAGE_MOST:
            message = message[: _MESSAGE_MOST - 1] + "…"
        told = {"message": message, "stack_trace": ""}  # as `from_failure` reads it
        failure.encoded_attributes.CopyFrom(payload_converter.to_payloads([told])[0])
        failure.message, failure.stack_trace = "Encoded failure", ""


def data_converter(vault: Vault) -> DataConverter:
    """Pydantic models as JSON, encrypted; messages of failures too."""
    return DataConverter(
        payload_converter_class=PydanticPayloadConverter,
        payload_codec=codec(vault),
        failure_converter_class=ShortFailures,
    )
