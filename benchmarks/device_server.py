"""The fast server with a device list: ``python -m benchmarks.device_server COUNT`` prints its port and serves.

Pages hold a hundred devices and are made once, so that answering costs next to nothing.
"""

import asyncio
import sys
from urllib.parse import parse_qs

from benchmarks.server import Answers, Connection, _content_length, _envelope

PAGE = 100
LIST = b"/v1.0/expand/devices"


def device(number: int) -> dict[str, object]:
    return {
        "device_id": f"6c{number:016x}",
        "project_id": "bench",
        "cid": f"YZCB{number:010d}",
        "gateway_id": f"6c{number // 20:016x}",
        "device_name": f"Door reader no. {number}",
        "device_ip": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
        "mac_address": f"00-55-52-{number >> 16 & 255:02X}-{number >> 8 & 255:02X}-{number & 255:02X}",
        "install_location": "East entrance",
        "product_type": "wf_znmj",
        "product_id": "0vbrvxonnjsxi001",
        "product_name": "Door reader",
        "supplier_code": "tuya",
        "supplier_name": "Tuya",
        "extend_data": '{"channel": "3", "firmware": "2.0"}',
        "active_status": "1",
        "online_status": str(int(number % 20 > 0)),
        "create_time": 1_690_000_000_000 + number * 1000,
        "task_id": f"task{number // 100:06d}",
        "uid": "bay1617693984346",
    }


def page(number: int, size: int, count: int) -> bytes:
    rows = [device(each) for each in range(max(number - 1, 0) * size, min(number * size, count))]
    return _envelope({"list": rows, "total": count, "page_no": number, "page_size": size})


class Devices(Answers):
    """Answers the list too."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count
        self.pages = {number: page(number, PAGE, count) for number in range(1, count // PAGE + 2)}

    def list(self, query: bytes) -> bytes:
        asked = parse_qs(query.decode())
        number, size = int(asked["page_no"][0]), int(asked["page_size"][0])
        return self.pages[number] if size == PAGE and number in self.pages else page(number, size, self.count)


class DeviceConnection(Connection):
    answers: Devices

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end]
            stop = end + 4 + _content_length(head)
            if len(self.buffer) < stop:
                return
            body, self.buffer = self.buffer[end + 4 : stop], self.buffer[stop:]
            path, _, query = head.split(b" ", 2)[1].partition(b"?")
            answer = self.answers.list(query) if path == LIST else self.answers.to(path, body)
            self.transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
                % (len(answer), answer)
            )


async def main(count: int) -> None:
    answers = Devices(count)
    server = await asyncio.get_running_loop().create_server(lambda: DeviceConnection(answers), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
