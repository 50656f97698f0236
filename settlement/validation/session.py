"""A CDR against its session, as it was reported while it ran."""

from collections.abc import Iterator
from datetime import timedelta

from canonical.cdr import Cdr
from canonical.identity import UNKNOWN_ID
from canonical.model import Finding, fold
from canonical.session import Session, SessionStatus, is_mere_reservation
from canonical.token import same_token
from settlement.agreement import Agreement
from settlement.validation.findings import blocking, differs, noted

_START, _END = timedelta(minutes=2), timedelta(minutes=5)
"""How far apart start and end may be: a backend and a charger do not look at the same moment."""

_WHOLE_ZONE = timedelta(minutes=30)
"""Time zones are apart by multiples of this, or of half of it in three places on earth."""


def against_session(cdr: Cdr, session: Session | None, agreement: Agreement, *, time_costs: bool) -> Iterator[Finding]:
    """Differences to what was reported. Times matter where `time_costs`."""
    if session is None:
        if not is_mere_reservation(cdr.charging_periods):
            yield noted("cdr.session_unknown", "no session was seen that it could be of", "session_id")
        return
    if cdr.session_id is not None and fold(cdr.session_id) != fold(session.id):
        message = (
            f"it names another session than {session.id}, by whose authorisation, token, place and time it was found"
        )
        yield noted("cdr.session_id_differs", message, "session_id")
    yield from _who_and_where(cdr, session)
    if session.currency != cdr.currency:
        message = "the session was in another currency"
        yield differs("cdr.currency_differs", message, "currency", session.currency, cdr.currency)
    if session.status is SessionStatus.INVALID:
        yield blocking("cdr.session_invalid", "its session was declared invalid: it is not to be billed", "session_id")
    if session.status is SessionStatus.COMPLETED:
        yield from _energy(cdr, session, agreement)
        yield from _times(cdr, session, time_costs=time_costs)
        yield from _cost(cdr, session, agreement)


def _who_and_where(cdr: Cdr, session: Session) -> Iterator[Finding]:
    if not same_token(session.token, cdr.token):
        yield blocking("cdr.token_differs", "the session was authorised with another token", "cdr_token")
    asked, stated = session.authorization_reference, cdr.authorization_reference
    if asked and stated and fold(asked) != fold(stated):
        message = "the session had another authorisation"
        yield differs("cdr.authorization_differs", message, "authorization_reference", asked, stated, blocks=False)
    seen = (session.location_id, session.evse_uid)
    place = (cdr.charge_point.location_id, cdr.charge_point.evse_uid)
    if UNKNOWN_ID not in (*seen, *place) and [fold(part) for part in seen] != [fold(part) for part in place]:
        message = "the session was at another place"
        yield differs("cdr.place_differs", message, "cdr_location", "/".join(seen), "/".join(place), blocks=False)
    if session.auth_method is not cdr.auth_method:
        yield differs(
            "cdr.auth_method_differs",
            "the session was authorised in another way",
            "auth_method",
            session.auth_method.value,
            cdr.auth_method.value,
            blocks=False,
        )


def _energy(cdr: Cdr, session: Session, agreement: Agreement) -> Iterator[Finding]:
    if abs(session.energy_kwh - cdr.total_energy_kwh) > agreement.energy_tolerance_kwh:
        message = "the completed session had another energy"
        yield differs("cdr.energy_differs", message, "total_energy", session.energy_kwh, cdr.total_energy_kwh)


def _times(cdr: Cdr, session: Session, *, time_costs: bool) -> Iterator[Finding]:
    apart = cdr.start - session.start
    if session.end is not None and _whole_hours(apart) and cdr.end - session.end == apart:
        hours = round(apart / timedelta(hours=1), 1)
        message = f"start and end are both {hours} h from those of the session: local time sent as UTC"
        yield blocking("cdr.times_in_local_time", message, "start_date_time")
        return
    sides = [("start_date_time", session.start, cdr.start, _START), ("end_date_time", session.end, cdr.end, _END)]
    for where, expected, stated, tolerance in sides:
        if expected is not None and abs(expected - stated) > tolerance:
            message = "the session had other times"
            shown = f"{expected:%Y-%m-%dT%H:%M:%SZ}", f"{stated:%Y-%m-%dT%H:%M:%SZ}"
            yield differs("cdr.times_differ", message, where, *shown, blocks=time_costs)


def _whole_hours(apart: timedelta) -> bool:
    return abs(apart) >= _WHOLE_ZONE and not abs(apart) % _WHOLE_ZONE


def _cost(cdr: Cdr, session: Session, agreement: Agreement) -> Iterator[Finding]:
    """The CDR is the only bill: what the session showed last is for people to see (dialect 115)."""
    shown = session.total_cost
    if shown is None or cdr.credit or shown.currency != cdr.currency:
        return
    if abs(shown.before_tax - cdr.total_cost.before_tax) > agreement.money_tolerance:
        message = "the session showed another cost at its end"
        stated = cdr.total_cost.before_tax
        yield differs("cdr.session_cost_differs", message, "total_cost", shown.before_tax, stated, blocks=False)
