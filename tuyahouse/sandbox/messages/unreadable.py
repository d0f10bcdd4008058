"""Messages that cannot be read, one kind for each cause."""

import base64
from collections.abc import Callable

from tuyahouse.sandbox.messages.sealing import Sealer

_BROKEN_UNBIND = (
    b'{"data":"{\\"mode\\":\\"device-unbind\\",\\"data\\":\\"{\\\\\\"deviceId\\\\\\":\\\\\\"002dj00118fe34d90001\\\\\\"}",'
    b'"bizCode":"edge_device","eventType":"edge_report_data"}'
)
"""The documented sample, whose inner text lacks its closing quote and brace."""
_PLAIN = b'{"bizCode":"online","bizData":{"time":1790000000000},"devId":"6c00","productKey":"x","ts":1790000000001}'


def _truncated(sealer: Sealer, t: int) -> bytes:
    return sealer.envelope_a(sealer.ecb(_PLAIN)[:-5], t, 20)


def _wrong_key(sealer: Sealer, t: int) -> bytes:
    return sealer.envelope_a(Sealer("another-secret-of-32-characters!").ecb(_PLAIN), t, 20)


def _wrong_padding(sealer: Sealer, t: int) -> bytes:
    whole = base64.b64decode(sealer.ecb(_PLAIN))
    return sealer.envelope_a(base64.b64encode(whole[:-16]).decode(), t, 20)


UNREADABLE: dict[str, Callable[[Sealer, int], bytes]] = {
    "not_json": lambda sealer, t: b"<html>gateway time-out</html>",
    "empty": lambda sealer, t: b"",
    "truncated_base64": _truncated,
    "wrong_key": _wrong_key,
    "wrong_padding": _wrong_padding,
    "no_cipher_text": lambda sealer, t: sealer.envelope_a("", t, 20),
    "broken_inner_json": lambda sealer, t: sealer.envelope_b(sealer.ecb(_BROKEN_UNBIND), t),
    "list_for_object": lambda sealer, t: sealer.envelope_a(sealer.ecb(b'["online"]'), t, 20),
    "no_device": lambda sealer, t: sealer.envelope_a(sealer.ecb(b'{"bizCode":"online","bizData":{}}'), t, 20),
}
