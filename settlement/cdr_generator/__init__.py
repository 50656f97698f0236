"""From a finished session to its CDR and everything an auditor asks about it; and from a CDR to its credit.

Pure: the same inputs give the same bytes.
"""

from settlement.cdr_generator.credit import NotCreditable, credit
from settlement.cdr_generator.generation import Issue, TariffsInForce, generate
from settlement.cdr_generator.keys import cdr_id_for, credit_id_for
from settlement.cdr_generator.running import led_from_start, running_cost

__all__ = [
    "Issue",
    "NotCreditable",
    "TariffsInForce",
    "cdr_id_for",
    "credit",
    "credit_id_for",
    "generate",
    "led_from_start",
    "running_cost",
]
