"""Pull one module of a partner, page by page, with a cursor that survives a crash.

A full sweep reads the whole list, and what is on it no longer is counted as missing at the end; a delta reads what
has changed since the last time. Both store the same way, so that reading something twice does no harm.
"""

from dataclasses import dataclass, replace

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.resync import CrawlOrder, Cursor, Finished, Progress, ResyncActivities
    from adapters.transport.crawl import Place
    from workflows import patience, runs
    from workflows.reasons import reason_of
    from workflows.search_attributes import tell


@dataclass(frozen=True)
class ResyncOrder:
    """`cursor` is the place of a walk that was begun without a `crawl`, `place` that of one with it.

    `events_max`: when a run is left behind.
    """

    connection_id: str
    module: str
    cursor: str | None = None
    pulled: int = 0
    pages: int = 0
    delta: bool = False
    crawl: int | None = None
    place: Place | None = None
    events_max: int | None = None


PAGES_MAX = 10_000
"""A list longer than this is taken for a circle (1,000,000 objects at 100 a page)."""


@workflow.defn(name="Resync")
class Resync:
    """Ends with the number of objects pulled. The workflow's own state is the cursor."""

    @workflow.run
    async def run(self, order: ResyncOrder) -> int:
        if workflow.patched("crawl"):
            return await self._crawl(order)
        return await self._pull(order)

    async def _crawl(self, order: ResyncOrder) -> int:
        try:
            number = order.crawl if order.crawl is not None else await self._begin(order)
            place, pulled = order.place or Place(), order.pulled
            while True:
                tell("PULLING", f"page {place.page} of {order.module} ({pulled} objects so far)")
                page = await self._page(Cursor(order.connection_id, order.module, crawl=number, place=place))
                pulled += page.pulled
                if page.place is None:
                    return self._told(order, pulled, await self._finish(number))
                place = page.place
                if runs.is_long(order.events_max):
                    events_max = order.events_max or runs.EVENTS_OF_A_RUN
                    runs.begin_anew(replace(order, crawl=number, place=place, pulled=pulled, events_max=events_max))
        except ActivityError as failure:
            reason = reason_of(failure)
            tell(
                "REFUSED", f"the partner: {reason}", "see to the connection; it is tried again by plan", attention=True
            )
            raise

    async def _begin(self, order: ResyncOrder) -> int:
        info = workflow.info()
        begun = await workflow.execute_activity_method(
            ResyncActivities.begin,
            CrawlOrder(order.connection_id, order.module, info.first_execution_run_id, order.delta),
            start_to_close_timeout=patience.STORE_TIMEOUT,
            summary=f"note when the walk through {order.module} begins",
        )
        return begun.crawl

    async def _page(self, cursor: Cursor) -> Progress:
        return await workflow.execute_activity_method(
            ResyncActivities.pull_page,
            cursor,
            start_to_close_timeout=patience.PARTNER_TIMEOUT,
            heartbeat_timeout=patience.PARTNER_SILENCE,
            retry_policy=patience.UNTIL_IT_WORKS,
            summary=f"GET {cursor.module}, page {cursor.place.page}",
        )

    async def _finish(self, number: int) -> Finished:
        return await workflow.execute_activity_method(
            ResyncActivities.finish,
            number,
            start_to_close_timeout=patience.STORE_TIMEOUT,
            summary="count what is missing",
        )

    def _told(self, order: ResyncOrder, pulled: int, finished: Finished) -> int:
        what = f"{'changes' if order.delta else 'all'} of {order.module}: {finished.text}"
        if finished.whole:
            tell("PULLED", f"nothing ({what})")
        else:
            tell("PULLED_IN_PART", f"nothing ({what})", "see the open case on this list", attention=True)
        return pulled

    async def _pull(self, order: ResyncOrder) -> int:
        """Walks that were begun before walks were noted in the store."""
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
