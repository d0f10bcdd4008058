"""Answers made to fill memory: each is landed or a dead letter, in a process that stays under 400 MB."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from tests.flows.hostile_asking import KEY
from tests.flows.nights import ROOT
from tuyahouse.cloud.calls.device_list import PROBE_SIZE
from tuyahouse.warehouse.ledgers import dead_letters
from tuyahouse.warehouse.ledgers.dead_letters import StoredDeadLetter
from tuyahouse.warehouse.warehouse import Warehouse

MOST_MB = 400


def steps(count: int) -> bytes:
    one = '{"craftLineCode":"L","node":"N%d","nodeDesc":"d","orderCode":"","sn":"S","status":true,"time":%d}'
    return b"[" + ",".join(one % (n % 50, 1763676000000 + n) for n in range(count)).encode() + b"]"


def enveloped(result: bytes) -> bytes:
    return b'{"result":' + result + b',"success":true,"t":1763676000000}'


About = Callable[[str], tuple[bytes, bool] | None]
"""From what is asked for (a key, or path and query) to the body and whether it is compressed; None: it never ends."""


class Hostile(BaseHTTPRequestHandler):
    """A cloud whose answers ``about`` makes."""

    protocol_version = "HTTP/1.1"
    about: About

    def do_GET(self) -> None:
        if "/token" in self.path:
            token = {"access_token": "t" * 32, "refresh_token": "r" * 32, "expire_time": 7200, "uid": "u"}
            self._send(enveloped(json.dumps(token).encode()))
        else:
            self._answer(self.path)

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
        if "login/token/get" in self.path:
            self._send(enveloped(json.dumps({"publicKey": PUBLIC_KEY, "token": "x"}).encode()))
        elif "user/login" in self.path:
            self._send(enveloped(json.dumps({"accessToken": "p" * 32, "refreshToken": "q" * 32}).encode()))
        else:
            self._answer(str(asked.get("sn") or self.path))

    def _answer(self, asked: str) -> None:
        if (found := type(self).about(asked)) is None:
            self._send_for_ever()
        else:
            self._send(*found)

    def _send(self, body: bytes, packed: bool = False) -> None:
        self.send_response(200)
        if packed:
            self.send_header("content-encoding", "gzip")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def _send_for_ever(self) -> None:
        self.send_response(200)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
        except OSError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        return None


def _public_key() -> str:
    import base64

    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = rsa.generate_private_key(65537, 2048).public_key()
    return base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


PUBLIC_KEY = _public_key()


@pytest.fixture
def cloud() -> Iterator[Callable[[About], int]]:
    """Start a hostile cloud; its port."""
    servers: list[ThreadingHTTPServer] = []

    def start(about: About) -> int:
        handler = type("Handler", (Hostile,), {"about": staticmethod(about)})
        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return servers[-1].server_address[1]

    yield start
    for one in servers:
        one.shutdown()
        one.server_close()


def asked(url: str, port: int, subject: str, keys: Sequence[str]) -> tuple[Any, int]:
    """How asking about these keys ended, and the peak of the process in MB."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("TUYAHOUSE_")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.flows.hostile_asking", url, str(port), subject, ",".join(keys)],
        env={**env, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    ended, peak = json.loads(done.stdout.splitlines()[-1])
    return ended, peak


HOSTILE: dict[str, Callable[[], tuple[bytes, bool] | None]] = {
    "a megabyte that unpacks to a gigabyte": lambda: (packed(1_000), True),
    "an answer without an end": lambda: None,
    "a declared gigabyte": lambda: (b" " * 40_000_000, False),
    "brackets to the limit": lambda: (enveloped(b"[" * 15_000_000 + b"]" * 15_000_000), False),
    "one text to the limit": lambda: (enveloped(b'[{"node":"' + b"n" * 30_000_000 + b'"}]'), False),
    "numbers to the limit": lambda: (enveloped(b"[" + b"1," * 15_000_000 + b"1]"), False),
}


def packed(megabytes: int) -> bytes:
    """So many megabytes of blanks, compressed piece by piece."""
    import zlib

    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(pack.compress(b" " * 1_000_000) for _ in range(megabytes)) + pack.flush()


def answered(ended: Any) -> tuple[int, int]:
    return ended["answered"], ended["rejected"]


def open_letters(url: str) -> list[StoredDeadLetter]:
    warehouse = Warehouse.open(url, KEY)
    with warehouse.read() as conn:
        found = list(dead_letters.open_dead_letters(conn, "demo"))
    warehouse.close()
    return found


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_an_answer_made_to_fill_memory_is_a_dead_letter_beside_its_neighbours(sqlite_url: str, cloud, make) -> None:
    hostile = make()
    port = cloud(lambda sn: hostile if sn == "S2" else (enveloped(steps(3)), False))
    ended, peak = asked(sqlite_url, port, "steps", ["S1", "S2", "S3"])
    assert answered(ended) == (2, 1) and peak < MOST_MB, f"{ended}, {peak} MB"
    (letter,) = open_letters(sqlite_url)
    assert (letter.key, letter.reason) == ("S2", "unusable_answer") and letter.raw


def test_two_hundred_thousand_steps_of_one_serial_number_land(warehouse_url: str, cloud) -> None:
    large = enveloped(steps(200_000))
    port = cloud(lambda sn: (large if sn == "S2" else enveloped(steps(3)), False))
    ended, peak = asked(warehouse_url, port, "steps", ["S1", "S2", "S3"])
    assert answered(ended) == (3, 0) and peak < MOST_MB, f"{ended}, {peak} MB"


def test_a_chunk_of_large_answers_lands_piece_by_piece(sqlite_url: str, cloud) -> None:
    large = enveloped(steps(40_000))
    ended, peak = asked(sqlite_url, cloud(lambda sn: (large, False)), "steps", [f"S{n}" for n in range(10)])
    assert answered(ended) == (10, 0) and peak < MOST_MB, f"{ended}, {peak} MB"


LIMIT = 30_000_000
TEXT = b"x" * LIMIT
EVERY: dict[str, tuple[str, int, Callable[[], About], str]] = {
    # subject, keys, answers, how it ends
    "endless": ("steps", 20, lambda: lambda asked: None, '"rejected":20'),
    "unpacking": ("steps", 20, lambda: always(packed(1_000), True), '"rejected":20'),
    "refusals": ("steps", 20, lambda: always(b'{"success":false,"code":1109,"msg":"' + TEXT + b'"}'), '"failed":20'),
    "codes": ("steps", 20, lambda: always(b'{"success":false,"msg":"no","code":"' + TEXT + b'"}'), '"failed":20'),
    "texts": ("steps", 20, lambda: always(enveloped(b'[{"node":"' + TEXT + b'"}]')), '"rejected":20'),
    "lines": ("lines", 20, lambda: always(enveloped(craft_line(LIMIT // 3))), "20"),
    "counts": ("counts", 100, lambda: always(enveloped(b'"' + TEXT + b'"')), "100"),
    "details": ("details", 6, lambda: details_of(LIMIT // 3), '"answered":6'),
    "links": ("details", 6, lambda: details_of(100, LIMIT), '"answered":6'),
    "records": ("records", 20, lambda: records_of(LIMIT // 3), '"answered":20'),
    "large pages": ("pages", 1, lambda: pages_of(900, 30_000), "complete"),
    "many rows": ("pages", 1, lambda: odd_pages(1_000_000), "a page of the device list has 999,999 rows"),
    "odd rows": ("pages", 1, lambda: odd_pages(900), "rows of the device list cannot be used"),
    "people": ("people", 1, lambda: the_same_people, "not read completely"),
}


def always(body: bytes, is_packed: bool = False) -> About:
    return lambda asked: (body, is_packed)


def craft_line(size: int) -> bytes:
    node = b'{"code":"N%d","sort":%d,"desc":"' + b"d" * 1_000 + b'"}'
    nodes = b",".join(node % (n, n) for n in range(size // len(node)))
    return b'{"code":"L","nodeList":[' + nodes + b"]}"


def details_of(size: int, link_size: int = 10) -> About:
    function = b'{"function_code":"F%d","function_name":"' + b"n" * 1_000 + b'"}'
    functions = enveloped(b"[" + b",".join(function % n for n in range(size // 1_000)) + b"]")
    links = enveloped(b"[" + b" " * link_size + b"]")

    def about(asked: str) -> tuple[bytes, bool]:
        if "/v1.0/expand/devices/" not in asked:
            return links, False
        if "function" in asked:
            return functions, False
        device = asked.rsplit("/", 1)[-1]
        return enveloped(b'{"device_id":"%s","extend_data":"%s"}' % (device.encode(), b"e" * size)), False

    return about


def records_of(size: int) -> About:
    return lambda asked: (enveloped(b'{"process_status":3,"message":"' + b"m" * size + b'"}'), False)


def pages_of(rows: int, row_size: int, count: int = 6) -> About:
    """The first page is small, so that all others are asked at once."""
    row = b'{"device_id":"D%d-%d","device_name":"n","extend_data":"' + b"e" * row_size + b'"}'

    def about(asked: str) -> tuple[bytes, bool]:
        number, size = (int(parse_qs(urlsplit(asked).query)[name][0]) for name in ("page_no", "page_size"))
        there = 10 if number == 1 else rows if number <= count else 0
        items = [row % (number, n) for n in range(there)] if size != PROBE_SIZE and number else []
        return page_of(items, 10 + rows * (count - 1), number, size), False

    return about


def odd_pages(rows: int) -> About:
    """Rows without an id, each different, on pages without an end."""

    def about(asked: str) -> tuple[bytes, bool]:
        number, size = (int(parse_qs(urlsplit(asked).query)[name][0]) for name in ("page_no", "page_size"))
        items = [b"%d" % (number * rows + n) for n in range(rows - number % 7)] if size != PROBE_SIZE and number else []
        return page_of(items, rows * (number + 5), number, size), False

    return about


def page_of(items: Sequence[bytes], total: int, number: int, size: int) -> bytes:
    numbers = b'"total":%d,"page_no":%d,"page_size":%d' % (total, number, size)
    return enveloped(b'{"list":[' + b",".join(items) + b"]," + numbers + b"}")


def the_same_people(asked: str) -> tuple[bytes, bool]:
    """The same accounts on every page, under a total that grows with them."""
    number = int(parse_qs(urlsplit(asked).query)["page"][0])
    rows = b",".join(b'{"uid":"U%d","nickName":"%d"}' % (n, number) for n in range(9_000))
    return enveloped(b'{"total":%d,"list":[%s]}' % (9_000 * (number + 5), rows)), False


@pytest.mark.parametrize(("subject", "count", "make", "end"), EVERY.values(), ids=EVERY)
def test_a_cloud_that_fills_every_answer_takes_no_more_memory(
    sqlite_url: str, cloud, subject: str, count: int, make: Callable[[], About], end: str
) -> None:
    ended, peak = asked(sqlite_url, cloud(make()), subject, [f"S{n}" for n in range(count)])
    said = ended if isinstance(ended, str) else msgspec.json.encode(ended).decode()
    assert end in said and peak < MOST_MB, f"{said[:500]}, {peak} MB"
    for letter in open_letters(sqlite_url):
        assert len(letter.message) < 3_000 and len(letter.raw or b"") <= 1_000_000
