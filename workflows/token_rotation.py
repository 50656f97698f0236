"""Renew the tokens of partners whose tokens have grown old. A schedule runs this once a day."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.token_rotation import TokenRotationActivities
    from workflows import patience


@workflow.defn(name="TokenRotation")
class TokenRotation:
    """Ends with how many renewals were begun; each is a handshake of its own. A failed run is made good by the next."""

    @workflow.run
    async def run(self) -> int:
        return await workflow.execute_activity_method(
            TokenRotationActivities.begin,
            start_to_close_timeout=patience.PARTNER_TIMEOUT,
            retry_policy=patience.ONCE,
        )
