"""``tuyahouse explain``: where the rows of a serial number, a device or a command come from, down to the bytes."""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from tuyahouse.cli.context import AccountName, open_warehouse, read_settings
from tuyahouse.cli.output import said, say, show
from tuyahouse.cli.words import stopped
from tuyahouse.warehouse.commands.explain import ExplainedCommand, explain_command
from tuyahouse.warehouse.devices.explain import ExplainedDevice, explain_device
from tuyahouse.warehouse.devices.inventory import DETAIL_SUFFIXES, DETAILS
from tuyahouse.warehouse.ledgers import raw_blocks, runs
from tuyahouse.warehouse.serial_numbers.explain import Explanation, explain_sn

RAW_SHOWN = 4000
STEP = (
    "happened_at",
    "node",
    "node_desc",
    "status",
    "order_code",
    "craft_line_code",
    "gone_at",
    "first_run",
    "last_run",
)
RUN = ("run_id", "flow", "run_key", "status", "started_at", "ended_at")
LETTER = ("reason", "code", "message", "attempts", "last_seen_at", "resolved_at")
CHANGE = ("at", "what", "before", "after", "run")
OBSERVATION = ("happened_at", "source", "process_status", "message", "observed_at", "cmd_biz_type", "data")
MESSAGE = ("received_at", "published_at", "trace_id", "format", "verdict", "message_id")


class What(StrEnum):
    SN = "sn"
    DEVICE = "device"
    COMMAND = "command"


def explain(
    account: AccountName,
    key: Annotated[
        list[str],
        typer.Argument(metavar="[sn|device|command] KEY", help="A serial number; or device and its id; or command …"),
    ],
    raw: Annotated[
        bool, typer.Option("--raw", help="Print only the newest answer or message, byte for byte as it came.")
    ] = False,
) -> None:
    """Show everything the warehouse holds on a serial number, a device or a command, and where it comes from.

    Its row, what changed when, the runs and messages that wrote it, when Tuya was called and the tid of the answer.

    Example:

    \b
      tuyahouse explain -a factory YZCB04ZZR00001
      tuyahouse explain -a factory YZCB04ZZR00001 --raw
      tuyahouse explain -a factory device 6c0a1b2c3d4e5f
      tuyahouse explain -a factory command 1790000000000000001
    """
    kind, name = _asked_for(key)
    settings = read_settings()
    with open_warehouse(settings) as warehouse:
        # No call is made, so an account that the warehouse knows needs no settings.
        account = account.lower() if account.lower() in runs.accounts(warehouse) else settings.account(account).name
        with warehouse.read() as conn:
            if kind is What.DEVICE:
                _device(explain_device(conn, account, name, _answers_of(name)), account, raw)
            elif kind is What.COMMAND:
                _command(explain_command(conn, account, name), account, raw)
            else:
                _sn(explain_sn(conn, account, name), account, raw)


def _asked_for(words: Sequence[str]) -> tuple[What, str]:
    """A key alone is a serial number."""
    kinds = tuple(What)
    if len(words) == 1 and words[0] not in kinds:
        return What.SN, words[0].strip()
    if len(words) != 2:
        raise typer.BadParameter("name one thing: tuyahouse explain device KEY", param_hint="KEY")
    if words[0] not in kinds:
        raise typer.BadParameter(f"{words[0]!r} is none of sn, device and command", param_hint="KEY")
    return What(words[0]), words[1].strip()


def _answers_of(device_id: str) -> list[tuple[str, str]]:
    """Kind and key of the answers that are kept of a device: of its list, its details and its serial numbers."""
    details = [(DETAILS, device_id + suffix) for suffix in DETAIL_SUFFIXES]
    return [("devices", device_id), *details, ("device_sn", device_id)]


def _write(body: bytes) -> None:
    sys.stdout.buffer.write(body)
    sys.stdout.buffer.flush()


# ------------------------------------------------------------------------------------------------------- serial number


def _sn(found: Explanation, account: str, raw: bool) -> None:
    if raw:
        if found.answer is None:
            raise stopped(f"No answer of Tuya about {found.sn} is kept: it was never asked, or prune has deleted it.")
        _write(found.answer.body)
    elif found.registry or found.steps or found.dead_letters or found.answer:
        _show_sn(found)
    else:
        raise stopped(f"The warehouse holds nothing on {found.sn}: register it with `tuyahouse sn add -a {account} …`.")


def _show_sn(found: Explanation) -> None:
    if found.registry:
        show("Registry", ("column", "value"), ((name, said(value)) for name, value in found.registry.items()))
    else:
        say(f"{found.sn} is not registered.")
    if found.craft_line:
        show("Craft line of its work order", ("column", "value"), ((n, said(v)) for n, v in found.craft_line.items()))
    _rows("Steps (UTC)", STEP, found.steps)
    _rows("Runs that wrote them (UTC)", RUN, found.runs)
    _rows("Dead letters (UTC)", LETTER, found.dead_letters)
    if found.answer is None:
        say("No answer of Tuya is kept.")
        return
    say(f"Newest answer that changed something, stored {said(found.answer.stored_at)} UTC in {found.answer.block_id}:")
    _body(found.answer)


