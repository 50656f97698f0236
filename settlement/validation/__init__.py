"""The check of a CDR that a partner sent: priced again, compared, and coded finding by finding."""

from settlement.validation.check import validate
from settlement.validation.circumstances import Circumstances, Kin, OtherCdr, Payer
from settlement.validation.components import COMPONENT_CODES, component_code, sign_of, stated_costs
from settlement.validation.conflict import conflict, copy_differences
from settlement.validation.outcome import Basis, Outcome, Repricing, Validation

__all__ = [
    "COMPONENT_CODES",
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
    "copy_differences",
    "sign_of",
    "stated_costs",
    "validate",
]
