"""A location with one part replaced. A change of a part is a change of everything above it.

OCPI 2.2.1 locations: the receiver copies `last_updated` of an EVSE or connector to its parents. It is only ever
raised: a late message about one part does not make its siblings look older than they are.
"""

from canonical.location import Connector, Evse, Location
from canonical.model import fold


def with_evse(location: Location, evse: Evse) -> Location:
    """Replace the EVSE of the same uid in its place, or add it at the end."""
    evses = tuple(evse if fold(e.uid) == fold(evse.uid) else e for e in location.evses)
    if location.evse(evse.uid) is None:
        evses = (*evses, evse)
    newest = max(location.last_updated, evse.last_updated)
    return location.model_copy(update={"evses": evses, "last_updated": newest})


def with_connector(evse: Evse, connector: Connector) -> Evse:
    """Replace the connector of the same id in its place, or add it at the end."""
    connectors = tuple(connector if fold(c.id) == fold(connector.id) else c for c in evse.connectors)
    if evse.connector(connector.id) is None:
        connectors = (*connectors, connector)
    newest = max(evse.last_updated, connector.last_updated)
    return evse.model_copy(update={"connectors": connectors, "last_updated": newest})
