"""What a tariff will do, said in words before it is published: and what in it is unclear, impossible, or unlawful."""

from settlement.tariff_lint.lint import Lint, lint
from settlement.tariff_lint.remarks import CODES, Kind, Remark

__all__ = ["CODES", "Kind", "Lint", "Remark", "lint"]
