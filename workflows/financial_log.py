"""Bring what is new into the log of financial records, and sign it. A schedule runs this every minute.

Another one looks once a day for what that may have missed.
"""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.financial_log import LogActivities, Logged, LogOrder
    from workflows import patience


@workflow.defn(name="FinancialLog")
class FinancialLog:
    """Ends with how many records it added; what failed is made good by the next one."""

    @workflow.run
    async def run(self, order: LogOrder | None = None) -> Logged:
        return await workflow.execute_activity_method(
            LogActivities.extend,
            order or LogOrder(),
            start_to_close_timeout=patience.LOG_TIMEOUT,
            retry_policy=patience.ONCE,
        )
