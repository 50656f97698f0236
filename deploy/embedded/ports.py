"""Free TCP ports on the loopback address."""

import random
import socket

from deploy.embedded import EmbeddedError

LOOPBACK = "127.0.0.1"
_LOWEST, _HIGHEST = 15_000, 32_000  # below the range from which Linux takes ports for outgoing connections
_TRIES = 100


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A port that nothing listens on.

    It is taken at random, and from below the ephemeral range, so that it is most likely still free when a
    server that was killed comes back for it.
    """
    chooser = random.SystemRandom()
    for _ in range(_TRIES):
        port = chooser.randrange(_LOWEST, _HIGHEST)
        if is_free(port):
            return port
    raise EmbeddedError(f"no free TCP port found between {_LOWEST} and {_HIGHEST}")
