"""What we ask of a partner that speaks OCPI 2.2.1, and of the versions that call alike."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from adapters.contract import (
    Adapter,
    Credentials,
    Interface,
    InvalidWire,
    Link,
    Module,
    Page,
    PartnerNotFound,
    PartnerProtocolError,
    PartnerRejected,
    Read,
    Receipt,
    Unreadable,
    Witness,
)
from adapters.json_reader import read_object
from adapters.json_writer import write_json
from adapters.ocpi_2_2_1 import addresses, cdr_receipt, changes
from adapters.ocpi_2_2_1.addresses import MODULES, Owned, PartnerAddresses
from adapters.ocpi_2_2_1.changes import Change
from adapters.transport import envelope, json_slices, paging, routing, urls
from adapters.transport.address_guard import same_origin
from adapters.transport.envelope import Answer
from adapters.transport.http import PartnerHttp
from canonical.cdr import Cdr
from canonical.identity import ObjectId
from canonical.location import Location
from canonical.model import CanonicalModel, Finding
from canonical.session import Session
from canonical.tariff import Tariff
from canonical.token import Authorization, LocationReference, Token, TokenType

T = TypeVar("T", bound=CanonicalModel)

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands for "all" on the one list that has to be asked with a date (OCPI 2.2.1 sessions, GET)."""

_INVALID_PARAMETER = 2001
"""To a real-time authorisation, this is how some issuers say that they do not know the token."""


