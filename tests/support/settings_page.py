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

from tuyahouse.settings import PREFIX, Account, CommandPolicy, PlanPolicy, Settings

PAGE = Path(__file__).parent.parent.parent / "docs" / "settings.md"

HEAD = f"""# Settings

<!-- Made from tuyahouse/settings/model.py by `make docs`: change the descriptions there. -->

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


def _text(value: Any) -> str:
    if isinstance(value, timedelta):
        return str(TypeAdapter(timedelta).dump_python(value, mode="json"))
    if isinstance(value, Enum):
        return str(value.value)
    return value if isinstance(value, str) else json.dumps(value)


def _meaning(field: FieldInfo) -> str:
    return (field.description or "").replace("|", "\\|")


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(page())
    else:
        sys.stdout.write(page())
