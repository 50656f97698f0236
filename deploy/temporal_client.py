"""The one place where a Temporal client is made, so that no two can differ in how they encode."""

from collections.abc import Mapping
from datetime import timedelta

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, UpdateNamespaceRequest
from temporalio.client import Client, Interceptor
from temporalio.contrib.opentelemetry import TracingInterceptor
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.service import RPCError, RPCStatusCode
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_exponential_jitter

from canonical.vault import Vault
from deploy.codec import data_converter

LONG_ENOUGH = timedelta(days=30)
"""A namespace should remember for this long what has ended: lists show it, and ids protect from a second start."""

_CONNECT_TIMEOUT_S = 60.0


def interceptors() -> list[Interceptor]:
    """What is put around every call, in client and worker: one trace from the edge to the activity."""
    return [TracingInterceptor()]


async def connect(vault: Vault, *, wait_s: float = _CONNECT_TIMEOUT_S) -> Client:
    """A client of the server and namespace that the SDK's own settings name (`TEMPORAL_*`, or a profile).

    Waits for a server that is coming up. Raises RuntimeError, as the SDK does, when there is none after
    `wait_s`.
    """
    found = ClientConfig.load_client_connect_config()
    return await _connect({"target_host": "localhost:7233", "namespace": "default", **found}, vault, wait_s=wait_s)


async def connect_to(address: str, namespace: str, vault: Vault, *, wait_s: float = _CONNECT_TIMEOUT_S) -> Client:
    """The same for a server whose address is known: an embedded one."""
    return await _connect({"target_host": address, "namespace": namespace}, vault, wait_s=wait_s)


async def _connect(where: ClientConnectConfig, vault: Vault, *, wait_s: float) -> Client:
    @retry(
        retry=retry_if_exception_type(RuntimeError),
        stop=stop_after_delay(wait_s),
        wait=wait_exponential_jitter(multiplier=0.1, max=2.0),
        reraise=True,
    )
    async def attempt() -> Client:
        return await Client.connect(
            where["target_host"],
            namespace=where["namespace"],
            api_key=where.get("api_key"),
            tls=where.get("tls"),
            rpc_metadata=where.get("rpc_metadata") or {},
            data_converter=data_converter(vault),
            interceptors=interceptors(),
        )

    return await attempt()


async def missing_search_attributes(client: Client, wanted: Mapping[str, str]) -> dict[str, str]:
    """Those of `wanted` (name to type) that the client's namespace does not have."""
    found = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    return {name: kind for name, kind in wanted.items() if name not in found.custom_attributes}


async def register_search_attributes(client: Client, wanted: Mapping[str, str]) -> None:
    """Add what is missing. A server that manages them elsewhere refuses: RPCError."""
    missing = await missing_search_attributes(client, wanted)
    if not missing:
        return
    types = {name: IndexedValueType.Value(f"INDEXED_VALUE_TYPE_{kind.upper()}") for name, kind in missing.items()}
    try:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=client.namespace, search_attributes=types)
        )
    except RPCError as error:
        if error.status is not RPCStatusCode.ALREADY_EXISTS:  # another process was faster
            raise


async def remembers(client: Client) -> timedelta:
    """For how long the namespace keeps what has ended. Raises RPCError."""
    found = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    return found.config.workflow_execution_retention_ttl.ToTimedelta()


async def remember_for(client: Client, period: timedelta) -> None:
    """Have the namespace keep what has ended for so long. Raises RPCError where that is decided elsewhere."""
    asked = UpdateNamespaceRequest(namespace=client.namespace)
    asked.config.workflow_execution_retention_ttl.FromTimedelta(period)
    await client.workflow_service.update_namespace(asked)
