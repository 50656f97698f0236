"""How long what is kept, and why: every table belongs to one class, and every class has an end or a reason for none.

Terms in years are counted as German tax law counts them, from the end of the calendar year in which a record arose
(AO section 147 (4)); terms in days from the record itself. Where another law applies, a deployment sets other terms.

Rows of append-only tables stay when their time has passed, because the log of financial records vouches for them. What
goes then is the identity of the driver, by which they were personal data: his key is destroyed (GDPR article 5 (1)(e)).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from canonical.store.drivers import Duty


class RetentionClass(StrEnum):
    """What a table is to the law."""

    BOOKS = "BOOKS"
    """The ledger, and what is needed to understand it."""
    VOUCHERS = "VOUCHERS"
    """Financial primary records, and what their amounts come from."""
    LETTERS = "LETTERS"
    """What was exchanged with partners, and what people decided."""
    OPERATIONS = "OPERATIONS"
    """Sessions and tokens after they have ended: until last year's disputes are over."""
    TRAFFIC = "TRAFFIC"
    """What was needed for the moment, and has no financial meaning."""
    FEED = "FEED"
    """What the operator's own systems are told of."""
    ANSWERS = "ANSWERS"
    """Answers that a repeated request gets again."""
    PROOF = "PROOF"
    """What proves other records genuine and names nobody."""
    LIVING = "LIVING"
    """What is true now: it goes when it is not true any more."""


CLASS_OF: Final[Mapping[str, RetentionClass]] = MappingProxyType(
    {
        "ledger_entry": RetentionClass.BOOKS,
        "ledger_posting": RetentionClass.BOOKS,
        "agreement": RetentionClass.BOOKS,
        "tariff_version": RetentionClass.BOOKS,
        "cdr": RetentionClass.VOUCHERS,
        "cdr_line": RetentionClass.VOUCHERS,
        "cdr_tax": RetentionClass.VOUCHERS,
        "cdr_meter_link": RetentionClass.VOUCHERS,
        "cdr_event": RetentionClass.VOUCHERS,
        "cdr_emission": RetentionClass.VOUCHERS,
        "cdr_receipt": RetentionClass.VOUCHERS,
        "cdr_replacement": RetentionClass.VOUCHERS,
        "billing_context": RetentionClass.VOUCHERS,
        "meter_reading": RetentionClass.VOUCHERS,
        "signed_meter_data": RetentionClass.VOUCHERS,
        "session_outcome": RetentionClass.VOUCHERS,
        "statement": RetentionClass.VOUCHERS,
        "reconciliation_report": RetentionClass.VOUCHERS,
        "invoice": RetentionClass.VOUCHERS,
        "invoice_file": RetentionClass.VOUCHERS,
        "invoice_number": RetentionClass.VOUCHERS,
        "invoice_record": RetentionClass.VOUCHERS,
        "evidence": RetentionClass.LETTERS,
        "review_case": RetentionClass.LETTERS,
        "session": RetentionClass.OPERATIONS,
        "smart_charging": RetentionClass.OPERATIONS,
        "session_watch": RetentionClass.OPERATIONS,
        "token": RetentionClass.OPERATIONS,
        "told": RetentionClass.OPERATIONS,
        "feed_attendance": RetentionClass.LIVING,
        "token_authorization": RetentionClass.TRAFFIC,
        "command": RetentionClass.TRAFFIC,
        "outbox": RetentionClass.TRAFFIC,
        "event": RetentionClass.FEED,
        "idempotency": RetentionClass.ANSWERS,
        "log_leaf": RetentionClass.PROOF,
        "log_checkpoint": RetentionClass.PROOF,
        "driver_key": RetentionClass.PROOF,
        "driver_name": RetentionClass.LIVING,
        "cdr_delivery": RetentionClass.LIVING,
        "connection": RetentionClass.LIVING,
        "access_token": RetentionClass.LIVING,
        "outbound_token": RetentionClass.LIVING,
        "location": RetentionClass.LIVING,
        "tariff": RetentionClass.LIVING,
        "invoice_series": RetentionClass.LIVING,
        "webhook": RetentionClass.LIVING,
        "api_key": RetentionClass.LIVING,
        "object_count": RetentionClass.LIVING,
        "representation": RetentionClass.LIVING,
        "hub_client": RetentionClass.LIVING,
        "crawl": RetentionClass.LIVING,
        "sighting": RetentionClass.LIVING,
    }
)


@dataclass(frozen=True)
class Term:
    """How long a class is kept: so many years from the end of the calendar year, or so many days; neither: for ever."""

    years: int | None
    days: int | None
    source: str

    def ends(self, on: date) -> date | None:
        """The last day on which a record of a day is kept."""
        if self.years is not None:
            return date(on.year + self.years, 12, 31)
        return None if self.days is None else on + timedelta(days=self.days)

    def over_before(self, today: date) -> date | None:
        """Records of earlier days are not kept any more."""
        if self.years is not None:
            return date(today.year - self.years, 1, 1)
        return None if self.days is None else today - timedelta(days=self.days)

    def __str__(self) -> str:
        if self.years is not None:
            return f"{self.years} years from the end of the calendar year"
        return "no end" if self.days is None else f"{self.days} days"


@dataclass(frozen=True)
class RetentionPolicy:
    """The terms of one deployment. The defaults are those of German law, and of thrift where no law speaks."""

    books_years: int = 10
    vouchers_years: int = 8
    letters_years: int = 6
    operations_days: int = 400
    traffic_days: int = 90
    feed_days: int = 90
    answers_days: int = 30

    def term(self, each: RetentionClass) -> Term:
        match each:
            case RetentionClass.BOOKS:
                return Term(self.books_years, None, "AO section 147 (1) no. 1, (3); HGB section 257")
            case RetentionClass.VOUCHERS:
                source = "AO section 147 (1) no. 4, (3); UStG section 14b; VAT Directive 2006/112/EC article 247"
                return Term(self.vouchers_years, None, source)
            case RetentionClass.LETTERS:
                return Term(self.letters_years, None, "AO section 147 (1) no. 2 and 3, (3); GoBD")
            case RetentionClass.OPERATIONS:
                return Term(None, self.operations_days, "GDPR article 5 (1)(e): a year and a month, for disputes")
            case RetentionClass.TRAFFIC:
                return Term(None, self.traffic_days, "GDPR article 5 (1)(e): no financial meaning")
            case RetentionClass.FEED:
                return Term(None, self.feed_days, "GDPR article 5 (1)(e): for systems that were away")
            case RetentionClass.ANSWERS:
                return Term(None, self.answers_days, "GDPR article 5 (1)(e): for requests that are repeated")
            case RetentionClass.PROOF:
                return Term(None, None, "names nobody; without it nothing older can be proved")
            case RetentionClass.LIVING:
                return Term(None, None, "while it is true")

    def duty(self, duty: Duty) -> Term:
        """How long a driver's identity is needed for what was kept of him in a class."""
        return self.term(_CLASS_OF_DUTY[duty])


_CLASS_OF_DUTY: Final = MappingProxyType(
    {
        Duty.VOUCHER: RetentionClass.VOUCHERS,
        Duty.LETTER: RetentionClass.LETTERS,
        Duty.FEED: RetentionClass.FEED,
    }
)
