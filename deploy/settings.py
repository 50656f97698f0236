"""What a deployment is told from outside: `ROAM_*` in the environment, or one file for each in
`ROAM_SECRETS_DIR`.

Where Temporal is comes from the SDK's own settings (`TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, TLS, profiles),
and where telemetry goes from OpenTelemetry's (`OTEL_*`).
"""

import os
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AnyHttpUrl, BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from adapters.registry import build_registry
from canonical.identity import PartyId
from canonical.partner import Side
from canonical.store import RetentionPolicy, SessionPatience
from canonical.vault import Vault
from settlement.vat import VatTreatment
from workflows.queues import Queue

SECRETS_DIR = "ROAM_SECRETS_DIR"
_SHORTEST_SECRET = 32


class SettingsError(Exception):
    """The settings do not make a deployment. One line for each fault; no value of any setting is in it."""


class LogFormat(StrEnum):
    JSON = "json"
    TEXT = "text"


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _pairs(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(tuple(part.strip() for part in pair.split("=", 1)) for pair in value.split(",") if pair.strip())


def _party(value: object) -> object:
    return PartyId.parse(value) if isinstance(value, str) else value


class Settings(BaseSettings):
    """One deployment: one party, on one or both sides. Its repr shows no secret."""

    model_config = SettingsConfigDict(env_prefix="ROAM_", frozen=True, extra="ignore", hide_input_in_errors=True)

    party: Annotated[PartyId, BeforeValidator(_party), NoDecode]
    """Whom we speak for: `DE*ABC`."""
    business_name: str
    """The name that partners and invoices show."""
    sides: Annotated[frozenset[Side], BeforeValidator(_split), NoDecode] = frozenset({Side.CPO, Side.EMSP})
    """`CPO`, `EMSP`, or both with a comma between."""
    public_url: str
    """Base of every URL that partners get to see: no slash at the end."""

    database_url: SecretStr
    """`postgresql://user:password@host/database`."""
    database_pool_size: Annotated[int, Field(ge=1, le=500)] = 10
    secret_key: SecretStr
    """Seals tokens at rest and payloads in Temporal; 32 characters or more. Losing it loses both."""
    former_secret_keys: Annotated[tuple[SecretStr, ...], BeforeValidator(_split), NoDecode] = ()
    """Secret keys before that one, the newest first: they open what was sealed by them, and the last one finds it."""
    evidence_key: SecretStr | None = None
    """Signs the log of financial records; 32 characters or more. Without it a key made from ROAM_SECRET_KEY does."""
    contract_api_keys: Annotated[tuple[SecretStr, ...], BeforeValidator(_split), NoDecode] = ()
    """Keys of the operator's own systems, with commas between."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    task_queue: str = "roam"
    worker_queues: Annotated[frozenset[Queue], BeforeValidator(_split), NoDecode, Field(min_length=1)] = frozenset(
        Queue
    )
    """The kinds of work that a worker does, with commas between: `core`, `partners`, `settlement`."""
    build_id: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    """Which build the worker is, where builds are told apart; without it they are not."""
    graceful_shutdown_s: Annotated[float, Field(gt=0)] = 10.0
    """How long requests and activities under way may take when the process is asked to end."""

    ocpi_versions: Annotated[tuple[str, ...], BeforeValidator(_split), NoDecode] = ()
    """Versions of OCPI that partners are offered, with commas between; without it, all that this release speaks."""
    allow_http_partners: bool = False
    """Accept partner URLs without TLS. For development."""
    allow_private_partners: bool = False
    """Accept partner URLs that point into private networks. For development."""
    page_limit: Annotated[int, Field(ge=1, le=1000)] = 100
    """How many objects we ask a partner for on one page."""
    command_timeout_s: Annotated[int, Field(ge=5, le=600)] = 30
    """How long your charging backend has for the result of a partner's command. Partners are told."""
    readings_told_within_s: Annotated[int, Field(ge=0, le=3600)] = 10
    """How long a meter reading may wait until the partner is told; of several, it is told the last one."""
    pull_every_minutes: Annotated[int, Field(ge=1, le=1440)] = 15
    """How often we ask a partner for what has changed on its lists."""
    sweep_every_days: Annotated[int, Field(ge=1, le=31)] = 7
    """How often we read a partner's lists whole, to find what is on them no longer."""
    session_silent_after_minutes: Annotated[int, Field(ge=1, le=10080)] = 60
    """After so long without a word a session that charges is asked for, or shown to a person."""
    session_endless_after_hours: Annotated[int, Field(ge=1, le=2160)] = 48
    """A session that has lasted for so long is shown to a person."""
    registration_token_days: Annotated[int, Field(ge=1, le=365)] = 30
    """How long a partner may register with the token that it was given for it."""
    rotate_tokens_days: Annotated[int, Field(ge=0, le=3650)] = 0
    """After how many days the tokens of a connection are renewed by themselves; 0: never, for not every partner can."""
    partner_requests_at_once: Annotated[int, Field(ge=1, le=100)] = 8
    """How many requests to one partner may be under way at the same time, in each process."""
    partner_requests_per_second: Annotated[float, Field(gt=0, le=1000)] = 50.0
    """How many requests to one partner may begin in a second, in each process."""
    meter_keys: Annotated[tuple[tuple[str, str], ...], BeforeValidator(_pairs), NoDecode] = ()
    """Registered public keys of meters: `meter id=key in hexadecimal`, with commas between."""

    settlement_time_zone: str = "UTC"
    """IANA zone in which a settlement month begins and ends."""
    vat_treatment: VatTreatment = VatTreatment.STANDARD
    """How our invoices treat VAT."""
    reconciliation_tolerance: Annotated[Decimal, Field(ge=0)] = Decimal("0.01")
    """Difference per component that a reconciliation still accepts, in currency units."""

    retention_books_years: Annotated[int, Field(ge=0, le=100)] = 10
    """How long the ledger is kept, from the end of the calendar year."""
    retention_vouchers_years: Annotated[int, Field(ge=0, le=100)] = 8
    """How long a CDR's driver can be told, from the end of the calendar year."""
    retention_letters_years: Annotated[int, Field(ge=0, le=100)] = 6
    """How long the driver in a message that is no voucher can be told, from the end of the calendar year."""
    retention_operations_days: Annotated[int, Field(ge=40, le=3650)] = 400
    """How long sessions are kept after they have ended, and tokens after they were invalidated."""
    retention_traffic_days: Annotated[int, Field(ge=1, le=3650)] = 90
    """How long authorisations, commands and what partners were told are kept."""
    retention_feed_days: Annotated[int, Field(ge=30, le=3650)] = 90
    """How long events are kept for systems that were away."""
    retention_answers_days: Annotated[int, Field(ge=1, le=365)] = 30
    """How long a repeated request gets its answer again."""

    temporal_ui_origin: str | None = None
    """Origin of the Temporal UI, `https://temporal.example`: the api then shows it payloads in clear, for a key."""

    metrics_port: Annotated[int, Field(ge=1, le=65534)] | None = None
    """Where this process shows its figures to Prometheus, under `/metrics`; those of Temporal's SDK one port above."""
    log_level: str = "INFO"
    log_format: LogFormat = LogFormat.JSON

    @property
    def metrics_at(self) -> tuple[str, int] | None:
        """Host and port of the page with figures."""
        return None if self.metrics_port is None else (self.host, self.metrics_port)

    @property
    def vault(self) -> Vault:
        """Seals by the secret key of now, and opens by those before it too."""
        return Vault(self.secret_key, *self.former_secret_keys)

    @property
    def first_secret_key(self) -> SecretStr:
        """The one with which the deployment began: what is made from it has to stay the same."""
        return (self.secret_key, *self.former_secret_keys)[-1]

    @property
    def session_patience(self) -> SessionPatience:
        return SessionPatience(
            silent_after=timedelta(minutes=self.session_silent_after_minutes),
            endless_after=timedelta(hours=self.session_endless_after_hours),
        )

    @property
    def retention(self) -> RetentionPolicy:
        return RetentionPolicy(
            books_years=self.retention_books_years,
            vouchers_years=self.retention_vouchers_years,
            letters_years=self.retention_letters_years,
            operations_days=self.retention_operations_days,
            traffic_days=self.retention_traffic_days,
            feed_days=self.retention_feed_days,
            answers_days=self.retention_answers_days,
        )

    @field_validator("ocpi_versions")
    @classmethod
    def _are_spoken(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        build_registry(None, value)
        return value

    @field_validator("public_url")
    @classmethod
    def _is_a_base_url(cls, value: str) -> str:
        AnyHttpUrl(value)
        return value.rstrip("/")

    @field_validator("secret_key")
    @classmethod
    def _is_long_enough(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) < _SHORTEST_SECRET:
            raise ValueError(f"has to have {_SHORTEST_SECRET} characters or more")
        return value

    @field_validator("evidence_key")
    @classmethod
    def _is_long_enough_to_sign(cls, value: SecretStr | None) -> SecretStr | None:
        return None if value is None else cls._is_long_enough(value)

    @field_validator("contract_api_keys", "former_secret_keys")
    @classmethod
    def _are_long_enough(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if any(len(key.get_secret_value()) < _SHORTEST_SECRET for key in value):
            raise ValueError(f"each has to have {_SHORTEST_SECRET} characters or more")
        return value

    @field_validator("settlement_time_zone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("is not an IANA time zone") from error
        return value

    @field_validator("sides")
    @classmethod
    def _has_a_side(cls, value: frozenset[Side]) -> frozenset[Side]:
        if not value:
            raise ValueError("has to name CPO, EMSP or both")
        return value


def load() -> Settings:
    """Settings of this process. Raises SettingsError with every fault in it."""
    folder = os.environ.get(SECRETS_DIR)
    given: dict[str, Any] = {}
    if folder is not None:
        if not Path(folder).is_dir():
            raise SettingsError(f"{SECRETS_DIR}: there is no folder {folder}")
        given["_secrets_dir"] = folder
    try:
        return Settings(**given)
    except ValidationError as error:
        raise SettingsError("\n".join(_faults(error))) from None


def write_secrets(folder: Path, values: Mapping[str, str]) -> None:
    """Put settings into files for their owner alone; a process finds them by `ROAM_SECRETS_DIR`."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, value in values.items():
        path = folder / f"roam_{name}"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(value)


def _faults(error: ValidationError) -> list[str]:
    def name(location: tuple[int | str, ...]) -> str:
        return f"ROAM_{str(location[0]).upper()}" if location else "settings"

    return [
        f"{name(fault['loc'])}: " + ("is not set" if fault["type"] == "missing" else fault["msg"])
        for fault in error.errors(include_url=False, include_input=False, include_context=False)
    ]
