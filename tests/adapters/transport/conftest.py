from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from adapters.transport.address_guard import AddressPolicy
from adapters.transport.http import PartnerHttp
from tests.adapters.transport.partner import Partner, running_partner

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LOCAL = AddressPolicy(allow_http=True, allow_private=True)


@pytest.fixture(scope="session")
async def listening_partner() -> AsyncIterator[Partner]:
    async with running_partner() as started:
        yield started


@pytest.fixture
def partner(listening_partner: Partner) -> Partner:
    """One server for all tests, blank for each."""
    listening_partner.answers.clear()
    listening_partner.seen.clear()
    return listening_partner


@pytest.fixture
async def http() -> AsyncIterator[PartnerHttp]:
    async with PartnerHttp(LOCAL, timeout_s=5.0, max_body_bytes=100_000, clock=lambda: NOON) as client:
        yield client
