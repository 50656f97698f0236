"""The ad hoc price that the law allows: Regulation (EU) 2023/1804 (AFIR), article 5(4).

At 50 kW and more it is a price per kWh, and beside it at most a fee per minute against staying too long. Below 50 kW
its components are shown in this order: per kWh, per minute, per session, any other.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from canonical.tariff import Tariff, TariffDimension, TariffElement
from settlement.tariff_lint.remarks import Remark, component_at, remark

FROM_KW: Final = Decimal(50)
_AD_HOC: Final = "AD_HOC_PAYMENT"
_ORDER: Final = (TariffDimension.ENERGY, TariffDimension.TIME, TariffDimension.PARKING_TIME, TariffDimension.FLAT)
_FORBIDDEN: Final = frozenset({"tariff.afir_not_per_kwh", "tariff.afir_session_fee"})
_SHOWN: Final = {
    TariffDimension.ENERGY: "per kWh",
    TariffDimension.TIME: "per minute",
    TariffDimension.PARKING_TIME: "per minute",
    TariffDimension.FLAT: "per session",
}


def unlawful(tariff: Tariff, power_kw: Decimal | None) -> Iterator[Remark]:
    """Without a power: what would be forbidden at 50 kW and more. It blocks where the power is known to be so high."""
    if tariff.type not in (None, _AD_HOC):
        return
    if power_kw is None or power_kw >= FROM_KW:
        yield from (_at(power_kw, each) for each in _of_high_power(tariff))
    if power_kw is None or power_kw < FROM_KW:
        yield from _order(tariff)


def _at(power_kw: Decimal | None, found: Remark) -> Remark:
    forbids = found.code in _FORBIDDEN
    verdict = "forbidden" if forbids else "doubtful"
    power = "at 50 kW and more" if power_kw is None else f"at {power_kw} kW"
    message = f"{verdict} {power} as an ad hoc price (AFIR article 5(4)): {found.message}"
    return found.model_copy(update={"message": message, "blocks": forbids and power_kw is not None})


def _of_high_power(tariff: Tariff) -> Iterator[Remark]:
    priced = [
        (component_at(number, place), part.dimension, element)
        for number, element in enumerate(tariff.elements)
        if not (element.restrictions and element.restrictions.reservation)
        for place, part in enumerate(element.price_components)
        if part.price > 0
    ]
    dimensions = {dimension for _, dimension, _ in priced}
    if priced and TariffDimension.ENERGY not in dimensions:
        yield remark("tariff.afir_not_per_kwh", "nothing of the price is per kWh", "elements")
    for where, dimension, element in priced:
        if dimension is TariffDimension.FLAT:
            yield remark("tariff.afir_session_fee", "a fee per session", where)
        if dimension is TariffDimension.TIME and TariffDimension.ENERGY in dimensions and not _later(element):
            message = "time is charged from the first minute: a fee per minute is allowed against staying too long"
            yield remark("tariff.afir_time_while_charging", message, where)
    if tariff.min_price and tariff.min_price.before_tax > 0:
        yield remark("tariff.afir_minimum_price", "a least price works like a fee per session", "min_price")


def _later(element: TariffElement) -> bool:
    return bool(element.restrictions and element.restrictions.min_duration_s)


def _order(tariff: Tariff) -> Iterator[Remark]:
    parts = [part.dimension for element in tariff.elements for part in element.price_components if part.price]
    shown = list(dict.fromkeys(_SHOWN[dimension] for dimension in parts))
    lawful = list(dict.fromkeys(_SHOWN[dimension] for dimension in _ORDER if dimension in parts))
    if shown != lawful:
        message = f"below 50 kW an ad hoc price is shown in this order (AFIR article 5(4)): {', '.join(lawful)}"
        yield remark("tariff.afir_order", message, "elements")
