"""Words of a list that this version does not have: its writer leaves them out, so they are kept where they came."""

from collections.abc import Iterator
from enum import StrEnum

from adapters.document import Json, Path
from adapters.ocpi.wire.words import listed


def unlisted(field: str, words: tuple[str, ...], vocabulary: type[StrEnum]) -> Iterator[tuple[Path, Json]]:
    """Place and word of each."""
    for position, word in enumerate(words):
        if word not in listed(vocabulary):
            yield (field, position), word
