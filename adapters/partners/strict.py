"""The standard to the letter: for certification, and to show a partner what it sends wrong."""

from datetime import date
from typing import Final

from adapters.partners.profile import PartnerProfile

STRICT: Final = PartnerProfile(name="strict", since=date(2026, 11, 22))
