"""Lets the Temporal UI show payloads in clear: it sends what it fetched here, from the reader's own browser.

For development on one machine. It holds keys and asks for no login: bind it to the loopback address only.
"""

import json
from collections.abc import Mapping

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from google.protobuf import json_format
from temporalio.api.common.v1 import Payloads
from temporalio.converter import PayloadCodec

from deploy.codec import UnreadablePayload

_BODY_LIMIT_BYTES = 8 * 1024 * 1024


def build(codecs: Mapping[str, PayloadCodec], *, ui_origin: str) -> FastAPI:
    """`POST /decode` and `/encode`, for pages of the UI only: it names the namespace in `X-Namespace`."""
    app = FastAPI(openapi_url=None)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=[ui_origin],
        allow_methods=["POST"],
        allow_headers=["content-type", "x-namespace"],
    )

    @app.post("/{direction}")
    async def convert(direction: str, request: Request) -> Response:
        codec = codecs.get(request.headers.get("x-namespace", ""))
        if codec is None or direction not in {"decode", "encode"}:
            raise HTTPException(404)
        if request.headers.get("origin") != ui_origin:
            raise HTTPException(403)
        body = await request.body()
        if len(body) > _BODY_LIMIT_BYTES:
            raise HTTPException(413)
        try:
            payloads = json_format.Parse(body, Payloads())
            way = codec.decode if direction == "decode" else codec.encode
            converted = Payloads(payloads=await way(payloads.payloads))
        except (json_format.ParseError, UnreadablePayload) as error:
            raise HTTPException(400, str(error)) from None
        answer = json_format.MessageToDict(converted)
        return Response(json.dumps(answer), media_type="application/json")

    return app
