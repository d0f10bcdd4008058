"""``tuyahouse dead-letters``: list what could not be used, have it asked again, or dismiss it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

import typer

from tuyahouse import logs
from tuyahouse.cli.context import AccountName, at_least_one, open_warehouse, read_settings
from tuyahouse.cli.output import said, say, show
from tuyahouse.cli.words import stopped
from tuyahouse.command_lines import flow_command
from tuyahouse.warehouse.ledgers.dead_letters import StoredDeadLetter, counts
from tuyahouse.warehouse.ledgers.dismissal import Chosen, State, dismiss, listing, state_of

LISTED = 100
RAW_SHOWN = 4000
KEYS_NAMED = 100
ADDED_BY = {"serial_number": "sn", "command_file": "commands", "work_order": "orders"}
"""Kinds of refused rows of files, and the command that adds a corrected file."""
OTHER_FLOWS = {"authorized_account": "sync_accounts"}
OF_ALL_DEVICES = "device_factory"
"""The kind whose devices are asked again within a week, or at once with those of all devices."""

Kind = Annotated[str | None, typer.Option(help="Only this kind, e.g. sn_flows.")]
Reason = Annotated[str | None, typer.Option(help="Only this reason, e.g. item_error.")]
Keys = Annotated[list[str] | None, typer.Argument(metavar="[KEY]...", help="Only these keys.")]

app = typer.Typer(
    no_args_is_help=True,
    help="""Dead letters: what could not be used, and why. None is ever lost.

    Example:

    \b
      tuyahouse dead-letters list -a factory
      tuyahouse dead-letters show -a factory YZCB04ZZR00001
    """,
)


@app.command("list")
def list_(
    account: AccountName,
    kind: Kind = None,
    reason: Reason = None,
    state: Annotated[State, typer.Option(help="Only dead letters in this state.")] = State.OPEN,
    limit: Annotated[int, typer.Option(parser=at_least_one, metavar="INTEGER", help="Most to show.")] = LISTED,
) -> None:
    """List dead letters, newest first.

    Example:

    \b
      tuyahouse dead-letters list -a factory
      tuyahouse dead-letters list -a factory --kind sn_flows --state dismissed
    """
    letters = _found(Chosen(account, kind, reason, None, state), limit)
    if not letters:
        say(f"No dead letter matches. {_open_ones(account)}")
        return
    show(
        f"Dead letters of {account} (UTC)",
        ("kind", "key", "reason", "code", "attempts", "newest", "state"),
        ((one.kind, one.key, one.reason, one.code, one.attempts, one.last_seen_at, state_of(one)) for one in letters),
    )
    if len(letters) == limit:
        say(f"The newest {limit:,} are shown; --limit shows more.")


@app.command("show")
def show_(
    account: AccountName,
    key: Annotated[str, typer.Argument(metavar="KEY", help="Serial number, device, message id, …")],
    kind: Kind = None,
    reason: Reason = None,
) -> None:
    """Show the dead letters of a key in full, with what was received. Secrets are left out.

    Example:

    \b
      tuyahouse dead-letters show -a factory YZCB04ZZR00001
    """
    letters = _found(Chosen(account, kind, reason, [key], State.ALL))
    if not letters:
        raise stopped(f"There is no dead letter of {key!r}. `tuyahouse dead-letters list -a {account}` lists them.")
    for letter in letters:
        _show(letter)


def _show(letter: StoredDeadLetter) -> None:
    fields = [
        ("state", state_of(letter).value),
        *((name, getattr(letter, name)) for name in ("reason", "code", "message", "attempts")),
        *((name, getattr(letter, name)) for name in ("first_seen_at", "last_seen_at", "resolved_at")),
        *((name, getattr(letter, name)) for name in ("dismissed_at", "dismissed_by", "dismissed_why")),
    ]
    rows = ((name, logs.redact(said(value))) for name, value in fields if value not in (None, ""))
    show(f"{letter.kind} {letter.key} (UTC)", ("what", "value"), rows)
    if letter.raw is None:
        say("Nothing was received with it.")
        return
    typer.echo(f"Received, {len(letter.raw):,} bytes:\n{readable(letter.raw[:RAW_SHOWN])}")
    if len(letter.raw) > RAW_SHOWN:
        say(f"… {len(letter.raw) - RAW_SHOWN:,} bytes more are in ops_dead_letter.raw.")


def readable(raw: bytes) -> str:
    """Foreign bytes as harmless text: control characters and broken UTF-8 escaped, secrets left out."""
    text = logs.redact(raw.decode("utf-8", errors="backslashreplace"))
    return "".join(char if char == "\n" or char.isprintable() else ascii(char)[1:-1] for char in text)


@app.command()
def redrive(account: AccountName, keys: Keys = None, kind: Kind = None, reason: Reason = None) -> None:
    """Print the commands that ask again for open dead letters; good answers resolve them.

    The calls are made by flows, at the account's pace and within its budget. Run them at the top of the repository.

    Example:

    \b
      tuyahouse dead-letters redrive -a factory --kind sn_flows
    """
    letters = _found(Chosen(account, kind, reason, keys))
    if not letters:
        raise stopped(f"No open dead letter matches. {_open_ones(account)}")
    by_kind: dict[str, list[str]] = {}
    for letter in letters:
        by_kind.setdefault(letter.kind, []).append(letter.key)
    for one, theirs in sorted(by_kind.items()):
        typer.echo(f"# {len(theirs):,} of {one}\n{_command(account, one, theirs)}")


def _command(account: str, kind: str, keys: list[str]) -> str:
    if kind == "sn_flows" and len(keys) <= KEYS_NAMED:
        return flow_command("sync_sn_flows", account, {"sns": sorted(set(keys))})
    if kind in ("sn_flows", "craft_line", "message"):
        return flow_command("redrive_dead_letters", account, {})
    if kind in ADDED_BY:
        return f"# correct the file and add it again: tuyahouse {ADDED_BY[kind]} add -a {account} FILE"
    flow = "reconcile_commands" if kind.startswith("command") else OTHER_FLOWS.get(kind, "sync_devices")
    return flow_command(flow, account, {"full": True} if kind == OF_ALL_DEVICES else {})


@app.command("dismiss")
def dismiss_(
    account: AccountName,
    by: Annotated[str, typer.Option(prompt="Your name", help="Your name; it is kept.")],
    why: Annotated[str, typer.Option(prompt="Why it needs no more work", help="Why; it is kept.")],
    keys: Keys = None,
    kind: Kind = None,
    reason: Reason = None,
) -> None:
    """Dismiss open dead letters that need no more work. They are kept, and reopened if Tuya's answer changes.

    Example:

    \b
      tuyahouse dead-letters dismiss -a factory --by ana --why scrapped SN1 SN2
      tuyahouse dead-letters dismiss -a factory --by ana --why scrapped --kind sn_flows
    """
    if not (keys or kind or reason):
        raise typer.BadParameter("name KEYs, --kind or --reason: not all are dismissed at once", param_hint="KEY")
    if not (by.strip() and why.strip()):
        raise typer.BadParameter("name who dismisses them, and why", param_hint="--by, --why")
    settings = read_settings()
    chosen = Chosen(settings.account(account).name, kind, reason, keys)
    with open_warehouse(settings) as warehouse, warehouse.begin() as conn:
        letters = dismiss(conn, chosen, by.strip(), why.strip(), datetime.now(UTC))
    if not letters:
        raise stopped(f"No open dead letter matches; nothing was dismissed. {_open_ones(account)}")
    for letter in letters[:LISTED]:
        say(f"  {letter.kind} {letter.key!r}: {letter.reason}")
    say(f"{len(letters):,} dismissed by {by.strip()}. They are kept, and listed by:")
    say(f"  tuyahouse dead-letters list -a {account} --state dismissed")


def _found(chosen: Chosen, limit: int | None = None) -> list[StoredDeadLetter]:
    settings = read_settings()
    chosen = replace(chosen, account=settings.account(chosen.account).name)
    with open_warehouse(settings) as warehouse, warehouse.read() as conn:
        return list(listing(conn, chosen, limit))


def _open_ones(account: str) -> str:
    """How many of which kind and reason are open: a kind may have been mistyped."""
    settings = read_settings()
    with open_warehouse(settings) as warehouse, warehouse.read() as conn:
        counted = counts(conn, settings.account(account).name)
    ones = [f"{still:,} of kind {kind}, reason {reason}" for _, kind, reason, still, *_ in counted if still]
    return f"Open are: {'; '.join(ones)}." if ones else "None is open."
