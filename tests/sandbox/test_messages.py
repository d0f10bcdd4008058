"""The messages of the field: all formats, both ciphers, duplicates, late and unreadable ones."""

import hashlib
import json
from collections import Counter
from typing import Any

import pytest

from tests.sandbox.decrypting import opened
from tuyahouse.sandbox.control import truth
from tuyahouse.sandbox.messages.sealing import Sealer, stream_password
from tuyahouse.sandbox.messages.stream import messages, messages_of_day
from tuyahouse.sandbox.messages.unreadable import UNREADABLE
from tuyahouse.sandbox.world.options import Options
from tuyahouse.sandbox.world.world import World

PLAIN = (
    b'{"devId":"bf1111111111111111aa01","productKey":"awgmk9pixxx00001","bizCode":"online",'
    b'"bizData":{"time":1790000000},"ts":1790000000456}'
)
ECB = (
    "1cHS+6WwmyLcJDpC4u3mkWen1vkFKFotNwti6B1O2XIpr3hspy2UvGeX9wJri3riURpvy76F3JikEM+2NfABuTtfMDBLKnIJ72NyNCg6fc0DhZnNT+fV"
    "LXvkc/l4jHNaRddo820n7C5syWt7JRKIJsj5AEUYvDHaYDfqlOuhlRJ7g88vdgWRDXhgcB6MDcP9"
)
GCM = (
    "ERERERERERERERER2ROXTJSpaD308SO9+bFX+xSpJladnqNx8CdqpolnF1oV683byUOlUThL3Ep0m4XV1ex3055m8vHmeeJHRawO7T1vJEViVLd4uH67"
    "wx7gsZgHBsR97YvbezAteD5XzQMU/2jk0yfs41Ij0E05rvp9M7JqUaJUVRfyWZMDqtdM/CzLQL+Uh/SJZxaP8isEhGZPLlxEsDe6"
)
FORMATS = {
    "bindUser", "cmdIssueResult", "online", "offline", "delete", "device_event",
    "activate_device", "cmd_issue_result", "dev_online_status", "device-unbind", "gateway-unbind",
}  # fmt: skip
SEALER = Sealer("testsecret000000000000000000000a")


def test_ecb_is_as_documented() -> None:
    assert SEALER.ecb(PLAIN) == ECB


def test_gcm_is_as_documented() -> None:
    assert SEALER.gcm(PLAIN, b"\x11" * 12) == GCM


def test_both_envelopes_are_signed_as_documented() -> None:
    a, b = SEALER.envelope_a(ECB, 1790000000999, 20), SEALER.envelope_b(ECB, 1790000000999)
    assert json.loads(a)["sign"] == "085da669cda2a421c9a5d2d849f6d231"
    assert json.loads(b)["sign"] == "5cb00e308415a1894dd9b98ad1960c86"


def test_the_password_of_the_stream_is_as_documented() -> None:
    assert stream_password("testaccessid00000000", "testsecret000000000000000000000a") == "47f5b8720a9763bf"


def month(**options: Any) -> list[Any]:
    world = World(Options(**options))
    return [message for day in range(18) for message in messages_of_day(world, day)]


def test_all_eleven_formats_and_all_kinds_of_unreadable_messages_appear() -> None:
    found = Counter(m.format for m in month(unreadable=0.05, devices=600, events_per_device=1))
    assert set(found) == FORMATS | set(UNREADABLE)


@pytest.mark.parametrize("cipher", ["ecb", "gcm", "mixed"])
def test_every_readable_message_can_be_decrypted(cipher: Any) -> None:
    world = World(Options(cipher=cipher))
    for message in truth.messages(world, 2):
        if not message["unreadable"]:
            assert opened(message["properties"], message["payload"]) == json.loads(message["plain"])


def test_mixed_switches_the_cipher_in_mid_stream() -> None:
    modes = [p.get("em") == "aes_gcm" for p, _ in messages(World(Options(cipher="mixed")), 0)]
    assert {False, True} == set(modes)


def test_the_same_seed_publishes_the_same_messages() -> None:
    assert list(messages(World(Options(seed=5)), 1)) == list(messages(World(Options(seed=5)), 1))


def test_a_duplicate_is_the_same_to_the_byte() -> None:
    sent = [m for m in month(duplicates=0.2, unreadable=0) if m.day < 3]
    originals = {m.payload for m in sent if m.first}
    repeated = [m for m in sent if not m.first]
    assert repeated and all(m.payload in originals for m in repeated)


def test_late_messages_are_published_after_newer_ones() -> None:
    times = [json.loads(p)["t"] for _, p in messages(World(Options(late=0.1, unreadable=0)), 0)]
    assert times != sorted(times)


def test_record_numbers_come_as_numbers_and_as_text() -> None:
    kinds = {type(json.loads(m.plain)["bizData"]["sn"]) for m in month() if m.format == "cmdIssueResult"}
    assert kinds == {int, str}


def test_messages_tell_what_is_true_of_presence() -> None:
    """After three days the newest presence message of every device says what the inventory says."""
    world = World(Options(unreadable=0))
    last: dict[str, tuple[int, bool]] = {}
    for day in range(4):
        for message in messages_of_day(world, day):
            if message.format in ("online", "offline"):
                plain = json.loads(message.plain)
                published = (plain["bizData"]["time"], message.format == "online")
                last[plain["devId"]] = max(last.get(plain["devId"], (0, False)), published)
    inventory = {d["device_id"]: d["online"] for d in truth.devices(world, 3)}
    assert len(last) > 20
    assert {d: state for d, (_, state) in last.items() if d in inventory} == {
        d: inventory[d] for d in last if d in inventory
    }


def test_messages_tell_what_is_true_of_commands() -> None:
    world = World(Options(unreadable=0, duplicates=0))
    published: dict[str, tuple[int, int]] = {}
    for day in range(3):
        for message in messages_of_day(world, day):
            if message.format == "cmd_issue_result":
                data = json.loads(json.loads(message.plain)["data"])
                published[data["sn"]] = max(
                    published.get(data["sn"], (0, 0)), (data["happenTime"], data["processStatus"])
                )
    true = {c["command_sn"]: c["message"] for c in truth.commands(world, 2)}
    assert {sn: status for sn, (_, status) in published.items()} == {
        sn: stage["process_status"] for sn, stage in true.items() if stage
    }


def test_a_v1_text_is_json_inside_json() -> None:
    message = next(m for m in month() if m.format == "device-unbind")
    plain = json.loads(message.plain)
    assert json.loads(json.loads(plain["data"])["data"])["deviceId"].startswith("6c")


def test_devices_that_vanish_are_reported_as_unbound() -> None:
    world = World(Options(devices=1000, unreadable=0, events_per_device=0))
    ids = [{d["device_id"] for d in truth.devices(world, day)} for day in (4, 5)]
    unbound = {json.loads(m.plain)["devId"] for m in messages_of_day(world, 5) if m.format == "delete"}
    assert ids[0] - ids[1] == unbound != set()


def test_the_signature_of_a_message_covers_its_fields() -> None:
    _, payload = next(messages(World(Options(unreadable=0)), 0))
    fields = json.loads(payload)
    sign = fields.pop("sign")
    text = "||".join(f"{name}={fields[name]}" for name in sorted(fields)) + "||sandboxsecret00000000000000000001"
    assert hashlib.md5(text.encode()).hexdigest() == sign
