"""The words of OCPI 2.3.0 tokens that differ from 2.2.1, and how token types are read."""

from typing import Final

from adapters.ocpi.wire.words import Open, with_more
from adapters.ocpi_2_2_1.wire import token_words as before

TokenType: Final = with_more(before.TokenType, "EMAID", module=__name__)
TOKEN_TYPE: Final = Open(TokenType, canon_says="OTHER", of_version="2.3.0")
