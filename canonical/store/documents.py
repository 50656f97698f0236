"""How a canonical model becomes a document, and by which digest it is recognised.

A document is the model's own JSON text. Decimals are strings in it, so no digit is ever lost; JSONB may
order its keys as it likes, since reading goes through the model, and every digest is taken from the text
that the model writes, never from what the database returns.
"""

import hashlib
import re

from canonical.model import CanonicalModel
from canonical.store.errors import Unstorable

_ESCAPED = "\\u0000"
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def text_of(model: CanonicalModel) -> str:
    """The canonical JSON text of a model. Raises Unstorable when it holds a NUL character."""
    text = model.model_dump_json()
    if _ESCAPED in text and _NUL.search(text):  # the search alone takes longer than all else
        raise Unstorable(f"a {type(model).__name__} holds a NUL character")
    return text


def sha256_of(model: CanonicalModel) -> str:
    """Digest of the canonical JSON text, in hexadecimal."""
    return hashlib.sha256(model.model_dump_json().encode()).hexdigest()
