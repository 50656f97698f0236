"""How long each kind of work may take and how often it is tried again: one place, so that they can be compared."""

from datetime import timedelta

from temporalio.common import RetryPolicy

STORE_TIMEOUT = timedelta(seconds=10)
"""Work on our own database: short, and tried until the database is back."""

PARTNER_TIMEOUT = timedelta(seconds=60)
"""One attempt at a conversation with a partner."""

PARTNER_SILENCE = timedelta(seconds=4)
"""A conversation that has not been heard of for so long is taken to have died with its worker."""

ONCE = RetryPolicy(maximum_attempts=1)
"""For steps whose failure the workflow itself explains and repeats."""

UNTIL_IT_WORKS = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2.0, maximum_interval=timedelta(minutes=5)
)

AT_ONCE = RetryPolicy(initial_interval=timedelta(seconds=1), backoff_coefficient=2.0, maximum_attempts=3)
"""For a step that is done within the decision itself: a database that is away for longer is waited for otherwise."""

LOOK_TIMEOUT = timedelta(minutes=2)
"""One look after a session: a partner's list of what has changed since, some pages of it at most."""

LOOK_PERIOD = timedelta(minutes=10)
"""A look that does not come about in so long is left to the next one."""

DELIVERY_TIMEOUT = timedelta(minutes=3)
"""One attempt to deliver a CDR: to look for it, to send it, and to read it back."""

DELIVERY_PERIOD = timedelta(days=90)
"""A CDR that could not be delivered for so long is parked for a person (usual limit in roaming contracts)."""

FEED_SHIFT = timedelta(minutes=8)
"""One stay at a partner's outbox, which ends itself long before (`activities.attendance`)."""

FEED_PERIOD = timedelta(minutes=15)
"""A partner that has not taken what is in its outbox for so long is shown to a person, and tried again."""

RESULT_PERIOD = timedelta(hours=1)
"""The result of a command that could not be told for so long is of no use to the driver who gave it."""

WHILE_SOMEBODY_WAITS = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2.0, maximum_interval=timedelta(seconds=30)
)

LONGEST_PAUSE = timedelta(minutes=5)
"""The longest pause between attempts at a step that a person may be watching."""

UNWATCHED_PAUSE = timedelta(hours=1)
"""The longest pause once nobody seems to be watching."""

WATCHED_ATTEMPTS = 300
"""So many attempts at a step, about a day of them, are made as if a person were watching."""

PARTNER_CALLS_WITHIN = timedelta(minutes=10)
"""How long a partner's first call with the token that we issued is waited for. Who only listens makes none."""

PARTNER_RETURNS_WITHIN = timedelta(days=7)
"""A partner whose registration was refused may mend its side and come again; after this it is not waited for."""

LEAVING_PAUSE = timedelta(hours=1)
"""The longest pause between attempts to tell a partner that a registration has ended."""

HUB_CLIENTS_WITHIN = timedelta(minutes=2)
"""How long after a handshake the list of a hub's clients is waited for, before what they own is pulled."""

LEAVING_PERIOD = timedelta(days=1)
"""How long a partner is tried that has to hear of the end of a registration; then the tokens are destroyed anyway."""

WEBHOOK_TIMEOUT = timedelta(minutes=20)
"""One run of deliveries to one receiver, each of which takes some seconds at most."""

WEBHOOK_PERIOD = timedelta(days=3)
"""A receiver that has not taken an event for so long is paused until a person has seen to it."""

LOG_TIMEOUT = timedelta(minutes=2)
"""One extension of the log of financial records, which ends itself long before."""

RETENTION_TIMEOUT = timedelta(hours=2)
"""One night's letting go of what is due; it beats while it works."""

CDR_EXPECTED_WITHIN = timedelta(days=1)
"""How long after a session's end its CDR is not called late."""


def pause_before_attempt(attempt: int, longest: timedelta = LONGEST_PAUSE) -> timedelta:
    """1 s, 2 s, 4 s … 5 min between attempts at a step that a person may be watching."""
    return min(timedelta(seconds=2 ** min(attempt - 1, 12)), longest)
