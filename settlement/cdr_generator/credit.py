"""Taking a CDR back (OCPI 2.2.1 cdrs, Credit CDRs): always all of it, and once. What is right then is a new CDR."""

from datetime import datetime

from canonical.cdr import CdrDossier
from canonical.model import Finding
from canonical.money import Price
from settlement.cdr_generator.keys import credit_key


class NotCreditable(Exception):
    """There is nothing to take back. The findings say why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.findings = (Finding(code=code, message=message, where="credit_reference_id", blocks=True),)


def credit(original: CdrDossier, at: datetime, credit_id: str) -> CdrDossier:
    """The credit of a CDR of ours, made `at` a moment: the same record with the sum that is owed negated.

    Every other amount and volume stays as it was, lines too: a sum over CDRs counts those of a credit as negative.
    It has a key of its own, and is made under the policy and the agreement of the original. Raises NotCreditable for
    the credit of a credit.
    """
    cdr = original.cdr
    if cdr.credit:
        raise NotCreditable("credit.of_credit", f"CDR {cdr.id} is a credit itself")
    taken_back = cdr.model_copy(
        update={
            "id": credit_id,
            "credit": True,
            "credit_reference_id": cdr.id,
            "total_cost": _negated(cdr.total_cost),
            "last_updated": at,
        }
    )
    handles = original.handles.model_copy(update={"idempotency_key": credit_key(cdr.object_id)})
    return original.model_copy(update={"cdr": taken_back, "handles": handles})


def _negated(price: Price) -> Price:
    taxes = price.taxes
    return price.model_copy(
        update={
            "before_tax": -price.before_tax,
            "after_tax": None if price.after_tax is None else -price.after_tax,
            "taxes": None if taxes is None else tuple(t.model_copy(update={"amount": -t.amount}) for t in taxes),
        }
    )