class Calls:
    """`adapters.contract.PartnerCalls`, over HTTP.

    Bound to one link; cheap to make, holds no state of its own.
    """

    def __init__(self, adapter: Adapter, http: PartnerHttp, link: Link, witness: Witness | None = None) -> None:
        self._adapter = adapter
        self._http = http
        self._link = link
        self._witness = witness
        self._addresses = PartnerAddresses(link)

    # Lists and objects of the partner

    async def get_page(
        self,
        kind: type[T],
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        url: str | None = None,
        limit: int | None = None,
    ) -> Page[T]:
        module = MODULES[kind]
        endpoint = self._addresses.endpoint(module, Interface.SENDER)
        if since is None and kind is Session:
            since = _BEGINNING
        query = addresses.window(since, until, limit)
        wanted = same_origin(url, endpoint) if url else urls.below(endpoint, query=query)
        answer = await self._answer("GET", module, wanted)
        raw_items = _elements(envelope.success(answer).data)
        items: list[Read[T]] = []
        unreadable: list[Unreadable] = []
        for raw in raw_items:
            try:
                items.append(self._adapter.read(kind, raw))
            except InvalidWire as error:
                unreadable.append(Unreadable(raw, error.findings))
        following = paging.following(answer, endpoint, len(raw_items))
        return Page(
            items=tuple(items),
            unreadable=tuple(unreadable),
            next_url=following.url,
            total=paging.total_count(answer),
            findings=following.findings,
        )

    async def get(self, kind: type[T], object_id: ObjectId, token_type: TokenType | None = None) -> Read[T]:
        module = MODULES[kind]
        if object_id.owner.key == self._link.our_party.key:
            url = self._addresses.held_by_partner(module, object_id, token_type)
        elif module is Module.LOCATIONS:
            url = urls.below(self._addresses.endpoint(module, Interface.SENDER), object_id.id)
        else:
            raise PartnerRejected(f"OCPI {self._adapter.version} has no GET for one of the partner's {module}")
        return self._read(kind, await self._answer("GET", module, url))

    async def get_cdr(self, url: str) -> Read[Cdr]:
        checked = same_origin(url, self._addresses.endpoint(Module.CDRS, Interface.RECEIVER))
        return self._read(Cdr, await self._answer("GET", Module.CDRS, checked))

    # Our objects, told to the partner

    async def put(self, value: Owned) -> Receipt:
        module = MODULES[type(value)]
        return await self._tell("PUT", module, self._addresses.of(value), self._adapter.write(value))

    async def patch(self, before: T, after: T) -> Receipt:
        if not isinstance(after, Location | Token | Session | Tariff):
            raise TypeError(f"{type(after).__name__} is not an object that is patched")
        if isinstance(after, Tariff):
            return await self.put(after)
        change = self._change(before, after)
        url = urls.below(self._addresses.of(after), *change.below)
        body = write_json(change.document)
        return await self._tell(change.method, MODULES[type(after)], url, body)

    async def delete_tariff(self, tariff: ObjectId) -> Receipt:
        return await self._tell("DELETE", Module.TARIFFS, self._addresses.held_by_partner(Module.TARIFFS, tariff))

    async def post_cdr(self, cdr: Cdr) -> Receipt:
        endpoint = self._addresses.endpoint(Module.CDRS, Interface.RECEIVER)
        answer = await self._answer("POST", Module.CDRS, endpoint, self._adapter.write(cdr))
        said = envelope.success(answer)
        location, findings = cdr_receipt.location(answer, said.data)
        return Receipt(answer.status, said.status_code, url=location, findings=findings)

    # Real-time authorisation

    async def authorize(
        self, token_uid: str, token_type: TokenType, location: LocationReference | None
    ) -> Read[Authorization]:
        url = urls.below(
            self._addresses.endpoint(Module.TOKENS, Interface.SENDER),
            token_uid,
            "authorize",
            query={"type": token_type.value},
        )
        body = self._adapter.write(location) if location is not None else None
        answer = await self._answer("POST", Module.TOKENS, url, body)
        try:
            return self._read(Authorization, answer)
        except PartnerRejected as error:
            if type(error) is PartnerRejected and error.ocpi_status == _INVALID_PARAMETER:
                raise PartnerNotFound(
                    str(error), http_status=error.http_status, ocpi_status=error.ocpi_status
                ) from error
            raise

    # Credentials

    async def get_credentials(self) -> Credentials:
        return await self._credentials("GET", None)

    async def register(self, ours: Credentials) -> Credentials:
        return await self._credentials("POST", ours)

    async def update(self, ours: Credentials) -> Credentials:
        return await self._credentials("PUT", ours)

    async def unregister(self) -> None:
        await self._tell("DELETE", Module.CREDENTIALS, self._addresses.endpoint(Module.CREDENTIALS))

    async def _credentials(self, method: str, ours: Credentials | None) -> Credentials:
        body = self._adapter.write_credentials(ours) if ours is not None else None
        answer = await self._answer(method, Module.CREDENTIALS, self._addresses.endpoint(Module.CREDENTIALS), body)
        try:
            return self._adapter.read_credentials(_data(answer))
        except InvalidWire as error:
            # Places only: the words of a finding may quote what was found there, and that may be the token.
            where = ", ".join(finding.where or "body" for finding in error.findings)
            raise _not_as_agreed(answer, f"unreadable credentials: {where}") from None

    # One request

    async def _answer(self, method: str, module: Module, url: str, body: bytes | None = None) -> Answer:
        return await self._http.request(
            method,
            url,
            authorization=self._adapter.encode_token(self._link.token),
            headers=routing.headers_for(self._link, module),
            body=body,
            module=module,
            witness=self._witness,
        )

    async def _tell(self, method: str, module: Module, url: str, body: bytes | None = None) -> Receipt:
        answer = await self._answer(method, module, url, body)
        said = envelope.success(answer, empty_is_success=True)
        return Receipt(answer.status, said.status_code)

    def _read(self, kind: type[T], answer: Answer) -> Read[T]:
        data, tolerated = _one(_data(answer))
        try:
            read = self._adapter.read(kind, data)
        except InvalidWire as error:
            raise _not_as_agreed(answer, f"unreadable {kind.__name__}: {error}") from error
        return replace(read, findings=(*tolerated, *read.findings))

    # Changes

    def _change(self, before: CanonicalModel, after: CanonicalModel) -> Change:
        was = read_object(self._adapter.write(before))
        now = read_object(self._adapter.write(after))
        if isinstance(after, Session):
            return changes.of_session(was, now)
        if isinstance(after, Location):
            return changes.of_location(was, now)
        return changes.of_object(was, now)


def _data(answer: Answer) -> bytes:
    data = envelope.success(answer).data
    if data is None:
        raise _not_as_agreed(answer, "the answer holds no data")
    return data


def _one(data: bytes) -> tuple[bytes, tuple[Finding, ...]]:
    """The one object in an answer, also from partners that put it into a list."""
    if not data.startswith(b"["):
        return data, ()
    elements = _elements(data)
    if len(elements) != 1:
        return data, ()
    return elements[0], (Finding(code="tolerance.object_in_list", message="one object came as a list of one"),)


def _elements(data: bytes | None) -> list[bytes]:
    """The elements of a list.

    No data, or an empty object in its place, is how some partners write an empty list.
    """
    if data is None:
        return []
    try:
        text = data.decode()
        if text.startswith("{") and not json_slices.members(text):
            return []
        return [raw.encode() for raw in json_slices.elements(text)]
    except json_slices.NotJsonError as error:
        raise PartnerProtocolError(f"the data of a list is not a list: {error}") from None


def _not_as_agreed(answer: Answer, what: str) -> PartnerProtocolError:
    code = answer.envelope.status_code if answer.envelope else None
    return PartnerProtocolError(f"HTTP {answer.status}: {what}", http_status=answer.status, ocpi_status=code)
