"""What a CDR of ours becomes on its way out: its bytes, our own check of them, and what they could not say."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from adapters.contract import Adapter, InvalidWire, Parties
from adapters.conversion import losses
from adapters.differences import Difference
from adapters.document import Json
from adapters.json_writer import write_json
from canonical.cdr import Cdr, CdrDossier
from canonical.model import Finding
from canonical.session import Session
from canonical.store import CdrEmission
from canonical.tariff import Tariff
from settlement.agreement import Agreement, AmountBasis
from settlement.validation import Circumstances, Validation, validate

UNREADABLE: Final = "UNREADABLE"
"""Outcome of our own check where the adapter cannot read what it wrote. The others are those of `validation`."""

_CONTRADICTIONS: Final = frozenset(
    (
        "cdr.currency_differs",
        "cdr.gross_below_net",
        "cdr.gross_not_sum",
        "cdr.negative_amount",
        "cdr.total_not_sum",
    )
)
"""Findings by which the amounts of a CDR contradict each other, whatever its tariff says."""

_SHOWN: Final = 200
"""So many characters of a value are in a loss report: the dossier holds all of it."""

_DOSSIER_ONLY: Final = ("lines", "tariff_moments", "meter", "pricing_policy", "time_zone", "discounts", "agreement")
_HANDLES: Final = ("idempotency_key", "billing_record")
"""What a dossier says and no version of OCPI has a word for."""

_OF_THE_DRIVER: Final = ("token", "authorization_reference", "signed_data", "extensions")
"""Fields that may name the driver: told by place alone, for nobody needs a second copy of them."""

_WORDS: Final = MappingProxyType(
    {
        "lost": "the version has no word for it: it stays in the dossier",
        "changed": "the version says it otherwise: as it was it stays in the dossier",
        "filled": "the version wants something here, and this is what it got",
    }
)


@dataclass(frozen=True)
class Known:
    """What our own check goes by: the session, the tariff version that priced it, the agreement, the meter's key."""

    session: Session | None
    tariff: Tariff | None
    agreement: Agreement
    registered_key: str | None


def emission(adapter: Adapter, dossier: CdrDossier, known: Known, at: datetime) -> CdrEmission:
    """The CDR as `adapter` writes it, checked as if a partner had sent it to us. Sends nothing. Raises CannotWrite."""
    cdr = dossier.cdr
    between = Parties(cpo=cdr.owner, emsp=cdr.token.issuer_party)
    body = adapter.write(cdr)
    outcome, findings, lost = UNREADABLE, tuple[Finding, ...](), tuple[Difference, ...]()
    try:
        read = adapter.read(Cdr, body, between)
        lost = losses(adapter, cdr, between)
    except InvalidWire as error:
        findings = error.findings
    else:
        result = _check(read.value, dossier, known, at, bare=adapter.bare_amounts)
        outcome, findings = result.outcome.value, (*read.findings, *result.findings)
    return CdrEmission(
        adapter=adapter.key,
        version=adapter.version,
        body_sha256=hashlib.sha256(body).hexdigest(),
        outcome=outcome,
        findings=findings,
        losses=(*(_loss(each) for each in lost), *_kept_here(dossier)),
        at=at,
    )


def doubts(sent: CdrEmission) -> tuple[Finding, ...]:
    """For what a receiver that checks as we do would quarantine it."""
    return tuple(finding for finding in sent.findings if finding.blocks)


def contradictions(sent: CdrEmission) -> tuple[Finding, ...]:
    """Those doubts by which its money contradicts itself: such a CDR is right for nobody."""
    return tuple(finding for finding in doubts(sent) if finding.code in _CONTRADICTIONS)


def _loss(difference: Difference) -> Finding:
    """One place of the CDR that does not cross as it is."""
    personal = difference.path[0] in _OF_THE_DRIVER
    return Finding(
        code=f"loss.{difference.what}",
        message=_WORDS[difference.what],
        where=difference.where,
        expected=None if personal else _shown(difference.before),
        stated=None if personal else _shown(difference.after),
    )


def _kept_here(dossier: CdrDossier) -> Iterator[Finding]:
    """What stays with us in any version."""
    said = [name for name in _DOSSIER_ONLY if getattr(dossier, name)]
    for where in (*said, *(f"handles.{name}" for name in _HANDLES if getattr(dossier.handles, name))):
        yield Finding(code="loss.kept_here", message="OCPI has no word for it: it stays in the dossier", where=where)


def _shown(value: Json) -> str | None:
    if value is None:
        return None
    text = write_json(value).decode()
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _check(sent: Cdr, dossier: CdrDossier, known: Known, at: datetime, *, bare: bool) -> Validation:
    """By the rules for a CDR that comes to us, and with what a partner cannot know: the discounts of the session, and
    that a bare amount of ours is before tax.
    """
    terms = known.agreement.model_copy(update={"discounts": dossier.discounts, "amount_basis": AmountBasis.NET})
    return validate(
        sent,
        session=known.session,
        tariff_held=known.tariff,
        time_zone=dossier.time_zone,
        agreement=terms,
        circumstances=Circumstances(received_at=at, bare_amounts=bare, registered_key=known.registered_key),
    )
