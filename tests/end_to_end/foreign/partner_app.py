"""A roaming partner made of `extrawest-ocpi`, an implementation of OCPI 2.1.1 and 2.2.1 that is not ours.

The package brings everything that speaks OCPI: routes, wire models, checks of tokens, the call-back during
the handshake, and a client that pushes objects and sends the results of commands. An application brings what
the package leaves open, and that is all there is here: a store, held in memory; a doorman that knows the
tokens; the calls that the package has no client for, written and read by its own models; and a few plain JSON
pages under `/_…` on which a test looks into the partner and sets it up. Nothing smooths the package's own way
of speaking: that is what the test is for (see README.md beside this file).

One partner speaks one version at a time, and the test says which.

It runs in an environment of its own, never in Roamwork's: `environment.py` makes it, `partner.py` starts it.

The package reads its own settings from the environment: OCPI_HOST (`host:port`), PROTOCOL, COUNTRY_CODE and
PARTY_ID. This application adds PARTNER_ROLE (`EMSP` or `CPO`), PARTNER_NAME and PARTNER_TOKEN_A (the token
that was handed over out of band).
"""

import asyncio
import os
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
from fastapi import FastAPI, HTTPException, Request, Response
from py_ocpi import get_application
from py_ocpi.core.adapter import BaseAdapter
from py_ocpi.core.authentication.authenticator import Authenticator
from py_ocpi.core.config import settings
from py_ocpi.core.crud import Crud
from py_ocpi.core.dependencies import get_versions
from py_ocpi.core.endpoints import ENDPOINTS
from py_ocpi.core.endpoints.v_2_1_1.utils import cpo_generator as operator_2_1_1
from py_ocpi.core.endpoints.v_2_2_1.utils import cpo_generator as operator_2_2_1
from py_ocpi.core.enums import Action, ModuleID, RoleEnum
from py_ocpi.core.push import send_push_request
from py_ocpi.core.utils import encode_string_base64, get_module_model
from py_ocpi.modules.versions.enums import VersionNumber
from py_ocpi.modules.versions.v_2_2_1.enums import InterfaceRole

Document = dict[str, Any]
"""One OCPI object as the package hands it over: parsed JSON with its own string types in it."""

MODULES = [
    ModuleID.credentials_and_registration,
    ModuleID.locations,
    ModuleID.tariffs,
    ModuleID.tokens,
    ModuleID.sessions,
    ModuleID.cdrs,
    ModuleID.commands,
]

VERSIONS = [VersionNumber.v_2_1_1, VersionNumber.v_2_2_1]
"""All that the package has routes for."""

READERS = {
    ModuleID.locations: BaseAdapter.location_adapter,
    ModuleID.tariffs: BaseAdapter.tariff_adapter,
    ModuleID.tokens: BaseAdapter.token_adapter,
    ModuleID.sessions: BaseAdapter.session_adapter,
    ModuleID.cdrs: BaseAdapter.cdr_adapter,
}

# The package serves commands as an operator, and forgets to list where.
ENDPOINTS[VersionNumber.v_2_1_1][RoleEnum.cpo][ModuleID.commands] = operator_2_1_1.generate_endpoint(ModuleID.commands)
ENDPOINTS[VersionNumber.v_2_2_1][RoleEnum.cpo][ModuleID.commands] = operator_2_2_1.generate_endpoint(
    ModuleID.commands, InterfaceRole.receiver
)


