"""Which build of the workers a workflow runs on, where builds are told apart (Temporal worker versioning).

A deployment with `ROAM_BUILD_ID` has versioned workers: sessions and deliveries end on the build on which they began,
what lives for months moves when it begins a new run, and everything else moves at once. Workflows then go to the build
that is *current*, and while none is they go to no versioned worker at all.
"""

from typing import Final

from temporalio.api.workflowservice.v1 import DescribeWorkerDeploymentRequest
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import WorkerDeploymentConfig, WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from deploy.settings import Settings

PINNED: Final = frozenset({"CdrDelivery", "ChargingSession", "PartnerFeed", "WebhookDelivery"})
"""Workflows that stay on the build on which their run began: of the last two a new run begins on the current one."""


def deployment_config(settings: Settings) -> WorkerDeploymentConfig | None:
    """What a worker says of its build; None where builds are not told apart."""
    if settings.build_id is None:
        return None
    return WorkerDeploymentConfig(
        WorkerDeploymentVersion(settings.task_queue, settings.build_id),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )


def runner(settings: Settings) -> WorkflowRunner:
    """What runs workflows: pinned as above, where builds are told apart."""
    return SandboxedWorkflowRunner() if settings.build_id is None else _Pinning()


class _Pinning(SandboxedWorkflowRunner):
    """Says of some workflows that they are pinned. Said in their definition, it would be refused of a worker without
    a build.
    """

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        instance = super().create_instance(det)
        if det.defn.name not in PINNED:
            return instance
        decide = instance.activate

        def pinned(act: WorkflowActivation) -> WorkflowActivationCompletion:
            decided = decide(act)
            if decided.HasField("successful"):
                decided.successful.versioning_behavior = VersioningBehavior.PINNED.value
            return decided

        instance.activate = pinned  # type: ignore[method-assign]
        return instance


async def current_build(client: Client, settings: Settings) -> str | None:
    """The build to which workflows go; None when no versioned worker gets any. Raises RPCError."""
    asked = DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=settings.task_queue)
    try:
        found = await client.workflow_service.describe_worker_deployment(asked)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    return found.worker_deployment_info.routing_config.current_deployment_version.build_id or None


async def nothing_runs(client: Client, settings: Settings) -> str | None:
    """In words what has to be done before workflows run on the workers of these settings; None: nothing."""
    if settings.build_id is None or await current_build(client, settings) is not None:
        return None
    return (
        f"no build of {settings.task_queue} is current, so its workers get no workflows: "
        f"`temporal worker deployment set-current-version --namespace {client.namespace} "
        f"--deployment-name {settings.task_queue} --build-id {settings.build_id}`"
    )
