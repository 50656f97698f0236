"""A partner about whom nothing special is known: tolerant, and exact where money is at stake."""

from datetime import UTC, date, datetime
from typing import Final

from adapters.partners.profile import PartnerProfile
from adapters.rules import places, presence, texts, timestamps, words, writing
from adapters.rules.numbers import NumberAsText, PriceAsText, WholeWithFraction


def _now() -> datetime:
    return datetime.now(UTC)


STANDARD: Final = PartnerProfile(
    name="standard",
    since=date(2026, 11, 22),
    allow_bom=True,
    reading=(
        timestamps.TimestampWithoutZone(),
        timestamps.TimestampWithOffset(),
        texts.LongText(),
        texts.LongUrl(),
        texts.UnprintableText(),
        texts.NumberForText(),
        texts.EmptyOptionalText(),
        NumberAsText(),
        PriceAsText(),
        WholeWithFraction(),
        words.UnlistedWord(),
        words.ReservedForReservation(),
        words.RoleOfAnotherEdition(),
        places.CountryOfTwoLetters(),
        places.CoordinateDecimals(),
        places.TimeOfDaySpelling(),
        presence.MissingLastUpdated(_now),
        presence.MissingEvseUid(),
        presence.EndForStop(),
        presence.MissingTaxIncluded(),
        presence.ParkingAsText(),
        presence.NoConnectors(),
        presence.UnknownOpeningTimes(),
        presence.UnreadablePart(),
    ),
    writing=(
        writing.CutText(),
        writing.BlankForControl(),
        writing.TokenTypeOfAnotherVersion(),
        writing.UnlistedLeftOut(),
        writing.KeptAsItCame(),
        writing.NoConnectorsKept(),
        writing.CoordinateQuantised(),
        writing.TimeOfDayKept(),
    ),
)
