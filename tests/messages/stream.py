"""A stream of messages of all formats, with unreadable ones and duplicates, the same for the same seed."""

import base64
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.messages.sealing import ACCESS_KEY, ecb, envelope_a, envelope_b, gcm

DEVICES = 2_000
START_MS = 1_790_000_000_000


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as it is published. ``key`` keeps the messages of a device in order."""

    payload: bytes
    properties: dict[str, str]
    key: str


def stream(
    count: int, seed: int = 1, *, unreadable: float = 0.02, duplicates: float = 0.1, access_key: str = ACCESS_KEY
) -> Iterator[Sent]:
    """``count`` messages: all eleven formats, unknown formats, both ciphers, unreadable messages and duplicates."""
    rng = random.Random(seed)
    recent: list[Sent] = []
    for n in range(count):
        if recent and rng.random() < duplicates:
            yield rng.choice(recent)
            continue
        sent = _unreadable(rng, n) if rng.random() < unreadable else _good(rng, n, access_key)
        recent = [*recent[-49:], sent]
        yield sent


def _good(rng: random.Random, n: int, access_key: str) -> Sent:
    device = f"bf{(n // 2 * 7919) % DEVICES:018d}aa"  # a command has one device, whoever tells of it
    plain = _plain(rng, n, device)
    text = json.dumps(plain, separators=(",", ":")).encode()
    pushed = START_MS + n
    if plain.get("bizCode") == "edge_device":
        return Sent(envelope_b(ecb(text, access_key), pushed, access_key), {"tid": f"t{n}"}, device)
    if rng.random() < 0.3:
        nonce = rng.randbytes(12)
        payload = envelope_a(gcm(text, access_key, nonce), pushed, access_key=access_key)
        return Sent(payload, {"em": "aes_gcm", "tid": f"t{n}"}, device)
    return Sent(envelope_a(ecb(text, access_key), pushed, access_key=access_key), {"tid": f"t{n}"}, device)


def _plain(rng: random.Random, n: int, device: str) -> dict[str, Any]:
    t = START_MS + n * 10
    top = {"devId": device, "productKey": "awgmk9pixxx00001", "ts": t + 5, "uuid": f"uuid{device[2:]}"}
    kind = rng.choices(range(12), (40, 8, 8, 12, 2, 1, 2, 12, 8, 1, 1, 1))[0]
    sn = 1461537485292310000 + n // 2
    if kind == 0:
        value = json.dumps({"message": "ok", "success": 1, "t": t, "uid": "hhz", "way": rng.randrange(5)})
        item = {"126": value, "code": "event_pass", "t": t, "value": value}
        return {"dataId": f"AAX{n}", "devId": device, "productKey": "awgmk9pixxx00001", "status": [item]}
    if kind in (1, 2):
        code = "online" if kind == 1 else "offline"
        return {"bizCode": code, "bizData": {"uid": "bay1", "time": t}, **top}
    if kind == 3:
        data = {"processStatus": rng.randint(1, 4), "data": "{}", "dataFlag": 2, "sn": sn, "message": "success"}
        return {"bizCode": "cmdIssueResult", "bizData": {**data, "happenTime": t}, **top}
    if kind == 4:
        data = {"devId": device, "uid": "bay1", "parentDevId": "gw1", "ownerId": "34", "uuid": "u", "cid": f"c{n}"}
        data |= {"deviceName": "Tür", "productType": "wf_znmj", "projectId": "p1"}
        return {"bizCode": "bindUser", "bizData": data, **top}
    if kind == 5:
        return {"bizCode": "delete", "bizData": {"devId": device, "uid": "bay1", "ownerId": "34"}, **top}
    if kind == 6:
        return _v1("activate_device", {"deviceId": device, "cid": f"c{n}", "deviceIp": "10.0.0.1", "activeStatus": 1})
    if kind == 7:
        data = {"sn": str(sn), "deviceId": f"{device} ", "processStatus": rng.randint(1, 5), "message": "sent"}
        return _v1("cmd_issue_result", {**data, "happenTime": t})
    if kind == 8:
        return _v1("dev_online_status", {"deviceId": device, "status": rng.randint(0, 1), "happenTime": t})
    if kind in (9, 10):
        mode = "device-unbind" if kind == 9 else "gateway-unbind"
        return _v1("edge_report_data", {"mode": mode, "data": json.dumps({"deviceId": device})})
    return {"bizCode": "devicePropertyMessage", "bizData": {"devId": device, "n": n}, "ts": t}


def _v1(event_type: str, data: dict[str, Any]) -> dict[str, Any]:
    return {"bizCode": "edge_device", "eventType": event_type, "data": json.dumps(data)}


def _unreadable(rng: random.Random, n: int) -> Sent:
    kinds = (
        b"",
        b"not json %d" % n,
        b"\xff\xfe\x00" + rng.randbytes(20),
        envelope_a("dHJ1bmNhdGVk" * 3 + "="),
        envelope_a(base64.b64encode(rng.randbytes(64)).decode()),
        envelope_a(ecb(b'{"bizCode":"online","bizData":{"time":1790000000}')),
        envelope_a(ecb(b'{"bizCode":"cmdIssueResult","bizData":{"sn":1,"processStatus":99999999999},"ts":1790000000}')),
        envelope_a(ecb(b'{"bizCode":"online","devId":"d","bizData":{"time":4000000000000}}')),
    )
    return Sent(rng.choice(kinds), {"tid": f"p{n}"}, f"p{n % 7}")
