"""Which of the tariffs of a connector applies to a session (OCPI 2.2.1 tariffs, TariffType; connectors, tariff_ids)."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from canonical.model import CanonicalModel, Finding
from canonical.tariff import Tariff


class TariffType(StrEnum):
    """For whom a tariff is. One without a type is for everybody."""

    REGULAR = "REGULAR"
    AD_HOC_PAYMENT = "AD_HOC_PAYMENT"
    PROFILE_CHEAP = "PROFILE_CHEAP"
    PROFILE_FAST = "PROFILE_FAST"
    PROFILE_GREEN = "PROFILE_GREEN"


_PROFILES = (TariffType.PROFILE_CHEAP, TariffType.PROFILE_FAST, TariffType.PROFILE_GREEN)


class TariffChoice(CanonicalModel):
    """The tariff of a session, None if there is none, and why it was chosen."""

    tariff: Tariff | None
    reason: str
    findings: tuple[Finding, ...] = ()


def choose(
    tariffs: Sequence[Tariff], start: datetime, *, ad_hoc: bool = False, profile: str | None = None
) -> TariffChoice:
    """The tariff for a session that begins at `start`, out of those of its connector in their order.

    `ad_hoc`: the driver pays on the spot and has no contract. `profile` is what a driver prefers of smart charging:
    CHEAP, FAST, GREEN or REGULAR. What OCPI leaves open is a finding: several that fit alike (the first one is taken),
    and none whose type fits (the first one in force is taken, and a person has to look).
    """
    valid = [tariff for tariff in tariffs if _is_valid(tariff, start)]
    if not valid:
        return TariffChoice(tariff=None, reason="no tariff is valid when the session begins")
    for wanted in _wanted(ad_hoc=ad_hoc, profile=profile):
        fitting = [tariff for tariff in valid if tariff.type == wanted]
        if fitting:
            reason = f"{wanted} tariff" if wanted else "tariff for every session"
            return _chosen(fitting[0], reason, _ambiguous(fitting))
    return _chosen(valid[0], "the first one in force, though its type does not fit", _unfitting(valid))


def _wanted(*, ad_hoc: bool, profile: str | None) -> Sequence[str | None]:
    """Types by preference; None is a tariff without one."""
    if ad_hoc:
        return (TariffType.AD_HOC_PAYMENT, None)
    preferred = [each for each in _PROFILES if each == f"PROFILE_{profile}"]
    return (*preferred, TariffType.REGULAR, None)


def _is_valid(tariff: Tariff, at: datetime) -> bool:
    begun = tariff.valid_from is None or tariff.valid_from <= at
    return begun and (tariff.valid_until is None or at < tariff.valid_until)


def _chosen(tariff: Tariff, reason: str, findings: tuple[Finding, ...]) -> TariffChoice:
    if tariff.alt_url is not None and tariff.type in _PROFILES:
        findings = (*findings, _INDICATIVE)
    return TariffChoice(tariff=tariff, reason=reason, findings=findings)


def _ambiguous(fitting: Sequence[Tariff]) -> tuple[Finding, ...]:
    if len(fitting) == 1:
        return ()
    ids = ", ".join(tariff.id for tariff in fitting)
    finding = Finding(
        code="tariff.ambiguous", message=f"several tariffs fit alike, and the first is taken: {ids}", where="tariff_ids"
    )
    return (finding,)


def _unfitting(valid: Sequence[Tariff]) -> tuple[Finding, ...]:
    types = ", ".join(f"{tariff.id} is {tariff.type}" for tariff in valid)
    finding = Finding(
        code="tariff.type_does_not_fit",
        message=f"no tariff of the connector is for this driver: {types}",
        where="tariff_ids",
        blocks=True,
    )
    return (finding,)


_INDICATIVE = Finding(
    code="tariff.price_indicative",
    message="a tariff that follows a profile refers to a page for its prices: its elements may be mere indications",
    where="tariff_alt_url",
)
