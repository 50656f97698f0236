"""Is it ours to pay? The token of a CDR has to be one that we issued, and that could be used."""

from collections.abc import Iterator

from canonical.cdr import Cdr
from canonical.model import Finding
from canonical.session import AuthMethod
from settlement.validation.circumstances import Payer
from settlement.validation.findings import blocking, differs


def ours_to_pay(cdr: Cdr, payer: Payer) -> Iterator[Finding]:
    """What speaks against it. An order to start a session may bring a token of its own, which no list has."""
    issuer = cdr.token.issuer_party
    if issuer.key != payer.party.key:
        message = "its token is of another provider"
        yield differs("cdr.token_of_another_provider", message, "cdr_token.party_id", payer.party.key, issuer.key)
    elif cdr.token.uid is None or cdr.auth_method is AuthMethod.COMMAND:
        return
    elif payer.token is None:
        yield blocking("cdr.token_unknown", "we never issued its token", "cdr_token.uid")
    elif not payer.token.valid and payer.token.last_updated <= cdr.start:
        message = f"its token had been blocked since {payer.token.last_updated:%Y-%m-%dT%H:%M:%SZ}"
        yield blocking("cdr.token_blocked", message, "cdr_token.uid")
