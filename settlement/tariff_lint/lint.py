"""A tariff read before it is published."""

from decimal import Decimal

from canonical.model import CanonicalModel
from canonical.tariff import Tariff
from settlement.tariff_lint.afir import unlawful
from settlement.tariff_lint.ambiguities import ambiguities
from settlement.tariff_lint.contradictions import contradictions
from settlement.tariff_lint.remarks import Remark
from settlement.tariff_lint.words import sentences


class Lint(CanonicalModel):
    """What the tariff does, in order, and what there is to say against it, the worst first."""

    sentences: tuple[str, ...]
    remarks: tuple[Remark, ...]

    @property
    def blocks(self) -> bool:
        """Whether it must not be published as it is: it contradicts itself, or the law forbids it."""
        return any(remark.blocks for remark in self.remarks)


def lint(tariff: Tariff, *, power_kw: Decimal | None = None, time_zone: str | None = None) -> Lint:
    """`power_kw` is that of the connector, `time_zone` the IANA zone of the charge point; None: not known."""
    return Lint(
        sentences=tuple(sentences(tariff, time_zone)),
        remarks=(
            *contradictions(tariff),
            *unlawful(tariff, power_kw),
            *ambiguities(tariff, power_kw, time_zone),
        ),
    )
