"""All flows by name: what `python -m flows` runs and `prefect.yaml` deploys."""

from typing import Any

from prefect import Flow

from flows.drain_messages import drain_messages
from flows.grant_access import grant_access
from flows.issue_visual_tokens import issue_visual_tokens
from flows.manage_device_persons import manage_device_persons
from flows.manage_users import manage_users
from flows.nightly_sync import nightly_sync
from flows.prune import prune
from flows.reconcile_commands import reconcile_commands
from flows.redrive_dead_letters import redrive_dead_letters
from flows.replay import replay
from flows.send_command import send_command
from flows.set_device_functions import set_device_functions
from flows.sync_accounts import sync_accounts
from flows.sync_devices import sync_devices
from flows.sync_serial_numbers import sync_serial_numbers
from flows.sync_sn_flows import sync_sn_flows

FLOWS: dict[str, Flow[Any, Any]] = {
    flow.name: flow
    for flow in (
        nightly_sync,
        sync_serial_numbers,
        sync_sn_flows,
        sync_devices,
        sync_accounts,
        reconcile_commands,
        drain_messages,
        replay,
        redrive_dead_letters,
        prune,
        grant_access,
        manage_users,
        manage_device_persons,
        set_device_functions,
        send_command,
        issue_visual_tokens,
    )
}
