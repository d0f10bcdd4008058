"""How a run continues: advised command lines are complete, ready to paste into a shell."""

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any

_LONGEST = 2000
"""Characters; a shell accepts more, a person does not read more."""
_INTERNAL = frozenset({"dead_letters", "stages"})
"""What a run stores in addition to the parameters of its flow."""

ANEW = (
    "The same run_key writes none of these. Find out whether Tuya carried them out; to write one anyway, start a "
    "run with a new run_key."
)
"""How a red run ends if the same run key would do nothing more."""

COMMAND = re.compile(r"\s*(# |python -m |tuyahouse |prefect |export |eval |curl |\.venv/bin/)")
"""Begins a line that is a command."""


def flow_command(flow: str, account: str, parameters: Mapping[str, Any]) -> str:
    """``python -m flows sync_sn_flows -p account=demo -p run_key=x``; parameters without a value are left out.

    A command that is too long to read is cut to its short parameters, and says which others are missing.
    """
    given = {"account": account, **{name: value for name, value in parameters.items() if name not in _INTERNAL}}
    pairs = {name: _pair(name, value) for name, value in given.items() if _is_given(value)}
    line = _line(flow, pairs)
    if len(line) <= _LONGEST:
        return line
    kept = {name: pair for name, pair in pairs.items() if len(pair) <= 100}
    return f"{_line(flow, kept)}   # and as before: {', '.join(sorted(pairs.keys() - kept.keys()))}"


def goes_on_anew(said: str) -> bool:
    """Whether the text of a red run ends with the advice to start another run."""
    return said.rstrip().endswith(ANEW)


def _line(flow: str, pairs: Mapping[str, str]) -> str:
    return " ".join([f"python -m flows {flow}", *(f"-p {pair}" for pair in pairs.values())])


def _is_given(value: object) -> bool:
    return value is not None and value not in ("", [], (), {})


def _pair(name: str, value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return shlex.quote(f"{name}={text}")
