"""GIREVE, a hub. It says in the remark of a CDR who priced it: the hub, or nobody."""

from dataclasses import replace
from datetime import date
from typing import Final

from adapters.partners.profile import RemarkMark
from adapters.partners.standard import STANDARD
from canonical.model import Finding

GIREVE: Final = replace(
    STANDARD,
    name="gireve",
    since=date(2026, 11, 22),
    parties=frozenset({"FR*007", "FR*107"}),
    remark_marks=(
        RemarkMark(
            "[?]",
            Finding(
                code="cdr.not_priced",
                message="the hub marks its total as without meaning: nobody priced it",
                where="remark",
                blocks=True,
            ),
        ),
        RemarkMark(
            "[*]",
            Finding(code="cdr.priced_by_hub", message="the hub priced it, and not its operator", where="remark"),
        ),
    ),
)
