"""Taking one of our CDRs back, by a credit CDR that goes to the partner like any other CDR."""

from typing import Final

from adapters.contract import CannotWrite
from api.contract.writing import Afterwards
from api.errors import Conflict, ProcessDeaf, UnknownObject
from api.services import Services
from canonical.cdr import CdrDossier
from canonical.identity import ObjectId
from canonical.store import AddOutcome, CdrState, StoredCdr, UnitOfWork
from settlement.cdr_generator import NotCreditable, credit, credit_id_for

_TAKEN: Final = frozenset(("ACCEPTED", "PROVED", "DIFFERENT"))
"""Outcomes of a receipt of a partner that holds the CDR."""


class Crediting:
    """One credit, within one transaction."""

    def __init__(self, services: Services, unit: UnitOfWork, afterwards: Afterwards) -> None:
        self._services = services
        self._unit = unit
        self._afterwards = afterwards

    async def credit(self, cdr_id: str, reason: str) -> StoredCdr:
        """Make, keep and deliver the credit of a CDR of ours. All is checked before anything is kept.

        Raises UnknownObject, and Conflict: for a credit, for a CDR that is credited already or that the partner does
        not hold, and where the partner's version has no credit CDRs. At the same time: one credits, the other is told
        so (the database has one credit for each CDR).
        """
        name = ObjectId(owner=self._services.our_party, id=cdr_id)
        original = await self._unit.cdrs.get(name, ours=True)
        if original is None:
            raise UnknownObject(f"CDR {cdr_id} is not one of ours")
        made = self._made(original.dossier)
        await self._check_delivered(original)
        await self._check_sayable(made, original.connection_id)
        kept = await self._keep(made, original, reason)
        signals, connection_id = self._services.signals, original.connection_id
        of_credit = made.cdr.object_id
        self._afterwards.do(f"cdr_issued {of_credit}", lambda: signals.cdr_issued(of_credit, connection_id))
        return kept

    def _made(self, original: CdrDossier) -> CdrDossier:
        # Not every version and partner keeps fractions of a second.
        now = self._services.clock().replace(microsecond=0)
        try:
            return credit(original, now, credit_id_for(original.cdr.object_id))
        except (NotCreditable, ValueError) as error:
            raise Conflict(str(error)) from error

    async def _check_delivered(self, original: StoredCdr) -> None:
        name, connection_id = original.dossier.cdr.object_id, original.connection_id
        receipts = await self._unit.cdr_deliveries.receipts(name, connection_id)
        if not any(receipt.outcome in _TAKEN for receipt in receipts):
            waiting = await self._unit.undelivered.get(name, connection_id)
            if waiting is not None and waiting.in_doubt:
                raise ProcessDeaf(f"CDR {name.id}: its delivery is about to find out whether the partner holds it")
            raise Conflict(
                f"CDR {original.dossier.cdr.id} is {original.state}: the partner does not hold it, there is nothing to "
                "take back; abandon its delivery instead"
            )

    async def _check_sayable(self, made: CdrDossier, connection_id: str) -> None:
        connection = await self._unit.connections.get(connection_id)
        if connection.adapter is None:
            raise Conflict(f"connection {connection.id} is {connection.state}")
        try:
            self._services.registry.by_key(connection.adapter).write(made.cdr)
        except CannotWrite as error:
            raise Conflict(
                f"{connection.name} cannot be sent a credit CDR ({error}); nothing was stored. Settle it by the "
                "month's statement: what the partner disputes there is left off the invoice"
            ) from error

    async def _keep(self, made: CdrDossier, original: StoredCdr, reason: str) -> StoredCdr:
        connection_id, cdr = original.connection_id, made.cdr
        added = await self._unit.cdrs.add(made, connection_id=connection_id, ours=True, evidence_id=None)
        if added is not AddOutcome.ADDED:
            raise Conflict(f"CDR {original.dossier.cdr.id} is credited already, by {cdr.id}")
        for name, state, text in (
            (cdr.object_id, CdrState.GENERATED, f"credit of {original.dossier.cdr.id}: {reason}"),
            (original.dossier.cdr.object_id, CdrState.CREDITED, f"credited by {cdr.id}: {reason}"),
        ):
            await self._unit.cdrs.note(
                name, connection_id=connection_id, ours=True, state=state, text=text, at=self._services.clock()
            )
        kept = await self._unit.cdrs.get(cdr.object_id, connection_id=connection_id, ours=True)
        if kept is None:
            raise UnknownObject(f"CDR {cdr.id} was not kept")
        return kept
