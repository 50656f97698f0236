"""The key under which the recorded histories were written. It protects nothing: it stands here for everybody."""

from pydantic import SecretStr

from canonical.vault import Vault

PUBLIC_KEY = "a key for recorded histories that everybody may read"


def vault() -> Vault:
    return Vault(SecretStr(PUBLIC_KEY))
