"""A roaming partner made of `extrawest-ocpi`, an OCPI 2.2.1 implementation that is not ours.

The package brings everything that speaks OCPI: routes, wire models, checks of tokens, the call-back during
the handshake, and a client that pushes objects. An application brings what the package leaves open, and that
is all there is here: a store, held in memory; a doorman that knows the tokens; and a few plain JSON pages
under `/_…` on which a test looks into the partner and sets it up. Nothing smooths the package's own way of
speaking: that is what the test is for (see README.md beside this file).

It runs in an environment of its own, never in Roamwork's: `environment.py` makes it, `partner.py` starts it.

The package reads its own settings from the environment: OCPI_HOST (`host:port`), PROTOCOL, COUNTRY_CODE and
PARTY_ID. This application adds PARTNER_ROLE (`EMSP` or `CPO`), PARTNER_NAME and PARTNER_TOKEN_A (the token
that was handed over out of band).
"""

import os
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from py_ocpi import get_application
from py_ocpi.core.adapter import BaseAdapter
from py_ocpi.core.authentication.authenticator import Authenticator
from py_ocpi.core.config import settings
from py_ocpi.core.crud import Crud
from py_ocpi.core.enums import Action, ModuleID, RoleEnum
from py_ocpi.core.push import send_push_request
from py_ocpi.core.utils import encode_string_base64
from py_ocpi.modules.versions.enums import VersionNumber

Document = dict[str, Any]
"""One OCPI object as the package hands it over: parsed JSON with its own string types in it."""

MODULES = [
    ModuleID.credentials_and_registration,
    ModuleID.locations,
    ModuleID.tariffs,
    ModuleID.tokens,
    ModuleID.sessions,
    ModuleID.cdrs,
]


class Books:
    """What the partner holds: objects by module and id, and the one registration that it can have."""

    def __init__(self, *, role: RoleEnum, name: str, token_a: str) -> None:
        self.role = role
        self.name = name
        self._token_a = token_a
        self.open()

    def open(self) -> None:
        """Start with nothing: no registration, no objects, token A good for one handshake."""
        self.tokens_a = [self._token_a]
        self.tokens_c: list[str] = []
        self.counterpart: Document | None = None
        self.counterpart_endpoints: list[Document] = []
        self.objects: dict[ModuleID, dict[str, Document]] = {module: {} for module in MODULES}
        self.diary: list[Document] = []

    def put(self, module: ModuleID, document: Document) -> Document:
        identifier = document["uid" if module is ModuleID.tokens else "id"]
        self.objects[module][identifier.lower()] = document
        return document

    def find(self, module: ModuleID, identifier: str) -> Document | None:
        return self.objects[module].get(identifier.lower())

    def registered(self, credentials: Document, details: Document) -> Document:
        """Take the counterpart's credentials and issue a new token C. Token A has then done its work."""
        self.counterpart = credentials
        self.counterpart_endpoints = details["endpoints"]
        self.tokens_a = []
        self.tokens_c = [secrets.token_urlsafe(32)]
        return self.credentials()

    def unregistered(self) -> None:
        self.counterpart = None
        self.counterpart_endpoints = []
        self.tokens_c = []

    def credentials(self) -> Document:
        return {
            "token": self.tokens_c[0],
            "url": f"{settings.PROTOCOL}://{settings.OCPI_HOST}/{settings.OCPI_PREFIX}/versions",
            "roles": [
                {
                    "role": self.role,
                    "business_details": {"name": self.name},
                    "party_id": settings.PARTY_ID,
                    "country_code": settings.COUNTRY_CODE,
                }
            ],
        }


