"""The road between the two companies: every request to the provider passes here, and here things can go wrong.

It forwards bytes as they are, with two exceptions that the story asks for: one CDR's idle fee is changed on its way,
and the answer to another's delivery is held up while processes are killed.
"""

import asyncio
import json
import threading
from decimal import Decimal

import httpx
import uvicorn
from fastapi import FastAPI, Request, Response

from deploy.embedded.ports import LOOPBACK

_HOP_BY_HOP = {"connection", "content-length", "host", "keep-alive", "transfer-encoding", "content-encoding"}
_PATIENCE_S = 30.0


class Courier:
    """A reverse proxy on the loopback address, in a thread of its own."""

    def __init__(self, port: int, destination: str) -> None:
        self.url = f"http://{LOOPBACK}:{port}"
        self._port = port
        self._destination = destination
        self._tampered_session: str | None = None
        self._held_session: str | None = None
        self.delivered = threading.Event()
        """Set when the held CDR has reached its receiver, whose answer is still here."""
        self.deliveries = 0
        """How often the held CDR was posted."""
        self._release = threading.Event()
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def tamper_with(self, session_id: str) -> None:
        self._tampered_session = session_id

    def hold(self, session_id: str) -> None:
        self._held_session = session_id

    def release(self) -> None:
        self._release.set()

    def start(self) -> None:
        app = FastAPI(openapi_url=None)
        app.add_api_route("/{path:path}", self._forward, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
        config = uvicorn.Config(app, host=LOOPBACK, port=self._port, log_config=None, access_log=False)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, name="courier", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.release()
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()

    async def _forward(self, request: Request, path: str) -> Response:
        body = await request.body()
        session = _cdr_session(request.method, path, body)
        if session is not None and session == self._tampered_session:
            body = _with_another_idle_fee(body)
        headers = {k: v for k, v in request.headers.items() if k not in _HOP_BY_HOP}
        async with httpx.AsyncClient(timeout=_PATIENCE_S) as client:
            try:
                answer = await client.request(
                    request.method,
                    f"{self._destination}{request.url.path}",
                    params=str(request.query_params),
                    content=body,
                    headers=headers,
                )
            except httpx.TransportError:
                return Response(status_code=502)
        if session is not None and session == self._held_session:
            self.deliveries += 1
            self.delivered.set()
            await asyncio.to_thread(self._release.wait, _PATIENCE_S)
        kept = {k: v for k, v in answer.headers.items() if k not in _HOP_BY_HOP}
        return Response(answer.content, status_code=answer.status_code, headers=kept)


_AMOUNTS = {"excl_vat", "incl_vat", "before_taxes"}
"""The sums of a price, in whichever version the two have chosen; some list the taxes beside them."""


def _cdr_session(method: str, path: str, body: bytes) -> str | None:
    """The session of the CDR that is being delivered, if one is."""
    if method != "POST" or not path.rstrip("/").endswith("/cdrs"):
        return None
    session = json.loads(body).get("session_id")
    return str(session) if session else None


def _with_another_idle_fee(body: bytes) -> bytes:
    """Twice the parking cost, and a total that fits it: nothing in the record contradicts itself. kWh stay equal."""
    cdr = json.loads(body, parse_float=Decimal)
    idle, total = cdr["total_parking_cost"], cdr["total_cost"]
    for amount in _AMOUNTS & idle.keys():
        total[amount] += idle[amount]
        idle[amount] *= 2
    for tax in idle.get("taxes", ()):
        same = next(each for each in total["taxes"] if each.get("percentage") == tax.get("percentage"))
        same["amount"] += tax["amount"]
        tax["amount"] *= 2
    return json.dumps(cdr, default=float).encode()
