"""Wire objects of OCPI 2.1.1 as a partner may send them, for property tests: optional fields there or not."""

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from adapters.ocpi_2_1_1.wire import location_words, session_words
from adapters.ocpi_2_2_1.wire import location_words as later_words
from tests.adapters.wire.strategies import texts

Documents = SearchStrategy[dict[str, Any]]

numbers = st.decimals(-10_000, 10_000, places=4) | st.integers(-10_000, 10_000).map(Decimal)
counts = st.integers(0, 100_000)
flags = st.booleans()
instants = st.datetimes().map(lambda at: f"{at.year:04d}" + at.strftime("-%m-%dT%H:%M:%SZ"))
unknown = st.dictionaries(
    st.text("xyz~/", min_size=1, max_size=5).filter(lambda name: "x" in name),
    st.sampled_from(["text", None, [None], {"a": True}]),
    max_size=1,
)


def ids(most: int) -> SearchStrategy[str]:
    return st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=most)


def words(vocabulary: Any) -> SearchStrategy[str]:
    return st.sampled_from(sorted(str(word) for word in vocabulary))


def some(strategy: SearchStrategy[Any]) -> SearchStrategy[list[Any]]:
    return st.lists(strategy, min_size=1, max_size=2)


def of(required: dict[str, SearchStrategy[Any]], **optional: SearchStrategy[Any]) -> Documents:
    return st.fixed_dictionaries(required, optional=optional)


def entity(required: dict[str, SearchStrategy[Any]], **optional: SearchStrategy[Any]) -> Documents:
    """An object that may also have fields of the sender's own."""
    return st.builds(lambda own, fields: own | fields, unknown, of(required, **optional))


texts_shown = of({"language": st.sampled_from(["de", "en"]), "text": texts(512)})
points = of(
    {
        "latitude": st.from_regex(r"-?[0-9]{1,2}\.[0-9]{6}", fullmatch=True).filter(str.isascii),
        "longitude": st.from_regex(r"-?[0-9]{1,3}\.[0-9]{6}", fullmatch=True).filter(str.isascii),
    }
)
images = of(
    {"url": texts(255), "category": words(later_words.ImageCategory), "type": st.sampled_from(["png", "jpeg"])},
    thumbnail=texts(255),
    width=st.integers(0, 99999),
    height=st.integers(0, 99999),
)
businesses = of({"name": texts(100)}, website=texts(255), logo=images)
mixes = of(
    {"is_green_energy": flags},
    energy_sources=some(of({"source": words(later_words.EnergySourceCategory), "percentage": numbers})),
    environ_impact=some(of({"source": words(later_words.EnvironmentalImpactCategory), "amount": numbers})),
    supplier_name=texts(64),
    energy_product_name=texts(64),
)
exceptions = of({"period_begin": instants, "period_end": instants})
hours = of(
    {"twentyfourseven": flags},
    regular_hours=some(
        of({"weekday": st.integers(1, 7), "period_begin": st.just("08:00"), "period_end": st.just("20:30")})
    ),
    exceptional_openings=some(exceptions),
    exceptional_closings=some(exceptions),
)

connectors = entity(
    {
        "id": ids(36),
        "standard": words(location_words.ConnectorType),
        "format": words(later_words.ConnectorFormat),
        "power_type": words(location_words.PowerType),
        "voltage": counts,
        "amperage": counts,
        "last_updated": instants,
    },
    tariff_id=ids(36),
    terms_and_conditions=texts(255),
)
evses = entity(
    {
        "uid": ids(39),
        "status": words(later_words.Status),
        "connectors": some(connectors),
        "last_updated": instants,
    },
    evse_id=ids(48),
    status_schedule=some(of({"period_begin": instants, "status": words(later_words.Status)}, period_end=instants)),
    capabilities=some(words(location_words.Capability)),
    floor_level=texts(4).map(lambda text: text[:4]),
    coordinates=points,
    physical_reference=texts(16).map(lambda text: text[:16]),
    directions=some(texts_shown),
    parking_restrictions=some(words(later_words.ParkingRestriction)),
    images=some(images),
)
locations = entity(
    {
        "id": ids(39),
        "type": words(location_words.LocationType),
        "address": texts(45),
        "city": texts(45),
        "postal_code": st.text("0123456789 AB", max_size=10),
        "country": st.sampled_from(["DEU", "NLD"]),
        "coordinates": points,
        "last_updated": instants,
    },
    name=texts(255),
    related_locations=some(st.builds(lambda point, name: point | name, points, of({}, name=texts_shown))),
    evses=some(evses),
    directions=some(texts_shown),
    operator=businesses,
    suboperator=businesses,
    owner=businesses,
    facilities=some(words(location_words.Facility)),
    time_zone=st.just("Europe/Amsterdam"),
    opening_times=hours,
    charging_when_closed=flags,
    images=some(images),
    energy_mix=mixes,
)

restrictions = of(
    {},
    start_time=st.just("07:00"),
    end_time=st.just("23:59"),
    start_date=st.just("2026-01-31"),
    end_date=st.just("2026-12-31"),
    min_kwh=numbers,
    max_kwh=numbers,
    min_power=numbers,
    max_power=numbers,
    min_duration=counts,
    max_duration=counts,
    day_of_week=some(st.sampled_from(["MONDAY", "SUNDAY"])),
)
components = of(
    {"type": st.sampled_from(["ENERGY", "FLAT", "PARKING_TIME", "TIME"]), "price": numbers, "step_size": counts}
)
tariffs = entity(
    {
        "id": ids(36),
        "currency": st.just("EUR"),
        "elements": some(of({"price_components": some(components)}, restrictions=restrictions)),
        "last_updated": instants,
    },
    tariff_alt_text=some(texts_shown),
    tariff_alt_url=texts(255),
    energy_mix=mixes,
)
tokens = entity(
    {
        "uid": ids(36),
        "type": st.sampled_from(["RFID", "OTHER"]),
        "auth_id": ids(36),
        "issuer": texts(64),
        "valid": flags,
        "whitelist": st.sampled_from(["ALWAYS", "ALLOWED", "ALLOWED_OFFLINE", "NEVER"]),
        "last_updated": instants,
    },
    visual_number=texts(64),
    language=st.just("fr"),
)
references = of({"location_id": ids(39)}, evse_uids=some(ids(39)), connector_ids=some(ids(36)))
authorizations = entity(
    {"allowed": st.sampled_from(["ALLOWED", "BLOCKED", "EXPIRED", "NO_CREDIT", "NOT_ALLOWED"])},
    location=references,
    info=texts_shown,
)
dimensions = entity({"type": words(session_words.CdrDimensionType), "volume": numbers})
periods = of({"start_date_time": instants, "dimensions": st.lists(dimensions, min_size=1, max_size=4)})
sessions = entity(
    {
        "id": ids(36),
        "start_datetime": instants,
        "kwh": numbers,
        "auth_id": ids(36),
        "auth_method": words(session_words.AuthMethod),
        "location": locations,
        "currency": st.just("EUR"),
        "status": words(session_words.SessionStatus),
        "last_updated": instants,
    },
    end_datetime=instants,
    meter_id=texts(255),
    charging_periods=some(periods),
    total_cost=numbers,
)
cdrs = entity(
    {
        "id": ids(36),
        "start_date_time": instants,
        "stop_date_time": instants,
        "auth_id": ids(36),
        "auth_method": words(session_words.AuthMethod),
        "location": locations,
        "currency": st.just("EUR"),
        "charging_periods": some(periods),
        "total_cost": numbers,
        "total_energy": numbers,
        "total_time": numbers,
        "last_updated": instants,
    },
    meter_id=texts(255),
    tariffs=some(tariffs),
    total_parking_time=numbers,
    remark=texts(255),
)