class Books:
    """What the partner holds: objects by module and id, and the one registration that it can have."""

    def __init__(self, *, role: RoleEnum, name: str, token_a: str) -> None:
        self.role = role
        self.name = name
        self._token_a = token_a
        self.open(VersionNumber.v_2_2_1)

    def open(self, version: VersionNumber) -> None:
        """Start with nothing, and in one version: no registration, no objects, token A good for one handshake."""
        self.version = version
        self.tokens_a = [self._token_a]
        self.tokens_c: list[str] = []
        self.counterpart: Document | None = None
        self.counterpart_endpoints: list[Document] = []
        self.objects: dict[ModuleID, dict[str, Document]] = {module: {} for module in MODULES}
        self.diary: list[Document] = []
        self.carried_out = asyncio.Event()

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

    def invited(self) -> Document:
        """Our credentials for a registration that we begin: the counterpart may call with the token in them at once."""
        self.tokens_c = [secrets.token_urlsafe(32)]
        return self.credentials()

    def met(self, credentials: Document, endpoints: list[Document]) -> None:
        """The counterpart has answered the registration that we began."""
        self.counterpart = credentials
        self.counterpart_endpoints = endpoints

    def unregistered(self) -> None:
        self.counterpart = None
        self.counterpart_endpoints = []
        self.tokens_c = []

    def credentials(self) -> Document:
        party = {
            "business_details": {"name": self.name},
            "party_id": settings.PARTY_ID,
            "country_code": settings.COUNTRY_CODE,
        }
        address = f"{settings.PROTOCOL}://{settings.OCPI_HOST}/{settings.OCPI_PREFIX}"
        ours = {"token": self.tokens_c[0], "url": f"{address}/versions"}
        return ours | (party if self.early else {"roles": [{"role": self.role, **party}]})

    @property
    def early(self) -> bool:
        """Before OCPI 2.2: tokens go as they are, one party speaks, and endpoints have no role."""
        return self.version is VersionNumber.v_2_1_1

    def address(self, module: ModuleID, interface: InterfaceRole) -> str:
        """Where the counterpart serves a module. Raises HTTPException when it does not say so."""
        any_role = self.early or module is ModuleID.credentials_and_registration
        for endpoint in self.counterpart_endpoints:
            if endpoint["identifier"] == module and (any_role or endpoint["role"] == interface):
                address: str = endpoint["url"]
                return address
        raise HTTPException(409, f"the counterpart lists no {module.value}")

    def authorization(self, token: str) -> str:
        return f"Token {token if self.early else encode_string_base64(token)}"


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
        if module is ModuleID.commands:  # how it went at the charge point: well, when the test says that it went
            await self._books.carried_out.wait()
            return {"result": "ACCEPTED"}
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
        if module is ModuleID.commands:
            return self._books.put(module, {**data, "id": id})
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
    ) -> Document | str | None:
        """Real-time authorisation: a valid token is allowed. An order is taken, and kept under its own name."""
        if action is Action.get_client_token and self._books.counterpart is not None:
            token_b: str = self._books.counterpart["token"]
            return token_b
        if action is Action.send_command:
            self._books.put(module, {**args[0], "id": kwargs["command"]})
            return {"result": "ACCEPTED", "timeout": 30}
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
        version_numbers=VERSIONS,
        roles=[books.role],
        crud=BooksCrud(books),
        modules=MODULES,
        authenticator=doorman(books),
        adapter=BaseAdapter,
    )
    every = app.dependency_overrides[get_versions]()
    app.dependency_overrides[get_versions] = lambda: [each for each in every if each["version"] == books.version]
    _keep_a_diary(app, books)
    _show_the_books(app, books)
    _call_the_counterpart(app, books)
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
    async def begin_anew(version: VersionNumber, party_id: str) -> None:
        settings.PARTY_ID = party_id
        books.open(version)

    @app.get("/_held/credentials")
    async def counterpart() -> Document:
        """Who is registered, and by which endpoints. The token stays where it is."""
        known = books.counterpart or {}
        return {
            "url": known.get("url"),
            "roles": known.get("roles", [{k: v for k, v in known.items() if k != "token"}] if known else []),
            "endpoints": books.counterpart_endpoints,
        }

    @app.get("/_held/{module}")
    async def held(module: ModuleID) -> list[Document]:
        return list(books.objects[module].values())

    @app.put("/_held/{module}")
    async def hold(module: ModuleID, document: Document) -> Document:
        return books.put(module, document)

    @app.post("/_carry_out")
    async def carry_out() -> None:
        books.carried_out.set()

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
            client_auth_token=books.authorization(books.counterpart["token"]),
            endpoints=books.counterpart_endpoints,
            version=books.version,
        )
        return {
            "url": str(response.request.url),
            "status": response.status_code,
            "location": response.headers.get("location"),
            "body": response.text,
        }


