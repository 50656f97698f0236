"""Which numbers of a kind of record the log knew, and since when."""

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import datetime

from canonical.store.log.leaves import LOWEST
from canonical.store.log.log import LATE


@dataclass
class Seen:
    """The highest number of one kind in the log, batch by batch, each with the time of the batch."""

    numbers: list[int] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)
    newest: datetime | None = None

    @property
    def highest(self) -> int:
        return self.numbers[-1] if self.numbers else LOWEST

    @property
    def long_reached(self) -> int:
        """The highest number that was in the log long before its newest checkpoint."""
        if self.newest is None:
            return LOWEST
        place = bisect_right(self.times, self.newest - LATE)
        return self.numbers[place - 1] if place else LOWEST

    def note(self, number: int, at: datetime) -> bool:
        """Note a number of the next batch. False where a higher one had come long before."""
        if number > self.highest:
            if self.times and self.times[-1] == at:
                self.numbers[-1] = number
            else:
                self.numbers.append(number)
                self.times.append(at)
            return True
        first_above = bisect_right(self.numbers, number)
        return first_above == len(self.numbers) or at - self.times[first_above] <= LATE
