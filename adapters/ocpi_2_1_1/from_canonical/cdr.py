"""CDR."""

from adapters.contract import CannotWrite
from adapters.document import Document
from adapters.ocpi.fields import fields
from adapters.ocpi_2_1_1.from_canonical.instants import instant
from adapters.ocpi_2_1_1.from_canonical.session import auth_method, charging_periods, location
from adapters.ocpi_2_1_1.from_canonical.tariff import tariff
from adapters.ocpi_2_1_1.from_canonical.unsayable import check_sayable
from canonical.cdr import Cdr
from canonical.tariff import Tariff


def cdr(source: Cdr) -> Document:
    """A tariff that this version cannot say stays out of the CDR: what is owed does not rest on it.

    Raises CannotWrite for a credit or a compensation, which would read as a debt, and where the place was not kept.
    """
    wrong = {
        "credit": "this version has no credit CDRs" if source.credit else "",
        "home_charging_compensation": "this version has no compensation" if source.home_charging_compensation else "",
    }
    check_sayable({where: message for where, message in wrong.items() if message})
    periods, extensions = charging_periods(source.charging_periods, source.extensions)
    return fields(
        extensions,
        id=source.id,
        start_date_time=instant(source.start),
        stop_date_time=instant(source.end),
        auth_id=source.token.contract_id,
        auth_method=auth_method(source.auth_method),
        location=location(source.place),
        meter_id=source.meter_id,
        currency=source.currency,
        tariffs=[written for each in source.tariffs if (written := _tariff_if_sayable(each))],
        charging_periods=periods,
        total_cost=source.total_cost.before_tax,
        total_energy=source.total_energy_kwh,
        total_time=source.total_time_h,
        total_parking_time=source.total_parking_time_h,
        remark=source.remark,
        last_updated=instant(source.last_updated),
    )


def _tariff_if_sayable(source: Tariff) -> Document | None:
    try:
        return tariff(source)
    except CannotWrite:
        return None
