"""Pull one module of a partner, page by page, with a cursor that survives a crash."""

from dataclasses import dataclass

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.resync import Cursor, ResyncActivities
    from workflows import patience
    from workflows.search_attributes import tell


@dataclass(frozen=True)
class ResyncOrder:
    connection_id: str
    module: str
    cursor: str | None = None
    pulled: int = 0
    pages: int = 0


PAGES_MAX = 10_000
"""A list longer than this is taken for a circle (1,000,000 objects at 100 a page)."""


@workflow.defn(name="Resync")
class Resync:
    """Ends with the number of objects pulled. The workflow's own state is the cursor."""

    @workflow.run
    async def run(self, order: ResyncOrder) -> int:
        cursor, pulled, pages = order.cursor, order.pulled, order.pages
        while True:
            tell("PULLING", f"page {pages + 1} of {order.module} ({pulled} objects so far)")
            page = await workflow.execute_activity_method(
                ResyncActivities.pull_page,
                Cursor(order.connection_id, order.module, cursor),
                start_to_close_timeout=patience.PARTNER_TIMEOUT,
                heartbeat_timeout=patience.PARTNER_SILENCE,
                retry_policy=patience.UNTIL_IT_WORKS,
                summary=f"GET {order.module}, page {pages + 1}",
            )
            before, cursor = cursor, page.next_url
            pulled, pages = pulled + page.pulled, pages + 1
            if cursor is None:
                tell("PULLED", "nothing")
                return pulled
            if cursor == before or pages >= PAGES_MAX:
                tell("CIRCLE", "nobody: the partner's pages do not end", "ask the partner", attention=True)
                raise ApplicationError(f"the pages of {order.module} do not end", type="EndlessPages")
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(ResyncOrder(order.connection_id, order.module, cursor, pulled, pages))