class BooksCrud(Crud):
    """The package's hooks for reading and writing, on the books."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def get(
        self,
        module: ModuleID,
        role: RoleEnum,
        id: str,  # noqa: A002
        *args: object,
        **kwargs: object,
    ) -> Document | None:
        if module is ModuleID.credentials_and_registration:
            return self._books.credentials() if self._books.tokens_c else None
        return self._books.find(module, id)

    async def list(
        self, module: ModuleID, role: RoleEnum, filters: Document, *args: object, **kwargs: object
    ) -> tuple[list[Document], int, bool]:
        since, until = filters["date_from"], filters["date_to"]
        chosen = [
            document
            for document in self._books.objects[module].values()
            if (since is None or _updated(document) >= _utc(since))
            and (until is None or _updated(document) < _utc(until))
        ]
        end = filters["offset"] + filters["limit"]
        return chosen[filters["offset"] : end], len(chosen), end >= len(chosen)

    async def create(
        self, module: ModuleID, role: RoleEnum, data: Document, *args: object, **kwargs: object
    ) -> Document:
        if module is ModuleID.credentials_and_registration:
            return self._books.registered(data["credentials"], data["endpoints"])
        return self._books.put(module, data)

    async def update(
        self,
        module: ModuleID,
        role: RoleEnum,
        data: Document,
        id: str,  # noqa: A002
        *args: object,
        **kwargs: object,
    ) -> Document:
        return await self.create(module, role, data)

    async def delete(
        self,
        module: ModuleID,
        role: RoleEnum,
        id: str,  # noqa: A002
        *args: object,
        **kwargs: object,
    ) -> None:
        if module is ModuleID.credentials_and_registration:
            self._books.unregistered()
        else:
            self._books.objects[module].pop(id.lower(), None)

    async def do(
        self,
        module: ModuleID,
        role: RoleEnum | None,
        action: Action,
        *args: object,
        data: Document | None = None,
        **kwargs: object,
    ) -> Document | None:
        """Real-time authorisation, the only action that this partner knows: a valid token is allowed."""
        if action is not Action.authorize_token or data is None:
            return None
        token = self._books.find(ModuleID.tokens, data["token_uid"])
        if token is None:
            return None
        return {
            "allowed": "ALLOWED" if token["valid"] else "BLOCKED",
            "token": token,
            "location": data["location_reference"],
            "authorization_reference": f"AUTH-{data['token_uid']}",
        }


def doorman(books: Books) -> type[Authenticator]:
    """The tokens that are good today. A class, for the package instantiates it on every request."""

    class Doorman(Authenticator):
        @classmethod
        async def get_valid_token_a(cls) -> list[str]:
            return books.tokens_a

        @classmethod
        async def get_valid_token_c(cls) -> list[str]:
            return books.tokens_c

    return Doorman


def create() -> FastAPI:
    """The partner, set up from the environment; a factory for `uvicorn --factory partner_app:create`."""
    books = Books(
        role=RoleEnum(os.environ["PARTNER_ROLE"]),
        name=os.environ["PARTNER_NAME"],
        token_a=os.environ["PARTNER_TOKEN_A"],
    )
    app: FastAPI = get_application(
        version_numbers=[VersionNumber.v_2_2_1],
        roles=[books.role],
        crud=BooksCrud(books),
        modules=MODULES,
        authenticator=doorman(books),
        adapter=BaseAdapter,
    )
    _keep_a_diary(app, books)
    _show_the_books(app, books)
    return app


def _keep_a_diary(app: FastAPI, books: Books) -> None:
    """Remember what was asked, so that a test can tell a PUT from a PATCH. No header, no body: no secret."""

    @app.middleware("http")
    async def write(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        if not request.url.path.startswith("/_"):
            books.diary.append({"method": request.method, "path": request.url.path, "status": response.status_code})
        return response

    @app.get("/_diary")
    async def read() -> list[Document]:
        return books.diary


def _show_the_books(app: FastAPI, books: Books) -> None:
    """Pages for the test: look at what is held, put something there, have it pushed to the counterpart."""

    @app.delete("/_held")
    async def begin_anew() -> None:
        books.open()

    @app.get("/_held/credentials")
    async def counterpart() -> Document:
        """Who is registered, and by which endpoints. The token stays where it is."""
        known = books.counterpart or {}
        return {
            "url": known.get("url"),
            "roles": known.get("roles", []),
            "endpoints": books.counterpart_endpoints,
        }

    @app.get("/_held/{module}")
    async def held(module: ModuleID) -> list[Document]:
        return list(books.objects[module].values())

    @app.put("/_held/{module}")
    async def hold(module: ModuleID, document: Document) -> Document:
        return books.put(module, document)

    @app.post("/_push/{module}/{identifier}")
    async def push(module: ModuleID, identifier: str) -> Document:
        """Let the package's own client send one object that we hold; answers with what came back."""
        document = books.find(module, identifier)
        if books.counterpart is None or document is None:
            raise HTTPException(409, "nobody is registered, or there is no such object")
        response = await send_push_request(
            object_id=identifier,
            object_data=document,
            module_id=module,
            adapter=BaseAdapter,
            client_auth_token=f"Token {encode_string_base64(books.counterpart['token'])}",
            endpoints=books.counterpart_endpoints,
            version=VersionNumber.v_2_2_1,
        )
        return {
            "url": str(response.request.url),
            "status": response.status_code,
            "location": response.headers.get("location"),
            "body": response.text,
        }


def _updated(document: Document) -> datetime:
    return _utc(datetime.fromisoformat(document["last_updated"]))


def _utc(instant: datetime) -> datetime:
    """OCPI 2.2.1 (types, DateTime): an instant without a zone is in UTC."""
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant
