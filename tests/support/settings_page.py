"""docs/settings.md, made from the settings themselves: ``make docs`` writes it, a test holds it against them."""

import json
import sys
from collections.abc import Iterator
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr, TypeAdapter
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from tasks.run.artifacts import LONGEST_CELL
from tuyahouse.cloud.answer_excerpt import KEPT
from tuyahouse.cloud.calls import authorization
from tuyahouse.cloud.calls.device_commands import MOST_NUMBERS
from tuyahouse.cloud.calls.device_list import MOST_DEVICES
from tuyahouse.cloud.errors import LONGEST_TEXT, WHOLE_UP_TO
from tuyahouse.cloud.http.answer import MOST_PAGE_ROWS, MOST_VALUES
from tuyahouse.cloud.http.bodies import READ_TOGETHER
from tuyahouse.cloud.http.transport import LONGEST_HEADER
from tuyahouse.messages.sources.websocket import BATCH_BYTES
from tuyahouse.messages.sources.websocket_connection import LARGEST_FRAME
from tuyahouse.settings import PREFIX, Account, CommandPolicy, PlanPolicy, Settings
from tuyahouse.sync.access.file_rows import MOST_FILE_ROWS
from tuyahouse.sync.answer_memory import LARGEST_CHUNK, LARGEST_HELD
from tuyahouse.sync.chunks import MOST_FIELDS
from tuyahouse.sync.devices.links import LARGEST_LINK_ANSWER
from tuyahouse.sync.devices.listing import sweep
from tuyahouse.sync.devices.listing.ledger import MOST_ODD_ROWS
from tuyahouse.sync.devices.listing.read import LAND_AT
from tuyahouse.sync.intake.delimited import LONGEST_LINE
from tuyahouse.sync.intake.parquet import LARGEST_ROW_GROUP
from tuyahouse.sync.intake.rows import MAX_LENGTH
from tuyahouse.sync.intake.xlsx import LARGEST_ELEMENT, LARGEST_STRINGS
from tuyahouse.sync.messages.consumer import BATCH
from tuyahouse.sync.messages.redrive import PAGE_BYTES
from tuyahouse.sync.serial_numbers.craft_lines import LINES_AT_ONCE, MOST_NODES
from tuyahouse.warehouse.bulk.limits import LONGEST_KEY
from tuyahouse.warehouse.ledgers.raw_blocks import LARGEST_BLOCK, LARGEST_PART

PAGE = Path(__file__).parent.parent.parent / "docs" / "settings.md"

HEAD = f"""# Settings

<!-- Made from tuyahouse/settings/ by `make docs`: change the descriptions there. -->

Every setting is an environment variable that begins with `{PREFIX}`; `__` stands between the parts of a name. The
same tree can be written in a file `tuyahouse.toml` in the working directory (elsewhere: `{PREFIX}CONFIG`). Secrets may
also come from files: `{PREFIX}SECRETS_DIR` names a directory with one file for each, named like its variable (the
file itself, or a link to one within the directory). If several set a value, the environment wins, then the secret
files, then `tuyahouse.toml`. `tuyahouse doctor` lists everything that is missing or wrong at once.

```sh
export {PREFIX}WAREHOUSE_URL=postgresql://tuyahouse@db.example/warehouse
export {PREFIX}ACCOUNTS__FACTORY__REGION=eu
export {PREFIX}ACCOUNTS__FACTORY__CLIENT_ID=…
```

```toml
warehouse_url = "postgresql://tuyahouse@db.example/warehouse"

[accounts.factory]
region = "eu"
client_id = "…"
```

Durations are written as `90s`, `30m`, `12h` or `7d`, as `12:00:00`, or as below in ISO 8601 (`PT12H` is twelve hours,
`P7D` seven days); lists as `a,b` or as JSON. In a URL, `@ / # ?` of a user or password are written `%40 %2F %23 %3F`.
"""


def _text(value: Any) -> str:
    if isinstance(value, timedelta):
        return str(TypeAdapter(timedelta).dump_python(value, mode="json"))
    if isinstance(value, Enum):
        return str(value.value)
    return value if isinstance(value, str) else json.dumps(value)


_ACCOUNT = Account.model_fields
_CALLS, _ANSWER_MB = _ACCOUNT["concurrency"].default, _ACCOUNT["max_answer_mb"].default
_IN_FLIGHT = f"{_CALLS} × {READ_TOGETHER:,} = {_CALLS * READ_TOGETHER:,}"

BOUNDS: list[tuple[str, str, object, str]] = [
    # what, where it is set, its value, what happens beyond
    ("an answer of Tuya's", "`MAX_ANSWER_MB`", f"{_ANSWER_MB} MB",
     "it is not read to its end: a dead letter with its beginning"),
    ("answers that are read at once", "`CONCURRENCY` × `READ_TOGETHER`", _IN_FLIGHT,
     "the rest is read one answer at a time"),
    ("values in an answer", "`MOST_VALUES`", MOST_VALUES, "a dead letter (`unusable_answer`)"),
    ("rows of a page of a list", "`MOST_PAGE_ROWS`", MOST_PAGE_ROWS, "the page is unusable, the list incomplete"),
    ("headers of an answer", "`LONGEST_HEADER`", LONGEST_HEADER, "a fault of that call"),
    ("wait for an answer", "`TIMEOUT_SECONDS`", f"{_ACCOUNT['timeout_seconds'].default:.0f} s",
     "the call is tried again, `ATTEMPTS` times"),
    ("Tuya's text in an error", "`LONGEST_TEXT`", LONGEST_TEXT, "it is cut"),
    ("an unusable answer that is kept whole", "`WHOLE_UP_TO`", WHOLE_UP_TO, "its beginning is kept"),
    ("what is kept of a larger one", "`KEPT`", KEPT, "it is cut, and says so"),
    ("answers that are landed together: of serial numbers, craft lines, lists and details of devices, commands",
     "`LARGEST_CHUNK`", LARGEST_CHUNK, "they land, then the rest is asked"),
    ("answers held when a large answer under way arrives", "`LARGEST_HELD`", LARGEST_HELD,
     "it is dropped, and asked again once they have landed"),
    ("an answer about serial numbers of devices", "`LARGEST_LINK_ANSWER`", LARGEST_LINK_ANSWER, "a dead letter"),
    ("craft lines that are landed together", "`LINES_AT_ONCE`", LINES_AT_ONCE, "they land, and the rest is asked"),
    ("nodes of craft lines that a run remembers", "`MOST_NODES`", MOST_NODES, "they are read again"),
    ("rows of a device list that are landed together", "`LAND_AT`", LAND_AT, "they land, and reading goes on"),
    ("landings of a device list without a new device", "`MOST_BARREN`", sweep.MOST_BARREN, "the sweep ends"),
    ("sweeps of a device list", "`MOST_SWEEPS`", sweep.MOST_SWEEPS, "the list is incomplete: the run is red"),
    ("pages of a device list", "`MOST_PAGES`", sweep.MOST_PAGES, "the sweep ends"),
    ("devices that a list announces", "`MOST_DEVICES`", MOST_DEVICES, "the number is not believed"),
    ("rows of a device list that cannot be used", "`MOST_ODD_ROWS`", MOST_ODD_ROWS,
     "reading ends, the list is incomplete"),
    ("pages of the list of accounts", "`MOST_PAGES`", authorization.MOST_PAGES, "reading ends"),
    ("pages of that list without a new account", "`MOST_BARREN`", authorization.MOST_BARREN, "reading ends"),
    ("accounts of that list", "`MOST_ACCOUNTS`", authorization.MOST_ACCOUNTS, "reading ends, the run is red"),
    ("record numbers that answer a command", "`MOST_NUMBERS`", MOST_NUMBERS, "the outcome is unknown"),
    ("undocumented fields counted singly in a chunk", "`MOST_FIELDS`", MOST_FIELDS, "others are counted together"),
    ("answers in a raw block", "`LARGEST_BLOCK`", LARGEST_BLOCK, "another block begins"),
    ("answers of a raw block that are replayed together", "`LARGEST_PART`", LARGEST_PART, "the others follow"),
    ("texts of a key", "`LONGEST_KEY`", LONGEST_KEY, "a dead letter (`not_storable`)"),
    ("messages in a batch", "`BATCH`", BATCH, "another batch begins"),
    ("messages that wait to be landed", "`BATCH_BYTES`", BATCH_BYTES, "no more are fetched until they are landed"),
    ("a message over WebSocket", "`LARGEST_FRAME`", LARGEST_FRAME, "the connection is closed and opened again"),
    ("dead messages that are read again together", "`PAGE_BYTES`", PAGE_BYTES, "another transaction begins"),
    ("a line of a file", "`LONGEST_LINE`", LONGEST_LINE, "the file is refused"),
    ("a row of a workbook, in XML", "`LARGEST_ELEMENT`", LARGEST_ELEMENT, "the file is refused"),
    ("texts of a workbook", "`LARGEST_STRINGS`", LARGEST_STRINGS, "the file is refused"),
    ("columns that are read of a row group of Parquet", "`LARGEST_ROW_GROUP`", LARGEST_ROW_GROUP,
     "the file is refused"),
    ("rows of a file of writes", "`MOST_FILE_ROWS`", MOST_FILE_ROWS, "the file is refused"),
    ("a key in a file", "`MAX_LENGTH`", MAX_LENGTH, "the row is refused"),
    ("a text in a table of the Prefect UI", "`LONGEST_CELL`", LONGEST_CELL, "it is cut"),
    ("wait for a lock of the database", "`LOCK_WAIT`",
     _text(Settings.model_fields["lock_wait"].default), "the run is red and names the holder"),
]  # fmt: skip


def _bounds() -> str:
    lines = [
        "## Bounds\n",
        "What others send is taken up to these bounds, so that memory does not grow with it. Those with a unit of time",
        "or MB are settings, the others are constants of the code: bytes, or how many. Where memory is short, lower",
        "`MAX_ANSWER_MB`: a process holds one answer of that size at a time, and decoding it takes several times as",
        "much.\n",
        "| Bound on | Name | Value | Beyond it |",
        "|---|---|---|---|",
    ]
    for what, name, value, beyond in BOUNDS:
        lines.append(f"| {what} | {name} | {f'{value:,}' if isinstance(value, int) else value} | {beyond} |")
    return "\n".join(lines) + "\n"


def page() -> str:
    """The whole page."""
    parts = [
        HEAD,
        _section("Warehouse and runs", PREFIX, Settings),
        _section("An account", f"{PREFIX}ACCOUNTS__<NAME>__", Account),
        "`<NAME>` is yours to choose, in any case: `factory` here. It is part of every key in the warehouse.\n",
        "Calls go through the proxy that the environment names, as those of other programs do: `HTTPS_PROXY`, with\n"
        "the exceptions in `NO_PROXY`. Calls to this machine itself never do, nor does the message stream.\n",
        _section("What is asked when", f"{PREFIX}PLAN__", PlanPolicy),
        _section("How commands are followed", f"{PREFIX}COMMANDS__", CommandPolicy),
        _bounds(),
    ]
    return "\n".join(parts)


def variables(prefix: str, model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    """Names of the variables of a model's own fields, without those of models inside it."""
    for name, field in model.model_fields.items():
        inside = isinstance(field.default, BaseModel) or name == "accounts"
        if not inside and not (model is Account and name == "name"):
            yield f"{prefix}{name.upper()}", field


def _section(title: str, prefix: str, model: type[BaseModel]) -> str:
    lines = [f"## {title}\n", f"| `{prefix}…` | Default | Meaning |", "|---|---|---|"]
    for name, field in variables(prefix, model):
        lines.append(f"| `{name.removeprefix(prefix)}` | {_default(field)} | {_meaning(field)} |")
    return "\n".join(lines) + "\n"


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is PydanticUndefined:
        return "**required**"
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value is None or value == "" or value == () or value == {}:
        return ""
    return f"`{_text(value)}`"


def _meaning(field: FieldInfo) -> str:
    return (field.description or "").replace("|", "\\|")


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(page())
    else:
        sys.stdout.write(page())
