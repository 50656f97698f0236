"""Minor units of currencies (ISO 4217)."""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

_MINOR_DIGITS: Mapping[str, int] = MappingProxyType(
    {
        **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
        **dict.fromkeys(("CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF", "XPF"), 0),
    }
)
_USUAL_DIGITS = 2


def minor_digits(currency: str) -> int:
    """How many decimals the currency has: 2 for the euro, 0 for the yen."""
    return _MINOR_DIGITS.get(currency, _USUAL_DIGITS)


def minor_units(amount: Decimal, currency: str) -> int:
    """`amount` in cents or their like. Raises ValueError when it is not a whole number of them."""
    units = amount.scaleb(minor_digits(currency))
    if units != units.to_integral_value():
        raise ValueError(f"{amount} {currency} is not a whole number of minor units")
    return int(units)
