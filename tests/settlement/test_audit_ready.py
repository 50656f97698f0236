"""The audit-ready CDR, bullet by bullet: as it is made, and as it crosses to a partner in each version of OCPI.

What the database adds to it is in tests/store/test_audit_ready.py, what a delivery adds in tests/workflows.
"""

import ast
import hashlib
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from activities.emission import Known, emission
from adapters.contract import Adapter, Parties
from adapters.conversion import VERSION_NUMBERS, losses, plain
from adapters.differences import Difference, undone
from adapters.registry import build_registry
from canonical.cdr import (
    BillingContext,
    Cdr,
    CdrDossier,
    CostComponent,
    Discount,
    SignedMeterData,
    SignedReading,
    TariffMoment,
)
from canonical.location import Connector, Evse, EvseStatus, GeoPoint, Location
from canonical.money import Price
from canonical.session import MeterReading, Session, VehicleState
from canonical.tariff import PriceComponent, Tariff, TariffDimension, TaxRate
from settlement.agreement import STANDARD
from settlement.calibration import verify
from settlement.cdr_generator import Issue, TariffsInForce, cdr_id_for, credit_id_for, generate
from tests.settlement import meters
from tests.settlement.build import BERLIN, CPO, EMSP, NOON, component, context, element, reading, session, tariff

ROOT = Path(__file__).parents[2]
EACH_VERSION = pytest.mark.parametrize("version", VERSION_NUMBERS)
WITHOUT_COSTS, WITHOUT_TAXES, WITH_ALL = VERSION_NUMBERS
"""What the versions can say, lowest first."""

COSTS: Final = {
    "total_cost": tuple(CostComponent),
    "total_fixed_cost": (CostComponent.FLAT,),
    "total_energy_cost": (CostComponent.ENERGY,),
    "total_time_cost": (CostComponent.TIME,),
    "total_parking_cost": (CostComponent.PARKING, CostComponent.IDLE),
    "total_reservation_cost": (CostComponent.RESERVATION,),
}
"""Which lines each amount of a CDR is the sum of."""

AGREED = STANDARD.model_copy(
    update={"name": "mobility", "discounts": (Discount(name="partner", percent=Decimal(1), components=()),)}
)
SUBSCRIBED = Discount(name="ten-off", percent=Decimal(10), components=(CostComponent.ENERGY,), reference="SUB-7")

TWO_TAXES = (
    TaxRate(name="VAT", percent=Decimal(19)),
    TaxRate(name="Stromsteuer", percent=Decimal("1.5"), account_number="DE-1"),
)


def priced(price: str = "0.40") -> Tariff:
    """Every dimension, two taxes on the energy, a reservation, and a highest price that is reached."""
    energy = PriceComponent(
        dimension=TariffDimension.ENERGY,
        price=Decimal(price),
        vat_percent=Decimal("20.5"),
        taxes=TWO_TAXES,
        step_size=1,
    )
    return tariff(
        element(component("TIME", "3"), reservation="RESERVATION"),
        element(component("FLAT", "0.50"), energy, component("TIME", "1.20"), component("PARKING_TIME", "6.00")),
        max_price=Price(currency="EUR", before_tax=Decimal("12.00")),
    )


AT_START, AT_END, AT_GENERATION = priced(), priced("0.45"), priced("0.50")

READINGS: Final[tuple[MeterReading, ...]] = (
    reading(-30, "0", VehicleState.RESERVED),
    reading(0, "0"),
    reading(60, "20", VehicleState.PARKED),
    reading(80, "20"),
    reading(110, "30", VehicleState.PARKED),
    reading(150, "30", VehicleState.PARKED),
)
"""Half an hour reserved, an hour of charging, a pause of 20 minutes, half an hour more, and 40 minutes idle."""


def _record(*readings: tuple[str, str, int]) -> str:
    """One signed record: cause, kWh and minute of each reading. Its blanks are meant: what is signed is bytes."""
    local = NOON + timedelta(hours=1)
    timed = [
        meters.reading(tx, kwh, TM=f"{local + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%S},000+0100 S")
        for tx, kwh, minute in readings
    ]
    return meters.ocmf(meters.payload(*timed, ID="04AB"))


SIGNED: Final = SignedMeterData(
    encoding_method="OCMF",
    public_key=meters.METER.key,
    readings=(
        SignedReading(
            nature="End",
            plain_data="",
            signed_data=_record(("B", "100.5", 0), ("C", "120.5", 60), ("E", "130.5", 110)),
        ),
    ),
)


@cache
def dossier(signed: SignedMeterData | None = SIGNED) -> CdrDossier:
    of, sealed = _session(), _context()
    return generate(
        session=of,
        context=sealed,
        readings=READINGS,
        signed=signed,
        tariffs=TariffsInForce(AT_START, AT_END, AT_GENERATION),
        agreement=AGREED,
        issue=Issue(cdr_id_for(of.object_id), NOON + timedelta(hours=3), "any/standard", "any"),
        registered_key=meters.METER.key,
    )


def _session() -> Session:
    return session(READINGS, 1, place=place(), meter_id="M1", authorization_reference="REF-1")


def _context() -> BillingContext:
    more = {"billing_record": "2026/4711", "discounts": (SUBSCRIBED,), "tariff_at_start": AT_START.version()}
    return context(_session()).model_copy(update=more)


def place() -> Location:
    connector = Connector(
        id="1",
        standard="IEC_62196_T2",
        format="SOCKET",
        power_type="AC_3_PHASE",
        max_voltage_v=230,
        max_amperage_a=32,
        tariff_ids=("T1",),
        last_updated=NOON,
    )
    evse = Evse(uid="E1", evse_id="DE*RCO*E1", status=EvseStatus.CHARGING, connectors=(connector,), last_updated=NOON)
    return Location(
        owner=CPO,
        id="L1",
        publish=True,
        address="Am Hafen 1",
        city="Köln",
        country="DEU",
        postal_code="50667",
        coordinates=GeoPoint(latitude="50.9", longitude="6.9"),
        evses=(evse,),
        time_zone=BERLIN,
        last_updated=NOON,
    )


def adapter(version: str) -> Adapter:
    return build_registry(None).by_key(f"ocpi-{version}/standard")


def crossed(version: str) -> tuple[Cdr, tuple[Difference, ...]]:
    """The CDR as the partner reads it, and what the version could not carry."""
    spoken, cdr, between = adapter(version), dossier().cdr, Parties(cpo=CPO, emsp=EMSP)
    return spoken.read(Cdr, spoken.write(cdr), between).value, losses(spoken, cdr, between)


def lost(version: str) -> set[str]:
    return {each.where for each in crossed(version)[1]}


@EACH_VERSION
def test_per_component_prices(version: str) -> None:
    made, (theirs, _) = dossier(), crossed(version)
    assert {line.component for line in made.lines} == set(CostComponent)
    for line in made.lines:
        assert line.currency == "EUR"
        assert line.unit == {"ENERGY": "kWh", "FLAT": "1", "DISCOUNT": "1", "LIMIT": "1"}.get(line.component, "h")
        assert line.tax is not None
        assert line.gross == line.net + line.tax
        assert line.tax == sum(tax.amount for tax in line.taxes)
        if line.component in (CostComponent.DISCOUNT, CostComponent.LIMIT):
            continue
        assert line.source is not None
        assert line.source.tariff == AT_START.version()
        price = AT_START.elements[line.source.element].price_components[line.source.component]
        assert price.price == line.unit_price
    energy = next(line for line in made.lines if line.component is CostComponent.ENERGY)
    assert [(tax.name, tax.percentage, tax.account_number) for tax in energy.taxes] == [
        ("VAT", Decimal(19), None),
        ("Stromsteuer", Decimal("1.5"), "DE-1"),
    ]
    for field, components in COSTS.items():
        stated: Price | None = getattr(made.cdr, field)
        lines = [line for line in made.lines if line.component in components]
        assert stated is not None
        assert stated.before_tax == sum(line.net for line in lines)
        assert stated.after_tax == sum(line.gross or 0 for line in lines)
        read: Price | None = getattr(theirs, field)
        if version == WITHOUT_COSTS and field != "total_cost":
            assert read is None
            assert field in lost(version)
        elif version == WITHOUT_COSTS:
            assert read == Price(currency="EUR", before_tax=stated.before_tax)
            assert {"total_cost.after_tax", "total_cost.taxes"} <= lost(version)
        elif version == WITHOUT_TAXES:
            assert read is not None
            assert (read.before_tax, read.after_tax) == (stated.before_tax, stated.after_tax)
            assert f"{field}.taxes" in lost(version)
        else:
            assert read == stated


