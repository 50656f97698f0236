"""Signed meter readings, by which the energy of a charging period is divided where the price changes within it."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from canonical.model import Finding
from settlement.pricing.breakdown import Sample
from settlement.pricing.exact import Exact, micros, millionths
from settlement.pricing.schedule import Leg


class Part(NamedTuple):
    """A part of a leg between two moments at which the energy is known.

    `uncertain` is the energy between the samples before and after it, within which the true energy lies; None: there is
    not one on either side.
    """

    leg: Leg
    uncertain: Exact | None


class Samples:
    """The samples of one charge, in order of time."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        taken = sorted({(micros(sample.at), millionths(sample.kwh)) for sample in samples})
        self._times = [at for at, _ in taken]
        self._kwh = [kwh for _, kwh in taken]
        self.findings: tuple[Finding, ...] = ()
        if any(later < earlier for earlier, later in pairwise(self._kwh)):
            self.findings = (_CONTRADICTION,)
            self._times, self._kwh = [], []

    def parts(self, leg: Leg) -> Iterator[Part]:
        """`leg` cut at the samples within it. Where no energy flowed there is nothing to be uncertain of."""
        if leg.kwh_from == leg.kwh_to:
            yield Part(leg, 0)
            return
        inner = self._times[bisect_right(self._times, leg.start) : bisect_left(self._times, leg.end)]
        knots = [leg.start, *inner, leg.end]
        for start, end in pairwise(knots):
            before, after = bisect_right(self._times, start) - 1, bisect_left(self._times, end)
            if before < 0 or after == len(self._times):
                yield Part(Leg(start, end, self._at(start, leg), self._at(end, leg)), None)
            else:
                energies = self._at(start, leg), self._at(end, leg)
                yield Part(Leg(start, end, *energies), self._kwh[after] - self._kwh[before])

    def _at(self, at: Exact, leg: Leg) -> Exact:
        """The energy at a moment of `leg`: what the charging period says at its ends, a sample in between."""
        if at == leg.start:
            return leg.kwh_from
        if at == leg.end:
            return leg.kwh_to
        kwh = self._kwh[bisect_right(self._times, at) - 1]
        return min(max(kwh, leg.kwh_from), leg.kwh_to)


_CONTRADICTION = Finding(
    code="pricing.samples_contradict",
    message="the signed meter readings go backwards, and no charging period was split by them",
    where="samples",
    blocks=True,
)
