"""What really went over the wire: seen by the server that answered, and by the client that asked."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.contract import Exchange, Interface, Module
from adapters.registry import Registry
from api.errors import ApiError
from api.ocpi.routing import match
from canonical.partner import Side
from deploy.commands.coverage import DETAILS, LIST, Row, row_of

EDGE = "/ocpi/"


@dataclass
class Seen:
    """Rows that a test used with success."""

    served: set[Row] = field(default_factory=set)
    called: set[Row] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self.served | self.called)


@dataclass
class Log:
    """Everything that is seen is noted for the test that is running. `version` is the one that it is about."""

    registry: Registry
    version: str = ""
    now: Seen = field(default_factory=Seen)

    @contextmanager
    def test(self, version: str) -> Iterator[Seen]:
        self.version, self.now = version, Seen()
        try:
            yield self.now
        finally:
            self.now = Seen()

    def serving(self, app: ASGIApp) -> ASGIApp:
        """The application, with its successful answers at the edge noted."""

        async def noting(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or not scope["path"].startswith(EDGE):
                await app(scope, receive, send)
                return
            status, body = 0, b""

            async def copied(message: Message) -> None:
                nonlocal status, body
                status = message.get("status", status)
                body += message.get("body", b"")
                await send(message)

            await app(scope, receive, copied)
            if _is_success(status, body):
                self._note(self.now.served, scope["method"], scope["raw_path"].decode("latin-1"))

        return noting

    async def witness(self, exchange: Exchange) -> None:
        """A call of our client, as `adapters.contract.Witness`."""
        if _is_success(exchange.status or 0, exchange.response_body):
            self._note(self.now.called, exchange.method, urlsplit(exchange.url).path)

    def _note(self, rows: set[Row], method: str, path: str) -> None:
        row = self._row(method, [unquote(part) for part in path.removeprefix(EDGE).strip("/").split("/")])
        if row is not None:
            rows.add(row)

    def _row(self, method: str, segments: list[str]) -> Row | None:
        if segments == [LIST.strip("/")]:
            return Row(self.version, Module.VERSIONS.value, "", method, LIST)
        version, *below = segments
        if not below:
            return Row(version, Module.VERSIONS.value, "", method, DETAILS)
        if below == [Interface.SENDER.lower(), Module.HUB_CLIENT_INFO.value]:
            return Row(version, Module.HUB_CLIENT_INFO.value, Interface.SENDER.value, method, "")
        adapter = self.registry.choose([version])
        try:
            # A slash where two parts of an address were joined counts once, as it does at the edge.
            found = match(adapter, tuple(Side), (*below[:2], *filter(None, below[2:])), method)
        except ApiError:
            return None
        return row_of(version, found.endpoint, found.segments)


def _is_success(status: int, body: bytes) -> bool:
    """2xx with 1xxx in the envelope."""
    if not 200 <= status < 300:
        return False
    try:
        return json.loads(body)["status_code"] // 1000 == 1
    except (ValueError, KeyError, TypeError):
        return False
