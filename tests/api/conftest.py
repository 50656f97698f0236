from collections.abc import AsyncIterator

import pytest_asyncio

from canonical.partner import Side
from canonical.store import Store
from tests.api.partner import Deployment, Partner, connect, deployment


@pytest_asyncio.fixture
async def roam(store: Store) -> AsyncIterator[Deployment]:
    """A deployment with both sides."""
    async with deployment(store) as built:
        yield built


@pytest_asyncio.fixture
async def operator(roam: Deployment) -> Partner:
    """A CPO, connected to us as eMSP."""
    return await connect(roam, Side.EMSP, ("BE*BEC",), connection_id="operator")


@pytest_asyncio.fixture
async def provider(roam: Deployment) -> Partner:
    """An eMSP, connected to us as CPO."""
    return await connect(roam, Side.CPO, ("DE*MOB",), connection_id="provider")
