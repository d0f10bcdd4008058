"""Issue visual tokens for devices of Tuya IoT on Alibaba Cloud."""

from typing import Annotated, Any

from prefect.client.schemas.objects import State
from pydantic import BaseModel, ConfigDict, Field

from flows.parameters import AccountName, Described, DryRun, Id, RunKey
from tasks.access import conclude_writes
from tasks.run.flow import RunRed, flow
from tasks.run.run import final_state, running
from tasks.visual_tokens import issue_visual_tokens as issue
from tuyahouse.cloud.calls.visual_tokens import VisualDevice


class Device(BaseModel):
    """A device as Tuya IoT on Alibaba Cloud names it."""

    model_config = ConfigDict(extra="forbid")

    product_key: Annotated[Id, Described("Product key")]
    device_name: Annotated[Id, Described("Name of the device under that product key")]


Path = Annotated[
    str | None, Described("CSV, Excel or Parquet file with product_key and device_name, as the worker sees it")
]
Devices = Annotated[
    Annotated[list[Device], Field(min_length=1, max_length=1000)] | None,
    Described('Devices, if no file is given: [{"product_key": "…", "device_name": "…"}, …]'),
]


@flow(name="issue_visual_tokens", flow_run_name="visual tokens {account}")
async def issue_visual_tokens(
    account: AccountName = None,
    run_key: RunKey = None,
    dry_run: DryRun = True,
    path: Path = None,
    devices: Devices = None,
) -> State[Any]:
    """Issues a visual token for each device that has none, or whose token has less than half of its life left.

    Tokens go to files in TUYAHOUSE_TOKEN_DIR (or to Secret blocks, by TUYAHOUSE_TOKEN_STORE) and nowhere else. Devices
    for which Tuya sends none are named. By default it is a dry run; writing also needs ALLOW_WRITES=true in the
    account's settings.
    """
    named = [VisualDevice(one.product_key, one.device_name) for one in devices or ()]
    asked_for = {"path": path, "devices": [one._asdict() for one in named] or None, "dry_run": dry_run}
    async with running("issue_visual_tokens", account, run_key, asked_for, keys=tuple(asked_for)) as run:
        if bool(path) == bool(named):
            raise RunRed("Name either a file (path) or devices.")
        await conclude_writes(run, await issue(run.run, named, path, dry_run), dry_run)
    return final_state(run)
