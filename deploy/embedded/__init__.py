"""PostgreSQL and Temporal out of wheels, for development, the demo and the tests: no daemon, no container."""


class EmbeddedError(Exception):
    """An embedded server did not start or did not stop; the message holds the end of its log."""
