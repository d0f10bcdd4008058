"""``extend_data`` is the vendor's own and may hold credentials: it is kept in ``device`` and masked elsewhere."""

import re
from typing import Any

import msgspec

from tuyahouse.sync.chunks import LONGEST_SAMPLE

_STRING = rb'"(?:[^"\\]|\\.)*"?'
_OBJECT = rb"\{(?:[^{}]|\{[^{}]*\})*\}"
_DEEPER = rb"[{\[].*"  # nested, or cut in the middle: everything after it goes too
_PLAIN = rb"[^,}\]]*"
_EXTEND_DATA = re.compile(
    rb'("(?:extend_data|extendData)"\s*:\s*)(?:' + b"|".join((_STRING, _OBJECT, _DEEPER, _PLAIN)) + b")", re.DOTALL
)


def sample_of(name: str, value: Any) -> str:
    """What may be shown of an undocumented field; nothing of ``extend_data`` in another spelling."""
    if name.rpartition(".")[2].replace("_", "").lower() == "extenddata":
        return '"***"'
    return masked(msgspec.json.encode(value)).decode()[:LONGEST_SAMPLE]


def masked(raw: bytes) -> bytes:
    """What Tuya sent, without the vendors' own data, even if it is cut or not JSON."""
    return _EXTEND_DATA.sub(rb'\1"***"', raw)
