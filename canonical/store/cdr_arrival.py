"""A partner's CDR when it arrives, whether it was pushed or found on a list."""

from typing import Final

from canonical.cdr import Cdr, CdrDossier, Handles, Provenance
from canonical.store.unit_of_work import UnitOfWork

_UNPRICED: Final = "unpriced"
_ZONE_UNKNOWN: Final = "UTC"


async def dossier_on_arrival(work: UnitOfWork, cdr: Cdr, connection_id: str, provenance: Provenance) -> CdrDossier:
    """What is known: who sent it, how it was read, and of which session it is. Lines and verdict come with the check.

    Changes nothing.
    """
    place = cdr.object_id.model_copy(update={"id": cdr.charge_point.location_id})
    location = await work.locations.get(place, source=connection_id)
    unnamed = None if cdr.session_id else await work.sessions.unnamed(cdr, source=connection_id)
    return CdrDossier(
        cdr=cdr,
        lines=(),
        handles=Handles(
            session_id=cdr.session_id or (unnamed.id if unnamed else None),
            idempotency_key=f"{connection_id}/{cdr.object_id.key}",
            billing_record=None,
        ),
        provenance=provenance,
        pricing_policy=_UNPRICED,
        time_zone=(location.time_zone if location else None) or _ZONE_UNKNOWN,
    )