@EACH_VERSION
def test_calibration_law_references(version: str) -> None:
    made, (theirs, _) = dossier(), crossed(version)
    text = SIGNED.readings[0].signed_data
    assert made.cdr.signed_data == SIGNED
    link = made.meter
    assert link is not None
    assert link.verdict == "valid"
    assert [made.lines[place].component for place in link.lines] == [
        line.component for line in made.lines if line.component is CostComponent.ENERGY
    ]
    assert link.lines
    assert link.begin_sha256 == link.end_sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert link.end_kwh - link.begin_kwh == made.cdr.total_energy_kwh == sum(made.lines[n].measured for n in link.lines)
    if version == WITHOUT_COSTS:
        assert theirs.signed_data is None
        assert "signed_data" in lost(version)
    else:
        assert theirs.signed_data == SIGNED  # byte for byte: their verdict is ours
        proved = verify(theirs.signed_data, meters.METER.key).link()
        assert proved is not None
        assert proved.model_copy(update={"lines": link.lines}) == link


@EACH_VERSION
def test_tariff_provenance(version: str) -> None:
    made, (theirs, differences) = dossier(), crossed(version)
    assert [(each.moment, each.at, each.tariff) for each in made.tariff_moments] == [
        (TariffMoment.SESSION_START, made.cdr.start, AT_START.version()),
        (TariffMoment.SESSION_END, made.cdr.end, AT_END.version()),
        (TariffMoment.CDR_GENERATION, made.cdr.last_updated, AT_GENERATION.version()),
    ]
    assert len({each.tariff.sha256 for each in made.tariff_moments}) == 3
    assert made.cdr.tariffs == (AT_START,)
    assert made.pricing_policy == AGREED.pricing.ref
    assert made.agreement == AGREED.ref
    assert made.time_zone == BERLIN
    changed = [each for each in differences if each.path[0] == "tariffs"]
    assert (theirs.tariffs == made.cdr.tariffs) is (not changed)
    assert undone(plain(theirs), differences) == plain(made.cdr)


@EACH_VERSION
def test_partner_version_provenance(version: str) -> None:
    """Emitted by whom, checked by ourselves with which outcome, and everything that the version left out."""
    made, spoken = dossier(), adapter(version)
    known = Known(session=_session(), tariff=AT_START, agreement=AGREED, registered_key=meters.METER.key)
    sent = emission(spoken, made, known, made.cdr.last_updated)
    assert (sent.adapter, sent.version) == (spoken.key, version)
    assert sent.body_sha256 == hashlib.sha256(spoken.write(made.cdr)).hexdigest()
    assert not [finding for finding in sent.findings if finding.blocks], sent.findings
    assert sent.outcome in ("ACCEPTED", "ACCEPTED_WITH_FINDINGS")
    told = {finding.where for finding in sent.losses}
    assert lost(version) <= told
    for name in ("lines", "tariff_moments", "meter", "discounts", "agreement", "handles.billing_record"):
        assert name in told
    assert crossed(version)[0].remark is None is made.cdr.remark
    assert b"ten-off" not in spoken.write(made.cdr)
    kept = "".join(finding.model_dump_json() for finding in (*sent.findings, *sent.losses))
    assert made.cdr.token.uid is not None
    assert made.cdr.token.uid not in kept  # a loss report names no driver
    assert made.cdr.token.contract_id not in kept


@EACH_VERSION
def test_reconciliation_handles(version: str) -> None:
    made, (theirs, _) = dossier(), crossed(version)
    handles = made.handles
    assert (handles.session_id, handles.billing_record) == ("S1", "2026/4711")
    assert handles.idempotency_key == dossier(None).handles.idempotency_key != made.cdr.id
    assert theirs.object_id == made.cdr.object_id
    assert len(credit_id_for(made.cdr.object_id)) <= 36
    if version == WITHOUT_COSTS:
        assert theirs.session_id is None
        assert {"session_id", "authorization_reference"} <= lost(version)
    else:
        assert (theirs.session_id, theirs.authorization_reference) == ("S1", "REF-1")


@EACH_VERSION
def test_what_a_version_carries_comes_back_and_the_rest_is_listed(version: str) -> None:
    theirs, differences = crossed(version)
    assert undone(plain(theirs), differences) == plain(dossier().cdr)
    named = {str(each.path[0]) for each in differences}
    for field in Cdr.model_fields:
        same = getattr(theirs, field) == getattr(dossier().cdr, field)
        assert same or field in named, field
    assert dossier() == CdrDossier.model_validate_json(dossier().model_dump_json())


@pytest.mark.parametrize("dropped", ["signed_data", "session_id", "total_energy_cost", "tariffs", "meter_id"])
def test_a_dropped_field_is_seen(dropped: str) -> None:
    """The loss report compares what was meant with what is read: an adapter that forgets a field cannot hide it."""

    class Forgetful:
        def write(self, value: Cdr) -> bytes:
            empty = () if isinstance(getattr(value, dropped), tuple) else None
            return adapter(WITH_ALL).write(value.model_copy(update={dropped: empty}))

        def read(self, *arguments: object) -> object:
            return adapter(WITH_ALL).read(*arguments)  # type: ignore[arg-type]

    before = {str(each.path[0]) for each in crossed(WITH_ALL)[1]}
    found = {each.path[0] for each in losses(Forgetful(), dossier().cdr, None)}  # type: ignore[arg-type]
    assert dropped in found
    assert found - before <= {dropped}


_PRICED_IN: Final = (
    "settlement",
    "activities/agreements.py",
    "activities/billing.py",
    "activities/cdr_check.py",
    "activities/emission.py",
    "activities/settlement.py",
    "api/contract/charging.py",
    "api/contract/crediting.py",
)
_IMMUTABLE: Final = {"version", "in_force"}


def _tariff_reads(source: str) -> Iterator[str]:
    """What is asked of a repository of tariffs: `work.tariffs.<name>(…)`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and node.value.attr == "tariffs":
            if isinstance(node.value.value, ast.Name) and node.value.value.id in ("work", "unit"):
                yield node.attr
            if isinstance(node.value.value, ast.Attribute) and node.value.value.attr == "_unit":
                yield node.attr


def test_nothing_that_prices_reads_a_tariff_as_it_is_now() -> None:
    files = [
        file
        for place in _PRICED_IN
        for file in ([ROOT / place] if place.endswith(".py") else ROOT.glob(f"{place}/**/*.py"))
    ]
    reads = {file: set(_tariff_reads(file.read_text())) for file in files}
    assert {name for names in reads.values() for name in names} == _IMMUTABLE
    assert set(_tariff_reads("await work.tariffs.get(name)\nawait self._unit.tariffs.held(name)")) == {"get", "held"}
