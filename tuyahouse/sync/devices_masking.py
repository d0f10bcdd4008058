"""``extend_data`` is the vendor's own and may hold credentials: it is kept in ``device``, and masked everywhere else."""

import re

_STRING = rb'"(?:[^"\\]|\\.)*"?'
_OBJECT = rb"\{(?:[^{}]|\{[^{}]*\})*\}"
_DEEPER = rb"[{\[].*"  # deeper, or cut in the middle: everything behind it goes too
_PLAIN = rb"[^,}\]]*"
_EXTEND_DATA = re.compile(
    rb'("(?:extend_data|extendData)"\s*:\s*)(?:' + b"|".join((_STRING, _OBJECT, _DEEPER, _PLAIN)) + b")", re.DOTALL
)


def masked(raw: bytes) -> bytes:
    """What Tuya sent, without the vendors' own data; also where it is cut or no JSON at all."""
    return _EXTEND_DATA.sub(rb'\1"***"', raw)
