"""Session, and what it shares with the CDR, where they differ from 2.2.1 (2.3.0 sessions, cdrs)."""

from typing import Annotated

from adapters.ocpi_2_2_1.wire import session as before
from adapters.ocpi_2_3_0.wire.places import Price
from adapters.ocpi_2_3_0.wire.token_words import TOKEN_TYPE


class CdrToken(before.CdrToken):
    type: Annotated[str, TOKEN_TYPE]


class Session(before.SessionOf[Price]):
    cdr_token: CdrToken
