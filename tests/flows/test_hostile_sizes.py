"""Answers made to fill memory: each is landed or a dead letter, in a process that stays under 400 MB."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.flows.nights import ROOT
from tuyahouse.warehouse.ledgers import dead_letters
from tuyahouse.warehouse.warehouse import Warehouse

MOST_MB = 400

ASKING = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from tuyahouse.cloud.auth.tokens import MemoryTokenStore
from tuyahouse.cloud.client import TuyaClient
from tuyahouse.cloud.pace.pacer import MemorySlotStore
from tuyahouse.settings import Account
from tuyahouse.sync.serial_numbers import chunk, plan
from tuyahouse.sync.serial_numbers.craft_lines import CraftLines
from tuyahouse.sync.serial_numbers.register import entry, register
from tuyahouse.warehouse.ledgers import run_chunks, runs
from tuyahouse.warehouse.warehouse import Warehouse

url, port, sns = sys.argv[1], int(sys.argv[2]), sys.argv[3].split(",")
account = Account(name="demo", base_url=f"http://127.0.0.1:{port}", client_id="a" * 20, client_secret="b" * 32,
                  pms_username="u", pms_password="p", calls_per_second=0, concurrency=4, attempts=1)

async def main():
    warehouse = Warehouse.open(url, "a-key-of-the-tests-and-of-nothing-else")
    run = runs.start_run(warehouse, "demo", "sync_sn_flows", "n", {})
    with warehouse.begin() as conn:
        run_chunks.add_chunks(conn, run.run_id, [sns])
    async with TuyaClient.open(account, warehouse.tokens, warehouse.slots) as client:
        outcome = await chunk.sync_chunk(client, CraftLines(warehouse, run), 0, workers=2)
    print(runs.finish_run(warehouse, run.run_id, "balanced").status, outcome.answered, outcome.rejected)

asyncio.run(main())
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(int(peak.split()[1]) // 1024)
"""


def steps(count: int) -> bytes:
    one = '{"craftLineCode":"L","node":"N%d","nodeDesc":"d","orderCode":"","sn":"S","status":true,"time":%d}'
    return b"[" + ",".join(one % (n % 50, 1763676000000 + n) for n in range(count)).encode() + b"]"


def enveloped(result: bytes) -> bytes:
    return b'{"result":' + result + b',"success":true,"t":1763676000000}'


class Hostile(BaseHTTPRequestHandler):
    """A cloud whose answers about steps ``about(sn)`` makes: body, and whether it is compressed; None: endless."""

    protocol_version = "HTTP/1.1"
    about: Callable[[str], tuple[bytes, bool] | None]

    def do_GET(self) -> None:
        token = {"access_token": "t" * 32, "refresh_token": "r" * 32, "expire_time": 7200, "uid": "u"}
        self._send(enveloped(json.dumps(token).encode()))

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
        if "login/token/get" in self.path:
            self._send(enveloped(json.dumps({"publicKey": PUBLIC_KEY, "token": "x"}).encode()))
        elif "user/login" in self.path:
            self._send(enveloped(json.dumps({"accessToken": "p" * 32, "refreshToken": "q" * 32}).encode()))
        elif (found := type(self).about(str(asked.get("sn")))) is None:
            self._send_for_ever()
        else:
            self._send(*found)

    def _send(self, body: bytes, packed: bool = False) -> None:
        self.send_response(200)
        if packed:
            self.send_header("content-encoding", "gzip")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

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
def cloud() -> Iterator[Callable[[Callable[[str], tuple[bytes, bool] | None]], int]]:
    """Start a hostile cloud; its port."""
    servers: list[ThreadingHTTPServer] = []

    def start(about: Callable[[str], tuple[bytes, bool] | None]) -> int:
        handler = type("Handler", (Hostile,), {"about": staticmethod(about)})
        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return servers[-1].server_address[1]

    yield start
    for one in servers:
        one.shutdown()
        one.server_close()


def asked(url: str, port: int, sns: list[str]) -> tuple[str, int]:
    """How a run over these serial numbers ended, and the peak of its process in MB."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("TUYAHOUSE_")}
    done = subprocess.run(
        [sys.executable, "-c", ASKING, url, str(port), ",".join(sns)],
        env={**env, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    said, peak = done.stdout.splitlines()[-2:]
    return said, int(peak)


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


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_an_answer_made_to_fill_memory_is_a_dead_letter_beside_its_neighbours(
    sqlite_url: str, secret_key: str, cloud, make
) -> None:
    hostile = make()
    port = cloud(lambda sn: hostile if sn == "S2" else (enveloped(steps(3)), False))
    said, peak = asked(sqlite_url, port, ["S1", "S2", "S3"])
    assert said == "balanced 2 1" and peak < MOST_MB, f"{said}, {peak} MB"
    warehouse = Warehouse.open(sqlite_url, secret_key)
    with warehouse.read() as conn:
        (letter,) = dead_letters.open_dead_letters(conn, "demo", "sn_flows")
    warehouse.close()
    assert (letter.key, letter.reason) == ("S2", "unusable_answer") and letter.raw


def test_two_hundred_thousand_steps_of_one_serial_number_land(warehouse_url: str, cloud) -> None:
    large = enveloped(steps(200_000))
    port = cloud(lambda sn: (large if sn == "S2" else enveloped(steps(3)), False))
    said, peak = asked(warehouse_url, port, ["S1", "S2", "S3"])
    assert said == "balanced 3 0" and peak < MOST_MB, f"{said}, {peak} MB"


def test_a_chunk_of_large_answers_lands_piece_by_piece(sqlite_url: str, cloud) -> None:
    large = enveloped(steps(40_000))
    port = cloud(lambda sn: (large, False))
    said, peak = asked(sqlite_url, port, [f"S{n}" for n in range(10)])
    assert said == "balanced 10 0" and peak < MOST_MB, f"{said}, {peak} MB"
