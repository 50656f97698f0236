"""Message ids and routing headers of a request (OCPI 2.2.1 transport, message routing)."""

from adapters.contract import Link, Module
from adapters.transport.http import CORRELATION_ID

_UNROUTED = frozenset({Module.VERSIONS, Module.CREDENTIALS, Module.HUB_CLIENT_INFO})
"""Configuration modules are for the platform at the other end of the line: they never carry routing
headers.
"""


def headers_for(link: Link, module: Module, *, routed: bool = True) -> dict[str, str]:
    """Who asks whom, and in which correlation.

    Two single-party platforms could do without; they get them anyway. `routed` False: the version has none.
    """
    headers: dict[str, str] = {}
    if link.correlation_id is not None:
        headers[CORRELATION_ID] = link.correlation_id
    if module in _UNROUTED or not routed:
        return headers
    headers["OCPI-from-country-code"] = link.our_party.country_code
    headers["OCPI-from-party-id"] = link.our_party.party_id
    if link.partner_party is not None:
        headers["OCPI-to-country-code"] = link.partner_party.country_code
        headers["OCPI-to-party-id"] = link.partner_party.party_id
    return headers
