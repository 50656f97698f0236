"""The line that no tolerance crosses: fields that decide who owes whom how much."""

from adapters.rules.rule import Fault

_SITES = frozenset({"Location", "Evse", "Connector"})
_WITH_SITE = frozenset({"Cdr", "Session"})
_FINANCIAL_FAMILIES = frozenset({"Cdr", "Session", "Tariff"})
_MONEY_FIELDS = frozenset(
    {
        "after_taxes", "before_taxes",
        "credit", "credit_reference_id", "currency", "day_of_week", "dimensions", "elements", "end_date",
        "end_time", "excl_vat", "incl_vat", "kwh", "max_current", "max_duration", "max_kwh", "max_power",
        "max_price", "min_current", "min_duration", "min_kwh", "min_power", "min_price", "plain_data",
        "price", "price_components", "public_key", "reservation", "restrictions", "signed_data",
        "signed_values", "start_date", "start_time", "step_size", "tariffs", "total_cost", "total_energy",
        "total_energy_cost", "total_fixed_cost", "total_parking_cost", "total_parking_time",
        "total_reservation_cost", "total_time", "tax_included", "taxes", "total_time_cost", "vat", "volume",
    }
)  # fmt: skip


def is_money(fault: Fault) -> bool:
    """True when the fault is in, or inside, a field on which an amount of money or its proof depends."""
    inside = any(step in _MONEY_FIELDS for step in fault.path)
    return inside and fault.family in _FINANCIAL_FAMILIES


def is_site(fault: Fault) -> bool:
    """True when nothing but the description of a site is at stake, also of one that came with a session or a CDR."""
    return fault.family in _SITES or (fault.family in _WITH_SITE and fault.path[:1] == ("location",))
