"""What can be said against a tariff: every code, and of what kind it is."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from canonical.model import CanonicalModel


class Kind(StrEnum):
    AMBIGUOUS = "AMBIGUOUS"
    """Two parties may read it in two ways, or it may not be what was meant."""
    CONTRADICTION = "CONTRADICTION"
    """A part that can never apply, or that denies another."""
    AFIR = "AFIR"
    """Regulation (EU) 2023/1804, article 5(4): how the ad hoc price of a charge point has to be made up."""


CODES: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                "tariff.step_size",
                "tariff.step_sizes_differ",
                "tariff.time_without_parking",
                "tariff.wrapping_window_with_weekday",
                "tariff.window_start_is_end",
                "tariff.window_at_clock_change",
                "tariff.dates_with_times",
                "tariff.overlapping_elements",
                "tariff.duplicate_dimension",
                "tariff.vat_absent",
                "tariff.no_fallback",
                "tariff.flat_restricted",
                "tariff.flats_add_up",
                "tariff.min_duration_on_parking",
                "tariff.measured_power_needed",
                "tariff.power_out_of_reach",
                "tariff.alt_url",
                "tariff.profile_type",
                "tariff.limit_one_sided",
                "tariff.negative_price",
                "tariff.price_per_wh",
                "tariff.price_per_minute",
                "tariff.price_in_minor_units",
                "tariff.unknown_field",
                "tariff.too_many_cases",
            ),
            Kind.AMBIGUOUS,
        ),
        **dict.fromkeys(
            (
                "tariff.unreachable_element",
                "tariff.unreachable_component",
                "tariff.empty_range",
                "tariff.empty_dates",
                "tariff.reservation_dimension",
                "tariff.unknown_currency",
                "tariff.gross_without_rate",
                "tariff.rate_without_tax",
                "tariff.limits_crossed",
                "tariff.never_valid",
            ),
            Kind.CONTRADICTION,
        ),
        **dict.fromkeys(
            (
                "tariff.afir_not_per_kwh",
                "tariff.afir_session_fee",
                "tariff.afir_minimum_price",
                "tariff.afir_time_while_charging",
                "tariff.afir_order",
            ),
            Kind.AFIR,
        ),
    }
)
"""Codes are stable: they are what machines read."""


class Remark(CanonicalModel):
    """One thing to be said against a tariff. `blocks`: it has to be changed before it is published."""

    code: str
    kind: Kind
    message: str
    where: str | None = None
    blocks: bool = False


def remark(code: str, message: str, where: str | None = None, *, blocks: bool = False) -> Remark:
    """Of the kind that the code has; a contradiction blocks always."""
    kind = CODES[code]
    return Remark(code=code, kind=kind, message=message, where=where, blocks=blocks or kind is Kind.CONTRADICTION)


def element_at(number: int) -> str:
    return f"elements[{number}]"


def component_at(element: int, number: int) -> str:
    return f"elements[{element}].price_components[{number}]"
