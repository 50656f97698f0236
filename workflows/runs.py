"""The runs of a workflow that lives for months: each is left behind while its history is still short.

A new run is the same workflow under the same id, begun with an order that says all it has to remember. What arrives
while a run ends is brought to that run first, and only then it may end: nothing falls between two.
"""

from typing import NoReturn

from temporalio import workflow

EVENTS_OF_A_RUN = 2_000
"""Half of what the server suggests (4096), and a small part of where it puts an end to a workflow (51,200)."""


def is_long(events_max: int | None) -> bool:
    """Whether a new run is due: so many events have come together, or newer code waits for one to begin.

    None: for workflows that were begun without a limit of their own, to which the server says when.
    """
    info = workflow.info()
    if events_max is None:
        return info.is_continue_as_new_suggested()
    return (
        info.get_current_history_length() >= events_max
        or info.is_continue_as_new_suggested()
        or info.is_target_worker_deployment_version_changed()
    )


def begin_anew(order: object) -> NoReturn:
    """End this run and begin the next one, with the newest code that is current."""
    workflow.continue_as_new(order, initial_versioning_behavior=workflow.ContinueAsNewVersioningBehavior.AUTO_UPGRADE)
