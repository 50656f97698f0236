"""Where at a partner things are: its endpoints, and our objects below them (client-owned objects)."""

from collections.abc import Mapping
from datetime import datetime

from adapters.contract import Interface, Link, Module, PartnerRejected
from adapters.transport import urls
from adapters.transport.address_guard import on_one_of
from canonical.cdr import Cdr
from canonical.identity import ObjectId, PartyId
from canonical.invoice_record import InvoiceRecord
from canonical.location import Location
from canonical.model import CanonicalModel
from canonical.partner import HubClient
from canonical.session import Session
from canonical.tariff import Tariff
from canonical.token import Token, TokenType

Owned = Location | Tariff | Token | Session | InvoiceRecord

MODULES: Mapping[type[CanonicalModel], Module] = {
    Location: Module.LOCATIONS,
    Tariff: Module.TARIFFS,
    Token: Module.TOKENS,
    Session: Module.SESSIONS,
    Cdr: Module.CDRS,
    HubClient: Module.HUB_CLIENT_INFO,
    InvoiceRecord: Module.INVOICE_RECONCILIATION,
}


class PartnerAddresses:
    """Addresses at the partner of one link.

    `tokens_by_uid`: a token has no type in its address (OCPI 2.1.1). `open_token_types`: a vehicle's contract has its
    own (OCPI 2.3.0); elsewhere it is told as OTHER.
    """

    def __init__(self, link: Link, *, tokens_by_uid: bool = False, open_token_types: bool = False) -> None:
        self._link = link
        self._tokens_by_uid = tokens_by_uid
        self._open_token_types = open_token_types

    def endpoint(self, module: Module, interface: Interface | None = None) -> str:
        """URL of an interface. The credentials module has one only, whatever role is written beside it.

        Raises PartnerRejected when the partner does not offer it.
        """
        for endpoint in self._link.endpoints:
            if endpoint.module == module and interface in (None, endpoint.interface):
                return endpoint.url
        offered = f"{module} as {interface}" if interface else str(module)
        raise PartnerRejected(f"the partner does not offer {offered}")

    def of(self, value: Owned) -> str:
        """Where the partner keeps an object of ours."""
        if isinstance(value, Token):
            return self._token(value.owner, value.uid, value.type)
        return self._client_owned(MODULES[type(value)], value.owner, value.id)

    def held_by_partner(self, module: Module, object_id: ObjectId, token_type: TokenType | None = None) -> str:
        """The same by name. A token is named by its uid, or by type and uid as `Token.id` does."""
        if module is not Module.TOKENS:
            return self._client_owned(module, object_id.owner, object_id.id)
        prefix, slash, uid = object_id.id.partition("/")
        if slash and prefix in set(TokenType):
            return self._token(object_id.owner, uid, token_type or TokenType(prefix))
        return self._token(object_id.owner, object_id.id, token_type or TokenType.RFID)

    def of_partner(self, url: str) -> str:
        """An address that the partner chose, if it is on a host of this connection. Raises UnsafeUrl."""
        return on_one_of(url, (endpoint.url for endpoint in self._link.endpoints))

    def _token(self, owner: PartyId, uid: str, token_type: TokenType) -> str:
        if token_type is TokenType.EMAID and not self._open_token_types:
            token_type = TokenType.OTHER
        query = None if self._tokens_by_uid else {"type": token_type.value}
        return self._client_owned(Module.TOKENS, owner, uid, query=query)

    def _client_owned(self, module: Module, owner: PartyId, object_id: str, query: dict[str, str] | None = None) -> str:
        endpoint = self.endpoint(module, Interface.RECEIVER)
        return urls.below(endpoint, owner.country_code, owner.party_id, object_id, query=query)


def window(since: datetime | None, until: datetime | None, limit: int | None) -> dict[str, str]:
    """The query of a list: `date_from` inclusive, `date_to` exclusive, on `last_updated`."""
    query = {"offset": "0"}
    if since is not None:
        query["date_from"] = urls.instant(since)
    if until is not None:
        query["date_to"] = urls.instant(until, round_up=True)
    if limit is not None:
        query["limit"] = str(limit)
    return query
