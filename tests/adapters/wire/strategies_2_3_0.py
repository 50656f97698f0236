"""Canonical objects as OCPI 2.3.0 can say them: those of 2.2.1, and what is new."""

from decimal import Decimal
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from adapters.ocpi_2_3_0.wire import location_words
from canonical import cdr, invoice_record, location, session, tariff, token
from canonical.model import CanonicalModel
from canonical.money import Price, TaxLine
from tests.adapters.wire import strategies as before
from tests.adapters.wire.strategies import few, flags, ids, instants, maybe, numbers, parties, texts, word

own_words = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789", min_size=1, max_size=20)
"""Words that no enumeration has, in open ones."""


T = TypeVar("T", bound=CanonicalModel)


def open_word(words: type) -> SearchStrategy[str]:
    return word(words) | own_words


def with_fields(base: SearchStrategy[T], **fields: SearchStrategy[object]) -> SearchStrategy[T]:
    def changed(value: T, update: dict[str, object]) -> T:
        return value.model_copy(update=update)

    return st.builds(changed, base, st.fixed_dictionaries(fields))


connectors = with_fields(
    before.connectors,
    standard=open_word(location_words.ConnectorType),
    capabilities=few(open_word(location_words.ConnectorCapability)),
)
evses = with_fields(
    before.evses,
    connectors=few(connectors, least=1),
    capabilities=few(own_words),
    parking_restrictions=few(open_word(location_words.ParkingRestriction)),
    parking=few(
        st.builds(location.ParkingPosition, parking_id=ids, evse_position=maybe(word(location_words.EVSEPosition)))
    ),
    accepted_service_providers=few(texts(50)),
)
parking_places = st.builds(
    location.ParkingPlace,
    id=ids,
    physical_reference=maybe(texts(12).map(lambda text: text[:12])),
    vehicle_types=few(open_word(location_words.VehicleType), least=1),
    max_vehicle_weight_kg=maybe(numbers),
    max_vehicle_height_cm=maybe(numbers),
    max_vehicle_length_cm=maybe(numbers),
    max_vehicle_width_cm=maybe(numbers),
    parking_space_length_cm=maybe(numbers),
    parking_space_width_cm=maybe(numbers),
    dangerous_goods_allowed=maybe(flags),
    direction=maybe(word(location_words.ParkingDirection)),
    drive_through=maybe(flags),
    restricted_to_type=flags,
    reservation_required=flags,
    time_limit_min=maybe(numbers),
    roofed=maybe(flags),
    images=few(before.images),
    lighting=maybe(flags),
    refrigeration_outlet=maybe(flags),
    standards=few(ids),
    apds_reference=maybe(ids),
)
locations = with_fields(
    before.locations,
    evses=few(evses),
    parking_type=maybe(own_words),
    facilities=few(own_words),
    parking_places=few(parking_places),
    help_phone=maybe(st.just("+49 30 1234567")),
)

tax_lines = st.builds(
    TaxLine,
    name=texts(255),
    account_number=maybe(texts(255)),
    percentage=maybe(st.decimals(0, 100, places=2)),
    amount=numbers,
)


def _taxed(net: Decimal, taxes: tuple[TaxLine, ...]) -> Price:
    gross = net + sum((tax.amount for tax in taxes), Decimal(0))
    return Price(currency="EUR", before_tax=net, after_tax=gross, taxes=taxes)


unknown_tax = st.builds(Price, currency=st.just("EUR"), before_tax=numbers)
known_tax = st.builds(_taxed, numbers, few(tax_lines, least=1))
tax_applies_not = st.builds(_taxed, numbers, few(tax_lines))
prices = unknown_tax | known_tax
limits = st.builds(Price, currency=st.just("EUR"), before_tax=numbers, after_tax=maybe(numbers))


def tariffs_with(tax_included: SearchStrategy[tariff.TaxIncluded]) -> SearchStrategy[tariff.Tariff]:
    return with_fields(before.tariffs, min_price=maybe(limits), max_price=maybe(limits), tax_included=tax_included)


tariffs = tariffs_with(st.sampled_from(tariff.TaxIncluded))

token_types = st.sampled_from(token.TokenType)
token_refs = with_fields(before.token_refs, type=token_types)
tokens = with_fields(before.tokens, type=token_types)
authorizations = with_fields(before.authorizations, token=tokens)
sessions: SearchStrategy[session.Session] = with_fields(before.sessions, token=token_refs, total_cost=maybe(prices))


def _cdrs(cost: SearchStrategy[Price], snapshots: SearchStrategy[tuple[object, ...]]) -> SearchStrategy[cdr.Cdr]:
    return with_fields(
        before.cdrs,
        token=token_refs,
        tariffs=snapshots,
        total_cost=cost,
        total_fixed_cost=maybe(cost),
        total_energy_cost=maybe(cost),
        total_time_cost=maybe(cost),
        total_parking_cost=maybe(cost),
        total_reservation_cost=maybe(cost),
    )


_untaxed_tariffs = few(tariffs_with(st.just(tariff.TaxIncluded.NOT_APPLICABLE)), least=1)
_taxed_tariffs = few(tariffs_with(st.sampled_from([tariff.TaxIncluded.NO, tariff.TaxIncluded.YES])))
cdrs = _cdrs(prices, _taxed_tariffs) | _cdrs(tax_applies_not, _untaxed_tariffs)

invoice_records = st.builds(
    invoice_record.InvoiceRecord,
    owner=parties,
    id=ids,
    invoice_id=ids,
    cdr_ids=few(ids, least=1),
    last_updated=instants,
    extensions=before.extensions,
)
