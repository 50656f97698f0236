"""What we ask of a partner, in any version: what differs is what the adapter writes and the partner offers."""

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
    Parties,
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
from adapters.ocpi import addresses, cdr_receipt, changes
from adapters.ocpi.addresses import MODULES, Owned, PartnerAddresses
from adapters.ocpi.changes import Change
from adapters.transport import envelope, json_slices, paging, routing, urls
from adapters.transport.address_guard import same_origin
from adapters.transport.envelope import Answer
from adapters.transport.http import PartnerHttp
from canonical.cdr import Cdr
from canonical.charging_profile import ActiveChargingProfile, ChargingPreferences, PreferencesAnswer
from canonical.command import Command, CommandKind, CommandResponse, CommandResult
from canonical.identity import ObjectId
from canonical.invoice_record import InvoiceRecord
from canonical.location import Connector, Evse, Location
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

    def __init__(
        self,
        adapter: Adapter,
        http: PartnerHttp,
        link: Link,
        witness: Witness | None = None,
        *,
        tariff_patched: bool = False,
    ) -> None:
        self._adapter = adapter
        self._http = http
        self._link = link
        self._witness = witness
        self._tariff_patched = tariff_patched
        self._addresses = PartnerAddresses(
            link, tokens_by_uid=adapter.tokens_by_uid, open_token_types=adapter.open_token_types
        )

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
        parties = self._parties(kind, ours=False)
        items: list[Read[T]] = []
        unreadable: list[Unreadable] = []
        for raw in raw_items:
            try:
                items.append(replace(self._adapter.read(kind, raw, parties), raw=raw))
            except InvalidWire as error:
                unreadable.append(Unreadable(raw, error.findings))
        following = paging.following(answer, endpoint, len(raw_items))
        return Page(
            items=tuple(items),
            unreadable=tuple(unreadable),
            next_url=following.url,
            total=paging.total_count(answer),
            findings=following.findings,
            url=answer.url,
        )

    async def get(self, kind: type[T], object_id: ObjectId, token_type: TokenType | None = None) -> Read[T]:
        module = MODULES[kind]
        ours = object_id.owner.key == self._link.our_party.key
        if ours:
            url = self._addresses.held_by_partner(module, object_id, token_type)
        elif module is Module.LOCATIONS:
            url = urls.below(self._addresses.endpoint(module, Interface.SENDER), object_id.id)
        else:
            raise PartnerRejected(f"OCPI {self._adapter.version} has no GET for one of the partner's {module}")
        return self._read(kind, await self._answer("GET", module, url), self._parties(kind, ours=ours))

    async def get_part(self, kind: type[T], location: ObjectId, *ids: str) -> Read[T]:
        ours = location.owner.key == self._link.our_party.key
        url = (
            urls.below(self._addresses.held_by_partner(Module.LOCATIONS, location), *ids)
            if ours
            else urls.below(self._addresses.endpoint(Module.LOCATIONS, Interface.SENDER), location.id, *ids)
        )
        return self._read(kind, await self._answer("GET", Module.LOCATIONS, url), self._parties(kind, ours=ours))

    async def get_cdr(self, url: str) -> Read[Cdr]:
        checked = same_origin(url, self._addresses.endpoint(Module.CDRS, Interface.RECEIVER))
        return self._read(Cdr, await self._answer("GET", Module.CDRS, checked), self._parties(Cdr, ours=True))

    async def find_cdr(self, cdr: ObjectId) -> tuple[str, Read[Cdr]]:
        url = urls.below(self._addresses.endpoint(Module.CDRS, Interface.RECEIVER), cdr.id)
        return url, await self.get_cdr(url)

    # Our objects, told to the partner

    async def put(self, value: Owned) -> Receipt:
        module = MODULES[type(value)]
        return await self._tell("PUT", module, self._addresses.of(value), self._adapter.write(value))

    async def put_part(self, location: ObjectId, part: Evse | Connector, *above: str) -> Receipt:
        part_id = part.uid if isinstance(part, Evse) else part.id
        url = urls.below(self._addresses.held_by_partner(Module.LOCATIONS, location), *above, part_id)
        return await self._tell("PUT", Module.LOCATIONS, url, self._adapter.write(part))

    async def patch(self, before: T, after: T) -> Receipt:
        if not isinstance(after, Location | Token | Session | Tariff):
            raise TypeError(f"{type(after).__name__} is not an object that is patched")
        if isinstance(after, Tariff) and not self._tariff_patched:
            return await self.put(after)
        change = self._change(before, after)
        url = urls.below(self._addresses.of(after), *change.below)
        body = write_json(change.document)
        return await self._tell(change.method, MODULES[type(after)], url, body)

    async def delete_tariff(self, tariff: ObjectId) -> Receipt:
        return await self._tell("DELETE", Module.TARIFFS, self._addresses.held_by_partner(Module.TARIFFS, tariff))

    async def post_invoice_record(self, record: InvoiceRecord) -> Receipt:
        endpoint = self._addresses.endpoint(Module.INVOICE_RECONCILIATION, Interface.RECEIVER)
        return await self._tell("POST", Module.INVOICE_RECONCILIATION, endpoint, self._adapter.write(record))

    async def delete_invoice_record(self, record: ObjectId) -> Receipt:
        url = self._addresses.held_by_partner(Module.INVOICE_RECONCILIATION, record)
        return await self._tell("DELETE", Module.INVOICE_RECONCILIATION, url)

    async def post_cdr(self, cdr: Cdr) -> Receipt:
        endpoint = self._addresses.endpoint(Module.CDRS, Interface.RECEIVER)
        answer = await self._answer("POST", Module.CDRS, endpoint, self._adapter.write(cdr))
        said = envelope.success(answer)
        location, findings = cdr_receipt.location(answer, said.data)
        findings = (*findings, *cdr_receipt.words(said))
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
            return self._read(Authorization, answer, self._parties(Token, ours=False))
        except PartnerRejected as error:
            if type(error) is PartnerRejected and error.ocpi_status == _INVALID_PARAMETER:
                raise PartnerNotFound(
                    str(error), http_status=error.http_status, ocpi_status=error.ocpi_status
                ) from error
            raise

    # Commands, charging profiles and preferences

    async def send_command(self, command: Command) -> Read[CommandResponse]:
        kind = command.kind
        if kind.about_profile:
            answer = await self._profile_request(command)
        else:
            endpoint = self._addresses.endpoint(Module.COMMANDS, Interface.RECEIVER)
            body = self._adapter.write_command(command)
            answer = await self._answer("POST", Module.COMMANDS, urls.below(endpoint, kind.value), body)
        data, tolerated = _one(_data(answer))
        try:
            read = self._adapter.read_response(kind, data)
        except InvalidWire as error:
            raise _not_as_agreed(answer, f"unreadable answer to {kind}: {error}") from error
        return replace(read, findings=(*tolerated, *read.findings))

    async def _profile_request(self, command: Command) -> Answer:
        if command.session_id is None or command.reply_to is None:
            raise ValueError(f"{command.kind} needs a session and an address for the result")
        module = Module.CHARGING_PROFILES
        endpoint = self._addresses.endpoint(module, Interface.RECEIVER)
        if command.kind is CommandKind.SET_CHARGING_PROFILE:
            url = urls.below(endpoint, command.session_id)
            return await self._answer("PUT", module, url, self._adapter.write_command(command))
        query = {"response_url": command.reply_to}
        if command.kind is CommandKind.CLEAR_CHARGING_PROFILE:
            return await self._answer("DELETE", module, urls.below(endpoint, command.session_id, query=query))
        query["duration"] = str(command.duration_s)
        return await self._answer("GET", module, urls.below(endpoint, command.session_id, query=query))

    async def send_result(self, kind: CommandKind, url: str, result: CommandResult) -> Receipt:
        module = Module.CHARGING_PROFILES if kind.about_profile else Module.COMMANDS
        checked = self._addresses.of_partner(url)
        return await self._tell("POST", module, checked, self._adapter.write_result(kind, result))

    async def set_charging_preferences(self, session: ObjectId, preferences: ChargingPreferences) -> PreferencesAnswer:
        endpoint = self._addresses.endpoint(Module.SESSIONS, Interface.SENDER)
        url = urls.below(endpoint, session.id, "charging_preferences")
        answer = await self._answer("PUT", Module.SESSIONS, url, self._adapter.write(preferences))
        try:
            return PreferencesAnswer(_data(answer).decode().strip('"'))
        except ValueError as error:
            raise _not_as_agreed(answer, "the answer to charging preferences is not one of the protocol") from error

    async def push_active_profile(self, session: ObjectId, profile: ActiveChargingProfile) -> Receipt:
        endpoint = self._addresses.endpoint(Module.CHARGING_PROFILES, Interface.SENDER)
        body = self._adapter.write(profile)
        return await self._tell("PUT", Module.CHARGING_PROFILES, urls.below(endpoint, session.id), body)

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
            return self._adapter.read_credentials(_data(answer), self._link.partner_sides)
        except InvalidWire as error:
            # Places only: the words of a finding may quote what was found there, and that may be the token.
            where = ", ".join(finding.where or "body" for finding in error.findings)
            raise _not_as_agreed(answer, f"unreadable credentials: {where}") from None

    # One request

    async def _answer(self, method: str, module: Module, url: str, body: bytes | None = None) -> Answer:
        return await self._http.request(
            method,
            url,
            authorization=self._adapter.encode_token(self._link.token, self._link.token_spelling),
            headers=routing.headers_for(self._link, module, routed=self._adapter.routed),
            body=body,
            module=module,
            witness=self._witness,
            partner=self._link.connection_id,
        )

    async def _tell(self, method: str, module: Module, url: str, body: bytes | None = None) -> Receipt:
        answer = await self._answer(method, module, url, body)
        said = envelope.success(answer, empty_is_success=True)
        return Receipt(answer.status, said.status_code)

    def _read(self, kind: type[T], answer: Answer, parties: Parties | None) -> Read[T]:
        data, tolerated = _one(_data(answer))
        try:
            read = self._adapter.read(kind, data, parties)
        except InvalidWire as error:
            raise _not_as_agreed(answer, f"unreadable {kind.__name__}: {error}") from error
        return replace(read, findings=(*tolerated, *read.findings))

    def _parties(self, kind: type[CanonicalModel], *, ours: bool) -> Parties | None:
        """Operator and provider of an object that is ours, or the partner's."""
        us, partner = self._link.our_party, self._link.partner_party
        if partner is None:
            return None
        return Parties(cpo=partner, emsp=us) if (kind is Token) is ours else Parties(cpo=us, emsp=partner)

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