# -------------------------------------------------------------------------------------------------------------- device


def _device(found: ExplainedDevice, account: str, raw: bool) -> None:
    if raw:
        if not found.answers:
            raise stopped(
                f"No answer of Tuya about {found.device_id} is kept: only messages named it, or prune has deleted it."
            )
        _write(max((answer for _, answer in found.answers), key=lambda one: one.stored_at).body)
        return
    if not found.is_known:
        raise stopped(
            f"The warehouse holds nothing on the device {found.device_id}: read the lists with "
            f"`python -m flows sync_devices -p account={account}`."
        )
    _row("Device", found.row, f"{found.device_id} is in no list that was read; messages or links name it.")
    _rows("What changed when (UTC)", CHANGE, found.changes)
    _rows("Serial numbers (UTC)", ("sn", "source", "seen_at", "first_run"), found.links)
    _rows(
        "Functions", ("function_code", "function_name", "enabled", "gone_at", "first_run", "last_run"), found.functions
    )
    _rows("Newest presence (UTC)", ("happened_at", "online", "source", "message_id"), found.presence)
    _rows("Newest bindings (UTC)", ("happened_at", "event", "uid", "project_id", "message_id"), found.bindings)
    _rows("Newest events (UTC)", ("happened_at", "code", "value", "message_id"), found.events)
    _rows("Messages that report it (UTC)", MESSAGE, found.messages)
    _rows("Runs that wrote it (UTC)", RUN, found.runs)
    _rows("Dead letters (UTC)", LETTER, found.dead_letters)
    for kind, answer in found.answers:
        say(
            f"Newest answer of {kind} that changed something, stored {said(answer.stored_at)} UTC in {answer.block_id}:"
        )
        _call(answer)
    say("--raw prints the newest answer as it came; it may hold credentials (extend_data)." if found.answers else "")


# ------------------------------------------------------------------------------------------------------------- command


def _command(found: ExplainedCommand, account: str, raw: bool) -> None:
    if raw:
        _write(_newest_bytes(found))
        return
    if not found.is_known:
        raise stopped(
            f"The warehouse holds nothing on the command {found.command_sn}: name it with "
            f"`tuyahouse commands add -a {account} …`."
        )
    _row("Command", found.row, f"{found.command_sn} is not followed.")
    _rows("What was reported about it (UTC)", OBSERVATION, found.observations)
    _rows("Messages that report it (UTC)", MESSAGE, found.messages)
    _rows("Runs that wrote it (UTC)", RUN, found.runs)
    _rows("Dead letters (UTC)", LETTER, found.dead_letters)
    if found.answer is None:
        say("No answer of the API about it is kept: it never brought a status, or prune has deleted it.")
    else:
        say(
            f"Newest answer of the API with news, stored {said(found.answer.stored_at)} UTC in {found.answer.block_id}:"
        )
        _body(found.answer)


def _newest_bytes(found: ExplainedCommand) -> bytes:
    """The newest answer or message: of both, the one that came last."""
    kept = [(found.answer.stored_at, found.answer.body)] if found.answer else []
    kept += [(each["received_at"], bytes(each["payload"])) for each in found.messages]
    if not kept:
        raise stopped(
            f"No answer and no message about the command {found.command_sn} is kept: it was never asked, or prune has "
            "deleted them."
        )
    return max(kept)[1]


# --------------------------------------------------------------------------------------------------------------- shown


def _row(title: str, row: dict[str, Any] | None, otherwise: str) -> None:
    if row is None:
        say(otherwise)
        return
    show(title, ("column", "value"), ((name, said(value)) for name, value in row.items() if value is not None))


def _rows(title: str, columns: Sequence[str], rows: list[dict[str, Any]]) -> None:
    if rows:
        show(title, columns, ([row[name] for name in columns] for row in rows))


def _body(answer: raw_blocks.Found) -> None:
    """The call and the bytes, cut where they are many."""
    _call(answer)
    more = len(answer.body) - RAW_SHOWN
    shown = answer.body[:RAW_SHOWN].decode(errors="replace")
    say(shown + (f" … {more:,} bytes more: --raw" if more > 0 else ""))


def _call(answer: raw_blocks.Found) -> None:
    """When Tuya answered and its tid, where the bytes are a whole answer."""
    try:
        sent = json.loads(answer.body)
        at, tid = sent.get("t"), sent.get("tid")
        called = f"{datetime.fromtimestamp(int(at) / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC" if at else ""
    except (ValueError, TypeError, AttributeError, OverflowError, OSError):
        return
    parts = [f"answered {called}" if called else "", f"tid {tid}" if tid else "", f"{len(answer.body):,} bytes"]
    say(f"  {', '.join(part for part in parts if part)}")
