"""EVSE and connector."""

from adapters.document import Document
from adapters.ocpi.fields import fields
from adapters.ocpi_2_2_1.from_canonical import evse as before
from canonical.location import Connector, Evse


def connector(source: Connector) -> Document:
    return {**before.connector(source), **fields(capabilities=list(source.capabilities))}


def evse(source: Evse) -> Document:
    written = before.evse_of(source, [connector(each) for each in source.connectors])
    parking = [fields(parking_id=each.parking_id, evse_position=each.evse_position) for each in source.parking]
    providers = list(source.accepted_service_providers)
    return {**written, **fields(parking=parking, accepted_service_providers=providers)}
