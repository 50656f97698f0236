"""Token and real-time authorisation, where they differ from 2.2.1 (2.3.0 tokens)."""

from typing import Annotated

from adapters.ocpi_2_2_1.wire import token as before
from adapters.ocpi_2_3_0.wire.token_words import TOKEN_TYPE


class Token(before.Token):
    type: Annotated[str, TOKEN_TYPE]


class AuthorizationInfo(before.AuthorizationInfo):
    token: Token
