"""Find what a crash between a commit and its signal left unattended, and set it going again.

A write is committed before its workflow is told. If the process dies in between, or Temporal cannot be reached, the
store knows of something that no workflow looks after. A schedule runs this every few seconds for what is recent, and
another one every few minutes for everything.
"""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.sweep import SweepActivities, SweepOrder, Swept
    from workflows import patience


@workflow.defn(name="Sweep")
class Sweep:
    """Ends with what it woke; a failed sweep is made good by the next one."""

    @workflow.run
    async def run(self, order: SweepOrder | None = None) -> Swept:
        return await workflow.execute_activity_method(
            SweepActivities.wake_unattended,
            order or SweepOrder(),
            start_to_close_timeout=patience.STORE_TIMEOUT,
            retry_policy=patience.ONCE,
        )
