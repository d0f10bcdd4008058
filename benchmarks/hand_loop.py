"""The shortest loop that does the nightly job by hand: ask, parse, COPY, upsert. The library is compared with it.

It signs, as every client must, and commits every thousand serial numbers. It keeps no raw answer, ledger, token or
pace, validates nothing and stops at the first error. ``python -m benchmarks.hand_loop BASE_URL DATABASE_URL COUNT``.
"""

import asyncio
import hashlib
import hmac
import sys
import time
from datetime import UTC, datetime

import aiohttp
import orjson
import psycopg

ID, SECRET, TOKEN = "benchclient", b"benchsecret", "c" * 32
PATH = "/v1.0/pms/station/sn/flows/get"
WORKERS, CHUNK = 16, 1000
CREATE = """CREATE TABLE IF NOT EXISTS hand_step (sn text, node text, happened_at timestamptz, order_code text,
  craft_line_code text, node_desc text, request_id text, status bool, PRIMARY KEY (sn, node, happened_at))"""
TYPES = ("text", "text", "timestamptz", "text", "text", "text", "text", "bool")
UPSERT = """INSERT INTO hand_step SELECT * FROM staging ON CONFLICT (sn, node, happened_at) DO UPDATE SET
  order_code = excluded.order_code, craft_line_code = excluded.craft_line_code, node_desc = excluded.node_desc,
  request_id = excluded.request_id, status = excluded.status"""


async def ask(session, sn, rows):
    body = orjson.dumps({"sn": sn})
    t = str(time.time_ns() // 1_000_000)
    text = f"{ID}{TOKEN}{t}POST\n{hashlib.sha256(body).hexdigest()}\n\n{PATH}"
    sign = hmac.new(SECRET, text.encode(), "sha256").hexdigest().upper()
    headers = {"client_id": ID, "access_token": TOKEN, "t": t, "sign": sign, "sign_method": "HMAC-SHA256"}
    headers["Content-Type"] = "application/json"
    async with session.post(PATH, data=body, headers=headers) as answer:
        for s in orjson.loads(await answer.read())["result"]:
            at = datetime.fromtimestamp(s["time"] / 1000, UTC)
            key = (s["sn"], s["node"], at)
            rows.append((*key, s["orderCode"], s["craftLineCode"], s["nodeDesc"], s["requestId"], s["status"]))


async def work(session, sns, rows):
    for sn in sns:
        await ask(session, sn, rows)


def load(connection, rows):
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE staging (LIKE hand_step) ON COMMIT DROP")
        with cursor.copy("COPY staging FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(TYPES)
            for row in rows:
                copy.write_row(row)
        cursor.execute(UPSERT)


async def main(base_url, database_url, count):
    sns = [f"BENCH{number:08d}" for number in range(1, count + 1)]
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(CREATE)
        async with aiohttp.ClientSession(base_url) as session:
            for begin in range(0, count, CHUNK):
                rows, chunk = [], iter(sns[begin : begin + CHUNK])
                await asyncio.gather(*(work(session, chunk, rows) for _ in range(WORKERS)))
                load(connection, rows)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
