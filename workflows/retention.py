"""Let go of what nobody may keep any more. A schedule runs this once a day."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.retention import LetGo, RetentionActivities
    from workflows import patience


@workflow.defn(name="Retention")
class Retention:
    """Ends with what went; what was left is taken by the next one."""

    @workflow.run
    async def run(self) -> LetGo:
        return await workflow.execute_activity_method(
            RetentionActivities.let_go,
            start_to_close_timeout=patience.RETENTION_TIMEOUT,
            heartbeat_timeout=patience.PARTNER_SILENCE,
            retry_policy=patience.ONCE,
        )
