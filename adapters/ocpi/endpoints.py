"""The rows of an endpoint table that versions share, given their wire objects. Paths are relative to the module's URL.

What a version calls the interface of the operator or of the provider is here the part that it plays: who owns the
objects is the sender, and a receiver keeps them below their owner's name.
"""

from collections.abc import Mapping
from typing import Final, TypeAlias

from adapters.contract import Endpoint, Interface, Module, Operation
from adapters.ocpi.wire.model import WireModel

Wire: TypeAlias = type[WireModel]

SENDER, RECEIVER = Interface.SENDER, Interface.RECEIVER
PARTY: Final = "/{country_code}/{party_id}"
REPLY: Final = "/{command}/{reference}"
"""Where results of commands are sent: the address is the sender's own choice, and stands in the command."""


def credentials(ours: Wire) -> tuple[Endpoint, ...]:
    """The interface of credentials carries no meaning: it is the same for every role."""
    return (
        Endpoint(Module.CREDENTIALS, SENDER, "GET", "", Operation.GET_CREDENTIALS, None, ours),
        Endpoint(Module.CREDENTIALS, SENDER, "POST", "", Operation.REGISTER, ours, ours),
        Endpoint(Module.CREDENTIALS, SENDER, "PUT", "", Operation.UPDATE_CREDENTIALS, ours, ours),
        Endpoint(Module.CREDENTIALS, SENDER, "DELETE", "", Operation.UNREGISTER),
    )


def locations(location: Wire, evse: Wire, connector: Wire) -> tuple[Endpoint, ...]:
    module, site = Module.LOCATIONS, "/{location_id}"
    charge_point, socket = f"{site}/{{evse_uid}}", f"{site}/{{evse_uid}}/{{connector_id}}"
    return (
        listed(module, Operation.LIST_LOCATIONS, location),
        Endpoint(module, SENDER, "GET", site, Operation.GET_LOCATION, None, location),
        Endpoint(module, SENDER, "GET", charge_point, Operation.GET_EVSE, None, evse),
        Endpoint(module, SENDER, "GET", socket, Operation.GET_CONNECTOR, None, connector),
        *kept(module, site, location, GET=Operation.GET_LOCATION),
        *kept(module, charge_point, evse, GET=Operation.GET_EVSE),
        *kept(module, socket, connector, GET=Operation.GET_CONNECTOR),
        *kept(module, site, location, PUT=Operation.PUT_LOCATION),
        *kept(module, charge_point, evse, PUT=Operation.PUT_EVSE),
        *kept(module, socket, connector, PUT=Operation.PUT_CONNECTOR),
        *kept(module, site, location, PATCH=Operation.PATCH_LOCATION),
        *kept(module, charge_point, evse, PATCH=Operation.PATCH_EVSE),
        *kept(module, socket, connector, PATCH=Operation.PATCH_CONNECTOR),
    )


def tariffs(tariff: Wire, *, patched: bool = False) -> tuple[Endpoint, ...]:
    """`patched`: the version has a PATCH for them."""
    module, path = Module.TARIFFS, "/{tariff_id}"
    return (
        listed(module, Operation.LIST_TARIFFS, tariff),
        *kept(module, path, tariff, GET=Operation.GET_TARIFF, PUT=Operation.PUT_TARIFF),
        *(kept(module, path, tariff, PATCH=Operation.PATCH_TARIFF) if patched else ()),
        *kept(module, path, tariff, DELETE=Operation.DELETE_TARIFF),
    )


def tokens(token: Wire, question: Wire, answer: Wire) -> tuple[Endpoint, ...]:
    """With real-time authorisation: the question where somebody wants to charge, and the answer."""
    module, authorize = Module.TOKENS, "/{token_uid}/authorize"
    operations = {"GET": Operation.GET_TOKEN, "PUT": Operation.PUT_TOKEN, "PATCH": Operation.PATCH_TOKEN}
    return (
        listed(module, Operation.LIST_TOKENS, token),
        Endpoint(module, SENDER, "POST", authorize, Operation.AUTHORIZE, question, answer),
        *kept(module, "/{token_uid}", token, **operations),
    )


def sessions(session: Wire, preferences: Wire | None = None) -> tuple[Endpoint, ...]:
    """With a driver's charging preferences, in a version that has them."""
    module, path = Module.SESSIONS, "/{session_id}"
    preferred = Endpoint(
        module, SENDER, "PUT", f"{path}/charging_preferences", Operation.SET_CHARGING_PREFERENCES, preferences
    )
    operations = {"GET": Operation.GET_SESSION, "PUT": Operation.PUT_SESSION, "PATCH": Operation.PATCH_SESSION}
    return (
        listed(module, Operation.LIST_SESSIONS, session),
        *((preferred,) if preferences else ()),
        *kept(module, path, session, **operations),
    )


def cdrs(cdr: Wire) -> tuple[Endpoint, ...]:
    return (
        listed(Module.CDRS, Operation.LIST_CDRS, cdr),
        Endpoint(Module.CDRS, RECEIVER, "POST", "", Operation.POST_CDR, cdr),
        # The address is the receiver's own choice: it stands in the Location header of the answer to the POST.
        Endpoint(Module.CDRS, RECEIVER, "GET", "/{reference}", Operation.GET_CDR, None, cdr),
    )


def commands(orders: Mapping[Operation, Wire], response: Wire, result: Wire) -> tuple[Endpoint, ...]:
    """Each order at the address that bears its name, with the answer at once; and the result, which comes later."""
    module = Module.COMMANDS
    return (
        *(
            Endpoint(module, RECEIVER, "POST", f"/{operation.name}", operation, order, response)
            for operation, order in orders.items()
        ),
        Endpoint(module, SENDER, "POST", REPLY, Operation.COMMAND_RESULT, result),
    )


def listed(module: Module, operation: Operation, of: Wire) -> Endpoint:
    """The list of a sender's objects."""
    return Endpoint(module, SENDER, "GET", "", operation, None, of)


def kept(module: Module, path: str, of: Wire, **operations: Operation) -> tuple[Endpoint, ...]:
    """What may be done, by method, with an object that a receiver keeps for its owner."""
    return tuple(
        Endpoint(
            module,
            RECEIVER,
            method,
            PARTY + path,
            operation,
            wire_in=of if method in ("PUT", "PATCH") else None,
            wire_out=of if method == "GET" else None,
        )
        for method, operation in operations.items()
    )
