"""Every tolerance that was needed is counted, so that a partner's habits, and rules that have died, can be seen."""

import logging
from collections.abc import Iterable

from opentelemetry import metrics

from canonical.model import Finding

_LOG = logging.getLogger("roamwork.tolerances")
_TOLERANCES = metrics.get_meter("roamwork.adapters").create_counter(
    "roam.tolerances", unit="1", description="Repairs by named rules in what partners sent"
)


def count(findings: Iterable[Finding], family: str) -> None:
    """Count each finding by its code and the kind of object (`cdr`, `location`); the values stay out of it."""
    for finding in findings:
        _TOLERANCES.add(1, {"code": finding.code, "object": family})
        _LOG.info("tolerated %s in a %s at %s", finding.code, family, finding.where)
