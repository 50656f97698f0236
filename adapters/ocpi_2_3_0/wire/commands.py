"""Commands that carry a token (2.3.0 commands)."""

from adapters.ocpi_2_2_1.wire import commands as before
from adapters.ocpi_2_3_0.wire.token import Token


class ReserveNow(before.ReserveNow):
    token: Token


class StartSession(before.StartSession):
    token: Token
