"""Objects out of settings: the only place that builds them and hands them down."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from temporalio.client import Client

from activities.resources import Resources, SettlementTerms, Us
from adapters.registry import Registry, build_registry
from adapters.transport.address_guard import AddressPolicy
from adapters.transport.http import PartnerHttp
from adapters.transport.limiter import Pace
from api.services import Services
from canonical.identity import PartyId
from canonical.store import Store
from canonical.store.log import SigningKey
from deploy.settings import Settings
from deploy.temporal_client import connect
from deploy.webhook_waker import webhooks_woken
from settlement.pricing.policy import DEFAULT_POLICY
from workflows.schedules import Periods
from workflows.signals import TemporalSignals


@dataclass(frozen=True)
class Deployment:
    """One party's platform: what both of its processes, api and worker, are made of."""

    settings: Settings
    client: Client
    signals: TemporalSignals
    services: Services
    resources: Resources


_CLOCK_OFFSET = timedelta(seconds=float(os.environ.get("ROAM_CLOCK_OFFSET_S", "0")))
"""For tests only: how far our clock is ahead of the true time (behind: negative), as the clocks of partners are."""


def now() -> datetime:
    """The clock of production."""
    return datetime.now(UTC) + _CLOCK_OFFSET


@asynccontextmanager
async def deployment(settings: Settings) -> AsyncIterator[Deployment]:
    """Everything, connected; closed again at the end. Waits for a Temporal server that is coming up."""
    async with AsyncExitStack() as stack:
        vault = settings.vault
        store = await Store.connect(
            settings.database_url.get_secret_value(), vault, pool_size=settings.database_pool_size
        )
        stack.push_async_callback(store.close)
        policy = AddressPolicy(allow_http=settings.allow_http_partners, allow_private=settings.allow_private_partners)
        http = await stack.enter_async_context(PartnerHttp(policy, pace=_pace(settings)))
        registry = build_registry(http, settings.ocpi_versions)
        client = await connect(vault)
        signals = TemporalSignals(client, settings.task_queue, _periods(settings))
        await stack.enter_async_context(webhooks_woken(store, signals))
        yield Deployment(
            settings=settings,
            client=client,
            signals=signals,
            services=_services(settings, store, signals, registry, policy),
            resources=_resources(settings, store, registry, http),
        )


def log_key(settings: Settings) -> SigningKey:
    """The key that signs the log of financial records."""
    return SigningKey(settings.evidence_key or settings.first_secret_key, log_name(settings.party))


def log_name(party: PartyId) -> str:
    """The name by which a deployment signs: `roamwork/DE*ABC`."""
    return f"roamwork/{party}"


def _pace(settings: Settings) -> Pace:
    return Pace(settings.partner_requests_at_once, settings.partner_requests_per_second)


def _periods(settings: Settings) -> Periods:
    return Periods(timedelta(minutes=settings.pull_every_minutes), timedelta(days=settings.sweep_every_days))


def _services(
    settings: Settings, store: Store, signals: TemporalSignals, registry: Registry, policy: AddressPolicy
) -> Services:
    return Services(
        store=store,
        signals=signals,
        registry=registry,
        our_party=settings.party,
        business_name=settings.business_name,
        sides=settings.sides,
        public_url=settings.public_url,
        contract_keys=settings.contract_api_keys,
        clock=now,
        guard_url=policy.check_url,
        command_timeout_s=settings.command_timeout_s,
        readings_told_within=timedelta(seconds=settings.readings_told_within_s),
        registration_token_life=timedelta(days=settings.registration_token_days),
    )


def _resources(settings: Settings, store: Store, registry: Registry, http: PartnerHttp) -> Resources:
    return Resources(
        store=store,
        registry=registry,
        http=http,
        us=Us(settings.party, settings.business_name, settings.sides, settings.public_url),
        policy=DEFAULT_POLICY,
        terms=SettlementTerms(
            time_zone=ZoneInfo(settings.settlement_time_zone),
            tolerance=settings.reconciliation_tolerance,
            vat=settings.vat_treatment,
        ),
        clock=now,
        page_limit=settings.page_limit,
        log_key=log_key(settings),
        retention=settings.retention,
        session_patience=settings.session_patience,
        renew_tokens_after=timedelta(days=settings.rotate_tokens_days) if settings.rotate_tokens_days else None,
        meter_keys=settings.meter_keys,
    )
