"""The attributes by which workflows are found in the Temporal UI, and the words that tell a person where one stands.

Set at start and on a change of state only. They are stored in clear: ids and states, never a token or a driver.
"""

from collections.abc import Mapping

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

CONNECTION = SearchAttributeKey.for_keyword("RoamConnection")
"""Connection id: whom it is about."""
OBJECT = SearchAttributeKey.for_keyword("RoamObject")
"""Key of the session, CDR, statement or month it looks after."""
STATE = SearchAttributeKey.for_keyword("RoamState")
"""Where it stands, one word."""
ATTENTION = SearchAttributeKey.for_bool("RoamAttention")
"""True while it cannot go on without a person, or without something outside that is late."""

REGISTERED: Mapping[str, str] = {
    CONNECTION.name: "Keyword",
    OBJECT.name: "Keyword",
    STATE.name: "Keyword",
    ATTENTION.name: "Bool",
}
"""Name and type of each, as a namespace has to know them."""


def at_start(connection_id: str, about: str) -> TypedSearchAttributes:
    """What a workflow is started with."""
    return TypedSearchAttributes([SearchAttributePair(CONNECTION, connection_id), SearchAttributePair(OBJECT, about)])


def tell(state: str, waiting_for: str, next_action: str = "nothing to do", *, attention: bool = False) -> None:
    """Say in the Temporal UI where the current workflow stands: state, what it waits for, what a person can do."""
    workflow.upsert_search_attributes([STATE.value_set(state), ATTENTION.value_set(attention)])
    workflow.set_current_details(f"**{state}**\n\n- waiting for: {waiting_for}\n- next action: {next_action}\n")