def _call_the_counterpart(app: FastAPI, books: Books) -> None:
    """Pages that make the partner call: what an application around the package does itself, by the package's models."""

    async def ask(method: str, url: str, token: str, body: Document | None = None) -> Document:
        """One request. What is not HTTP 2xx with OCPI 1xxx is shown to the test as it came."""
        async with httpx.AsyncClient() as http:
            response = await http.request(method, url, json=body, headers={"Authorization": books.authorization(token)})
        answer: Document = response.json()
        if not response.is_success or not 1000 <= answer["status_code"] < 2000:
            raise HTTPException(502, f"{method} {url}: {response.status_code} {response.text}")
        return answer

    def token_b() -> str:
        if books.counterpart is None:
            raise HTTPException(409, "nobody is registered")
        token: str = books.counterpart["token"]
        return token

    def model(name: str, module: str) -> Any:
        return get_module_model(name, module, books.version.name)

    @app.post("/_register")
    async def register(invitation: Document) -> None:
        """Begin the handshake, with the versions URL and the token of an invitation."""
        versions = await ask("GET", invitation["versions_url"], invitation["token"])
        (address,) = (each["url"] for each in versions["data"] if each["version"] == books.version)
        details = model("VersionDetail", "versions").parse_obj((await ask("GET", address, invitation["token"]))["data"])
        endpoints = details.dict()["endpoints"]
        (credentials,) = {each["url"] for each in endpoints if each["identifier"] == "credentials"}
        answer = await ask("POST", credentials, invitation["token"], books.invited())
        books.met(model("Credentials", "credentials").parse_obj(answer["data"]).dict(), endpoints)

    @app.post("/_unregister")
    async def unregister() -> None:
        """End the registration from our side."""
        await ask("DELETE", books.address(ModuleID.credentials_and_registration, InterfaceRole.receiver), token_b())
        books.unregistered()

    @app.post("/_pull/{module}")
    async def pull(module: ModuleID) -> list[Document]:
        """All objects that the counterpart lists, as the package's own model reads them."""
        url = books.address(module, InterfaceRole.sender)
        pulled: list[Document] = []
        while page := (await ask("GET", f"{url}?offset={len(pulled)}", token_b()))["data"]:
            pulled += [READERS[module](each, books.version).dict() for each in page]
        return pulled

    @app.post("/_authorize/{uid}")
    async def authorize(uid: str, place: Document) -> Document:
        """Ask the issuer of a token whether its driver may charge at a place."""
        reference = model("LocationReference", "tokens").parse_obj(place).dict()
        url = f"{books.address(ModuleID.tokens, InterfaceRole.sender)}{uid}/authorize"
        answer = await ask("POST", url, token_b(), reference)
        said: Document = model("AuthorizationInfo", "tokens").parse_obj(answer["data"]).dict()
        return said

    @app.post("/_order/{kind}")
    async def order(kind: str, wanted: Document) -> Document:
        """Give the counterpart a command; its result comes back under the same name, and is held."""
        address = f"{settings.PROTOCOL}://{settings.OCPI_HOST}/{settings.OCPI_PREFIX}"
        response_url = f"{address}/{books.role.value.lower()}/{books.version.value}/commands/{kind}"
        written = model("StartSession", "commands").parse_obj({**wanted, "response_url": response_url})
        url = f"{books.address(ModuleID.commands, InterfaceRole.receiver)}{kind}"
        answer = await ask("POST", url, token_b(), written.dict())
        said: Document = model("CommandResponse", "commands").parse_obj(answer["data"]).dict()
        return said


def _updated(document: Document) -> datetime:
    return _utc(datetime.fromisoformat(document["last_updated"]))


def _utc(instant: datetime) -> datetime:
    """OCPI 2.2.1 (types, DateTime): an instant without a zone is in UTC."""
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant
