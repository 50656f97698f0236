"""Canonical objects as OCPI 2.2.1 can say them, for property tests."""

from datetime import UTC, datetime

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from adapters.ocpi_2_2_1.wire import location_words, session_words, tariff_words
from canonical import cdr, location, session, tariff, token
from canonical.identity import PartyId
from canonical.model import DisplayText, Extension
from canonical.money import Price

ids = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=36)
numbers = st.decimals(-10_000, 10_000, places=4)
counts = st.integers(0, 100_000)
flags = st.booleans()
instants = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)
)
parties = st.builds(
    PartyId,
    country_code=st.text("ABCDEdef", min_size=2, max_size=2),
    party_id=st.text("ABCxyz019", min_size=1, max_size=3),
)
points = st.builds(
    location.GeoPoint,
    latitude=st.from_regex(r"-?[0-9]{1,2}\.[0-9]{5,6}", fullmatch=True).filter(str.isascii),
    longitude=st.from_regex(r"-?[0-9]{1,3}\.[0-9]{5,6}", fullmatch=True).filter(str.isascii),
)


def texts(most: int) -> SearchStrategy[str]:
    return st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=min(most, 20))


def maybe(strategy: SearchStrategy[object]) -> SearchStrategy[object]:
    return st.none() | strategy


def few(strategy: SearchStrategy[object], least: int = 0) -> SearchStrategy[tuple[object, ...]]:
    return st.lists(strategy, min_size=least, max_size=2).map(tuple)


def word(words: type) -> SearchStrategy[str]:
    return st.sampled_from(sorted(str(each) for each in words))  # type: ignore[attr-defined]


extensions = st.dictionaries(
    st.text("xyz~/", min_size=1, max_size=5).filter(lambda name: "x" in name),
    st.sampled_from(['"text"', "1.50", "[null]", '{"a":true}']),
    max_size=2,
).map(
    lambda unknown: tuple(
        Extension(pointer="/" + name.replace("~", "~0").replace("/", "~1"), json_text=text)
        for name, text in unknown.items()
    )
)

display_texts = st.builds(DisplayText, language=st.sampled_from(["de", "en"]), text=texts(512))
images = st.builds(
    location.Image,
    url=texts(255),
    thumbnail=maybe(texts(255)),
    category=word(location_words.ImageCategory),
    type=st.sampled_from(["png", "jpeg"]),
    width_px=maybe(st.integers(0, 99999)),
    height_px=maybe(st.integers(0, 99999)),
)
businesses = st.builds(location.Business, name=texts(100), website=maybe(texts(255)), logo=maybe(images))
energy_mixes = st.builds(
    location.EnergyMix,
    is_green_energy=flags,
    energy_sources=few(
        st.builds(location.EnergySource, source=word(location_words.EnergySourceCategory), percentage=numbers)
    ),
    environ_impact=few(
        st.builds(
            location.EnvironmentalImpact,
            category=word(location_words.EnvironmentalImpactCategory),
            amount_g_per_kwh=numbers,
        )
    ),
    supplier_name=maybe(texts(64)),
    energy_product_name=maybe(texts(64)),
)
connectors = st.builds(
    location.Connector,
    id=ids,
    standard=word(location_words.ConnectorType),
    format=word(location_words.ConnectorFormat),
    power_type=word(location_words.PowerType),
    max_voltage_v=counts,
    max_amperage_a=counts,
    max_electric_power_w=maybe(counts),
    tariff_ids=few(ids),
    terms_and_conditions=maybe(texts(255)),
    last_updated=instants,
    extensions=extensions,
)
evses = st.builds(
    location.Evse,
    uid=ids,
    evse_id=maybe(ids),
    status_schedule=few(st.builds(location.StatusSchedule, period_begin=instants, period_end=maybe(instants))),
    capabilities=few(word(location_words.Capability)),
    connectors=few(connectors, least=1),
    floor_level=maybe(texts(4).map(lambda text: text[:4])),
    coordinates=maybe(points),
    physical_reference=maybe(texts(16).map(lambda text: text[:16])),
    directions=few(display_texts),
    parking_restrictions=few(word(location_words.ParkingRestriction)),
    images=few(images),
    last_updated=instants,
    extensions=extensions,
)
days = st.builds(
    location.RegularHours,
    weekday=st.integers(1, 7),
    period_begin=st.just("08:00"),
    period_end=st.just("20:30"),
)
exceptions = st.builds(location.ExceptionalPeriod, period_begin=instants, period_end=instants)
locations = st.builds(
    location.Location,
    owner=parties,
    id=ids,
    publish=flags,
    publish_allowed_to=few(st.builds(location.PublishTo, uid=maybe(ids), type=st.just("RFID"))),
    name=maybe(texts(255)),
    address=texts(255),
    city=texts(45),
    postal_code=maybe(texts(10).map(lambda text: text[:10])),
    state=maybe(texts(45)),
    country=st.sampled_from(["DEU", "NLD"]),
    coordinates=points,
    related_locations=few(st.builds(location.RelatedPoint, point=points, name=maybe(display_texts))),
    parking_type=maybe(word(location_words.ParkingType)),
    evses=few(evses),
    directions=few(display_texts),
    operator=maybe(businesses),
    suboperator=maybe(businesses),
    site_owner=maybe(businesses),
    facilities=few(word(location_words.Facility)),
    time_zone=st.just("Europe/Berlin"),
    opening_times=maybe(
        st.builds(
            location.OpeningTimes,
            twentyfourseven=flags,
            regular_hours=few(days),
            exceptional_openings=few(exceptions),
            exceptional_closings=few(exceptions),
        )
    ),
    charging_when_closed=maybe(flags),
    images=few(images),
    energy_mix=maybe(energy_mixes),
    last_updated=instants,
    extensions=extensions,
)

prices = st.builds(Price, currency=st.just("EUR"), before_tax=numbers, after_tax=maybe(numbers), taxes=st.none())
restrictions = st.builds(
    tariff.TariffRestrictions,
    start_time=maybe(st.just("07:00")),
    end_time=maybe(st.just("23:59")),
    start_date=maybe(st.just("2026-01-31")),
    end_date=maybe(st.just("2026-12-31")),
    min_kwh=maybe(numbers),
    max_kwh=maybe(numbers),
    min_current_a=maybe(numbers),
    max_current_a=maybe(numbers),
    min_power_kw=maybe(numbers),
    max_power_kw=maybe(numbers),
    min_duration_s=maybe(counts),
    max_duration_s=maybe(counts),
)
components = st.builds(
    tariff.PriceComponent,
    price=numbers,
    vat_percent=maybe(st.decimals(0, 100, places=2)),
    step_size=counts,
)
tariffs = st.builds(
    tariff.Tariff,
    owner=parties,
    id=ids,
    currency=st.just("EUR"),
    type=maybe(word(tariff_words.TariffType)),
    alt_texts=few(display_texts),
    alt_url=maybe(texts(255)),
    min_price=maybe(prices),
    max_price=maybe(prices),
    tax_included=st.just(tariff.TaxIncluded.NO),
    elements=few(
        st.builds(
            tariff.TariffElement,
            price_components=few(components, least=1),
            restrictions=maybe(restrictions),
        ),
        least=1,
    ),
    valid_from=maybe(instants),
    valid_until=maybe(instants),
    energy_mix=maybe(energy_mixes),
    last_updated=instants,
    extensions=extensions,
)

token_types = st.sampled_from([each for each in token.TokenType if each is not token.TokenType.EMAID])
token_refs = st.builds(token.TokenRef, issuer_party=parties, uid=ids, type=token_types, contract_id=ids)
tokens = st.builds(
    token.Token,
    owner=parties,
    uid=ids,
    type=token_types,
    contract_id=ids,
    visual_number=maybe(texts(64)),
    issuer=texts(64),
    group_id=maybe(ids),
    valid=flags,
    language=maybe(st.just("fr")),
    default_profile_type=maybe(word(session_words.ProfileType)),
    energy_contract=maybe(st.builds(token.EnergyContract, supplier_name=texts(64), contract_id=maybe(texts(64)))),
    last_updated=instants,
    extensions=extensions,
)
references = st.builds(token.LocationReference, location_id=ids, evse_uids=few(ids))
authorizations = st.builds(
    token.Authorization,
    token=tokens,
    location=maybe(references),
    authorization_reference=maybe(ids),
    info=maybe(display_texts),
    extensions=extensions,
)

periods = st.builds(
    session.ChargingPeriod,
    start=instants,
    volumes=few(st.builds(session.Volume, volume=numbers), least=1),
    tariff_id=maybe(ids),
)
sessions = st.builds(
    session.Session,
    owner=parties,
    id=ids,
    start=instants,
    end=maybe(instants),
    energy_kwh=numbers,
    token=token_refs,
    authorization_reference=maybe(ids),
    location_id=ids,
    evse_uid=ids,
    connector_id=ids,
    meter_id=maybe(texts(255)),
    currency=st.just("EUR"),
    charging_periods=few(periods),
    total_cost=maybe(prices),
    last_updated=instants,
    extensions=extensions,
)

charge_points = st.builds(
    cdr.ChargePoint,
    location_id=ids,
    name=maybe(texts(255)),
    address=texts(45),
    city=texts(45),
    postal_code=maybe(texts(10).map(lambda text: text[:10])),
    state=maybe(texts(20)),
    country=st.just("DEU"),
    coordinates=points,
    evse_uid=ids,
    evse_id=ids,
    connector_id=ids,
    connector_standard=word(location_words.ConnectorType),
    connector_format=word(location_words.ConnectorFormat),
    connector_power_type=word(location_words.PowerType),
)
signed = st.builds(
    cdr.SignedMeterData,
    encoding_method=st.just("OCMF"),
    encoding_method_version=maybe(counts),
    public_key=maybe(texts(512)),
    readings=few(
        st.builds(
            cdr.SignedReading,
            nature=st.sampled_from(["Start", "End"]),
            plain_data=st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=30),
            signed_data=texts(5000),
        ),
        least=1,
    ),
    url=maybe(texts(512)),
)
cdrs = st.builds(
    cdr.Cdr,
    owner=parties,
    id=ids,
    start=instants,
    end=instants,
    session_id=maybe(ids),
    token=token_refs,
    authorization_reference=maybe(ids),
    charge_point=charge_points,
    meter_id=maybe(texts(255)),
    currency=st.just("EUR"),
    tariffs=few(tariffs),
    charging_periods=few(periods, least=1),
    signed_data=maybe(signed),
    total_cost=prices,
    total_fixed_cost=maybe(prices),
    total_energy_kwh=numbers,
    total_energy_cost=maybe(prices),
    total_time_h=numbers,
    total_time_cost=maybe(prices),
    total_parking_time_h=maybe(numbers),
    total_parking_cost=maybe(prices),
    total_reservation_cost=maybe(prices),
    remark=maybe(texts(255)),
    invoice_reference_id=maybe(ids),
    credit=maybe(flags),
    credit_reference_id=maybe(ids),
    home_charging_compensation=maybe(flags),
    last_updated=instants,
    extensions=extensions,
)
