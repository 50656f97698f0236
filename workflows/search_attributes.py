"""The attributes by which workflows are found in the Temporal UI, and the words that tell a person where one stands.

Set at start and on a change of state only. They are stored in clear: ids and states, never a token or a driver.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributePair, SearchAttributeUpdate, TypedSearchAttributes

CONNECTION = SearchAttributeKey.for_keyword("RoamConnection")
"""Connection id: whom it is about."""
OBJECT = SearchAttributeKey.for_keyword("RoamObject")
"""Key of the session, CDR, statement or month it looks after."""
STATE = SearchAttributeKey.for_keyword("RoamState")
"""Where it stands, one word."""
ATTENTION = SearchAttributeKey.for_bool("RoamAttention")
"""True while it cannot go on without a person, or without something outside that is late."""
SINCE = SearchAttributeKey.for_datetime("RoamSince")
"""Since when it has been in its state (UTC)."""
DEADLINE = SearchAttributeKey.for_datetime("RoamDeadline")
"""When it will do something by itself if nothing happens: try again, ask, or give up (UTC). Absent: never."""

REGISTERED: Mapping[str, str] = {
    CONNECTION.name: "Keyword",
    OBJECT.name: "Keyword",
    STATE.name: "Keyword",
    ATTENTION.name: "Bool",
    SINCE.name: "Datetime",
    DEADLINE.name: "Datetime",
}
"""Name and type of each, as a namespace has to know them."""


_WAITING_FOR, _NEXT_ACTION = "\n\n- waiting for: ", "\n- next action: "


def at_start(connection_id: str, about: str) -> TypedSearchAttributes:
    """What a workflow is started with that says itself where it stands."""
    return TypedSearchAttributes([SearchAttributePair(CONNECTION, connection_id), SearchAttributePair(OBJECT, about)])


def standing_at_start(connection_id: str, about: str, state: str, since: datetime) -> TypedSearchAttributes:
    """The same with its first word of where it stands: said again by the workflow, it costs no event."""
    standing = (
        SearchAttributePair(STATE, state),
        SearchAttributePair(ATTENTION, value=False),
        SearchAttributePair(SINCE, since),
    )
    return TypedSearchAttributes([*at_start(connection_id, about), *standing])


def tell(
    state: str,
    waiting_for: str,
    next_action: str = "nothing to do",
    *,
    attention: bool = False,
    deadline: datetime | None = None,
) -> None:
    """Say in the Temporal UI where the current workflow stands: state, what it waits for, what a person can do.

    Said again without a change of state it costs no event, unless the workflow was started before that was so.
    """
    by = "" if deadline is None else f" (by {deadline:%Y-%m-%d %H:%M} UTC)"
    workflow.set_current_details(f"**{state}**{_WAITING_FOR}{waiting_for}{by}{_NEXT_ACTION}{next_action}\n")
    found = workflow.info().typed_search_attributes
    if found.get(SINCE) is None:
        _count(state)
        workflow.upsert_search_attributes([STATE.value_set(state), ATTENTION.value_set(attention)])
        return
    if (found.get(STATE), found.get(ATTENTION), found.get(DEADLINE)) == (state, attention, deadline):
        return
    changed: list[SearchAttributeUpdate[Any]] = [STATE.value_set(state), ATTENTION.value_set(attention)]
    if found.get(STATE) != state:
        _count(state)
        changed.append(SINCE.value_set(workflow.now()))
    if found.get(DEADLINE) != deadline:
        changed.append(DEADLINE.value_unset() if deadline is None else DEADLINE.value_set(deadline))
    workflow.upsert_search_attributes(changed)


def _count(state: str) -> None:
    """Sessions by state, deliveries by outcome, steps that are stuck: the type of the workflow is with the meter."""
    meter = workflow.metric_meter()
    meter.create_counter("roam_state_changes", "Changes of state of the durable processes").add(1, {"state": state})


def words_of(details: str) -> tuple[str, str] | None:
    """What a workflow waits for and what a person can do, out of details that `tell` wrote; None for others."""
    _, _, words = details.partition(_WAITING_FOR)
    waiting_for, found, next_action = words.rpartition(_NEXT_ACTION)
    return (waiting_for, next_action.rstrip("\n")) if found else None
