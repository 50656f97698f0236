"""A workflow that does nothing but have one conversation with a partner."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from workflows import patience


@workflow.defn(name="Talking")
class Talking:
    @workflow.run
    async def run(self, connection_id: str) -> str:
        return await workflow.execute_activity(
            "delivery-send",
            connection_id,
            result_type=str,
            start_to_close_timeout=timedelta(minutes=1),
            retry_policy=patience.UNTIL_IT_WORKS,
        )


@workflow.defn(name="Listening")
class Listening:
    """Does something each time that it is told to, until it was told twice."""

    @workflow.init
    def __init__(self) -> None:
        self._heard = 0

    @workflow.run
    async def run(self) -> None:
        for turn in (1, 2):
            await workflow.wait_condition(lambda: self._heard >= turn)  # noqa: B023  waited for here and now
            await workflow.execute_activity("answer-once", start_to_close_timeout=timedelta(seconds=10))

    @workflow.signal
    def said(self) -> None:
        self._heard += 1
