"""What can go wrong in the store, in words that its callers act on."""


class StoreError(Exception):
    """Base of everything that the store raises on purpose. The message never holds a secret."""


class NotFound(StoreError):
    """Nothing is stored under this key."""


class AlreadyExists(StoreError):
    """Something else is stored under this key, and what is stored there does not change."""


class IdempotencyConflict(StoreError):
    """An idempotency key came back with another request than the one it was first used for."""


class Unbalanced(StoreError):
    """The postings of a ledger entry do not sum to zero in every currency."""


class Unstorable(StoreError):
    """A text holds a NUL character, which PostgreSQL keeps in no text and no JSON document; or it is far too long."""


class BilledTwice(StoreError):
    """A session has its CDR, or a CDR its credit, under another id already: a second one would be owed twice."""


class StoreUnavailable(StoreError):
    """The database does not answer, or it gave this transaction up; the same transaction may succeed later."""


class Overtaken(StoreUnavailable):
    """Somebody else has changed what this transaction was based on; nothing of it is kept. Repeated, it succeeds."""
