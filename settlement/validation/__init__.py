"""The check of a CDR that a partner sent: priced again, compared, and coded finding by finding."""

from settlement.validation.check import ENERGY_TOLERANCE_KWH, MONEY_TOLERANCE, validate
from settlement.validation.components import COMPONENT_CODES, component_code, stated_costs
from settlement.validation.conflict import conflict
from settlement.validation.outcome import Basis, Circumstances, Kin, OtherCdr, Outcome, Payer, Repricing, Validation

__all__ = [
    "COMPONENT_CODES",
    "ENERGY_TOLERANCE_KWH",
    "MONEY_TOLERANCE",
    "Basis",
    "Circumstances",
    "Kin",
    "OtherCdr",
    "Outcome",
    "Payer",
    "Repricing",
    "Validation",
    "component_code",
    "conflict",
    "stated_costs",
    "validate",
]
