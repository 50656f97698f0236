"""The endpoints of OCPI 2.2.1 that we serve, on both sides. Paths are relative to the module's URL."""

from typing import Final

from adapters.contract import Endpoint, Interface, Module, Operation
from adapters.ocpi_2_2_1 import wire

_SENDER, _RECEIVER = Interface.SENDER, Interface.RECEIVER
_PARTY: Final = "/{country_code}/{party_id}"

# The interface of credentials carries no meaning: it is the same for every role.
_CREDENTIALS: Final = (
    Endpoint(Module.CREDENTIALS, _SENDER, "GET", "", Operation.GET_CREDENTIALS, None, wire.Credentials),
    Endpoint(Module.CREDENTIALS, _SENDER, "POST", "", Operation.REGISTER, wire.Credentials, wire.Credentials),
    Endpoint(
        Module.CREDENTIALS,
        _SENDER,
        "PUT",
        "",
        Operation.UPDATE_CREDENTIALS,
        wire.Credentials,
        wire.Credentials,
    ),
    Endpoint(Module.CREDENTIALS, _SENDER, "DELETE", "", Operation.UNREGISTER),
)

_SITES: Final = (
    (
        "/{location_id}",
        wire.Location,
        Operation.GET_LOCATION,
        Operation.PUT_LOCATION,
        Operation.PATCH_LOCATION,
    ),
    ("/{location_id}/{evse_uid}", wire.EVSE, Operation.GET_EVSE, Operation.PUT_EVSE, Operation.PATCH_EVSE),
    (
        "/{location_id}/{evse_uid}/{connector_id}",
        wire.Connector,
        Operation.GET_CONNECTOR,
        Operation.PUT_CONNECTOR,
        Operation.PATCH_CONNECTOR,
    ),
)

_LOCATIONS: Final = (
    Endpoint(Module.LOCATIONS, _SENDER, "GET", "", Operation.LIST_LOCATIONS, None, wire.Location),
    *(Endpoint(Module.LOCATIONS, _SENDER, "GET", path, get, None, model) for path, model, get, _, _ in _SITES),
    *(
        Endpoint(Module.LOCATIONS, _RECEIVER, "GET", _PARTY + path, get, None, model)
        for path, model, get, _, _ in _SITES
    ),
    *(Endpoint(Module.LOCATIONS, _RECEIVER, "PUT", _PARTY + path, put, model) for path, model, _, put, _ in _SITES),
    *(
        Endpoint(Module.LOCATIONS, _RECEIVER, "PATCH", _PARTY + path, patch, model)
        for path, model, _, _, patch in _SITES
    ),
)

_TARIFF: Final = _PARTY + "/{tariff_id}"
_TARIFFS: Final = (
    Endpoint(Module.TARIFFS, _SENDER, "GET", "", Operation.LIST_TARIFFS, None, wire.Tariff),
    Endpoint(Module.TARIFFS, _RECEIVER, "GET", _TARIFF, Operation.GET_TARIFF, None, wire.Tariff),
    Endpoint(Module.TARIFFS, _RECEIVER, "PUT", _TARIFF, Operation.PUT_TARIFF, wire.Tariff),
    Endpoint(Module.TARIFFS, _RECEIVER, "DELETE", _TARIFF, Operation.DELETE_TARIFF),
)

_TOKEN: Final = _PARTY + "/{token_uid}"
_TOKENS: Final = (
    Endpoint(Module.TOKENS, _SENDER, "GET", "", Operation.LIST_TOKENS, None, wire.Token),
    Endpoint(
        Module.TOKENS,
        _SENDER,
        "POST",
        "/{token_uid}/authorize",
        Operation.AUTHORIZE,
        wire.LocationReferences,
        wire.AuthorizationInfo,
    ),
    Endpoint(Module.TOKENS, _RECEIVER, "GET", _TOKEN, Operation.GET_TOKEN, None, wire.Token),
    Endpoint(Module.TOKENS, _RECEIVER, "PUT", _TOKEN, Operation.PUT_TOKEN, wire.Token),
    Endpoint(Module.TOKENS, _RECEIVER, "PATCH", _TOKEN, Operation.PATCH_TOKEN, wire.Token),
)

_SESSION: Final = _PARTY + "/{session_id}"
_SESSIONS: Final = (
    Endpoint(Module.SESSIONS, _SENDER, "GET", "", Operation.LIST_SESSIONS, None, wire.Session),
    Endpoint(Module.SESSIONS, _RECEIVER, "GET", _SESSION, Operation.GET_SESSION, None, wire.Session),
    Endpoint(Module.SESSIONS, _RECEIVER, "PUT", _SESSION, Operation.PUT_SESSION, wire.Session),
    Endpoint(Module.SESSIONS, _RECEIVER, "PATCH", _SESSION, Operation.PATCH_SESSION, wire.Session),
)

_CDRS: Final = (
    Endpoint(Module.CDRS, _SENDER, "GET", "", Operation.LIST_CDRS, None, wire.CDR),
    Endpoint(Module.CDRS, _RECEIVER, "POST", "", Operation.POST_CDR, wire.CDR),
    # The address is the receiver's own choice: it stands in the Location header of the answer to the POST.
    Endpoint(Module.CDRS, _RECEIVER, "GET", "/{reference}", Operation.GET_CDR, None, wire.CDR),
)

ENDPOINTS: Final = (*_CREDENTIALS, *_LOCATIONS, *_TARIFFS, *_TOKENS, *_SESSIONS, *_CDRS)
