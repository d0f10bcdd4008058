"""A Tuya that costs next to nothing: answers every call at once, always the same, and verifies nothing.

One process, one event loop, HTTP parsed by hand, so that a benchmark measures its client. ``python -m
benchmarks.server`` prints its port and serves until it is ended. ``GET /bench/starts`` returns the arrival times (Unix
seconds) of all calls for serial numbers so far and clears them,
``GET /bench/first`` that of the first call of any kind.
"""

import asyncio
import base64
import json
import time

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

NODES = ("SMT", "AOI", "ICT", "BURN", "ASSEMBLY", "FCT", "AGING", "PACK")
UNITS_OF_AN_ORDER = 5000
BEGIN_MS = 1_790_000_000_000
FLOWS = b"/v1.0/pms/station/sn/flows/get"


def steps_of(sn: str) -> list[dict[str, object]]:
    """The eight steps of a unit; they depend on its serial number alone."""
    number = int("".join(filter(str.isdigit, sn)) or 0)
    order = f"WO{number // UNITS_OF_AN_ORDER:06d}"
    return [
        {
            "orderCode": order,
            "sn": sn,
            "craftLineCode": "CL-BENCH",
            "node": node,
            "nodeDesc": f"Station {node.lower()}",
            "requestId": f"r{number:012d}{place:02d}",
            "status": True,
            "time": BEGIN_MS + number * 1000 + place * 60_000,
        }
        for place, node in enumerate(NODES)
    ]


CRAFT_LINE = {
    "code": "CL-BENCH",
    "name": "Bench line",
    "type": "production",
    "nodeList": [{"sort": sort, "code": node, "programs": "p1,p2", "desc": node} for sort, node in enumerate(NODES, 1)],
}
_PLATFORM = {"access_token": "a" * 32, "refresh_token": "b" * 32, "expire_time": 7200, "uid": "bench"}


def _public_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()
    return base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


class Answers:
    """The answer to each path."""

    def __init__(self) -> None:
        self.public_key = _public_key()
        self.starts: list[float] = []
        self.first: float | None = None

    def to(self, target: bytes, body: bytes) -> bytes:
        path = target.partition(b"?")[0]
        if path == b"/bench/first":
            first, self.first = self.first, None
            return json.dumps(first).encode()
        if self.first is None:
            self.first = time.time()
        if path == FLOWS:
            self.starts.append(time.time())
            return envelope(steps_of(json.loads(body)["sn"]))
        if path == b"/bench/starts":
            starts, self.starts = self.starts, []
            return json.dumps(starts).encode()
        if path.endswith(b"/login/token/get"):
            return envelope({"publicKey": self.public_key, "token": "login"})
        if path.endswith(b"/user/login"):
            return envelope({"accessToken": "c" * 32, "refreshToken": "d" * 32})
        if b"/craftline/get/" in path:
            return envelope(CRAFT_LINE)
        return envelope(_PLATFORM)


def envelope(result: object) -> bytes:
    answer = {"success": True, "result": result, "t": int(time.time() * 1000), "tid": "bench"}
    return json.dumps(answer, separators=(",", ":")).encode()


class Connection(asyncio.Protocol):
    """One keep-alive connection; requests may arrive in pieces or several at once."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end]
            stop = end + 4 + _content_length(head)
            if len(self.buffer) < stop:
                return
            body, self.buffer = self.buffer[end + 4 : stop], self.buffer[stop:]
            answer = self.answers.to(head.split(b" ", 2)[1], body)
            self.transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
                % (len(answer), answer)
            )


def _content_length(head: bytes) -> int:
    at = head.lower().find(b"\r\ncontent-length:")
    return int(head[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


async def main(answers: Answers) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Connection(answers), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(Answers()))
