"""The shortest loop that reads a device list by hand: page, parse, COPY, upsert. One sweep is compared with it.

It trusts the page size, keeps no history, mark or raw answer, finds no vanished devices and stops at the first error.
``python -m benchmarks.hand_devices BASE_URL DATABASE_URL``
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
PATH = "/v1.0/expand/devices"
PAGE, TOGETHER = 100, 16
EMPTY = hashlib.sha256(b"").hexdigest()
NAMES = (
    "device_id project_id cid gateway_id device_name device_ip mac_address install_location product_type product_id "
    "product_name supplier_code supplier_name extend_data uid"
).split()
CREATE = f"""CREATE TABLE IF NOT EXISTS hand_device ({", ".join(f"{name} text" for name in NAMES)}, active bool,
  online bool, created_at timestamptz, PRIMARY KEY (device_id))"""
COLUMNS = (*NAMES, "active", "online", "created_at")
TYPES = ("text",) * len(NAMES) + ("bool", "bool", "timestamptz")
UPSERT = f"""INSERT INTO hand_device SELECT * FROM staging ON CONFLICT (device_id) DO UPDATE SET
  {", ".join(f"{name} = excluded.{name}" for name in COLUMNS[1:])}"""


async def ask(session, number):
    query = f"page_no={number}&page_size={PAGE}&project_id=bench"
    t = str(time.time_ns() // 1_000_000)
    text = f"{ID}{TOKEN}{t}GET\n{EMPTY}\n\n{PATH}?{query}"
    sign = hmac.new(SECRET, text.encode(), "sha256").hexdigest().upper()
    headers = {"client_id": ID, "access_token": TOKEN, "t": t, "sign": sign, "sign_method": "HMAC-SHA256"}
    async with session.get(f"{PATH}?{query}", headers=headers) as answer:
        return orjson.loads(await answer.read())["result"]


def row(item):
    created = datetime.fromtimestamp(item["create_time"] / 1000, UTC)
    return (*[item[name] for name in NAMES], item["active_status"] == "1", item["online_status"] == "1", created)


def load(connection, pages):
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE staging (LIKE hand_device) ON COMMIT DROP")
        with cursor.copy("COPY staging FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(TYPES)
            for page in pages:
                for item in page["list"]:
                    copy.write_row(row(item))
        cursor.execute(UPSERT)


async def main(base_url, database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(CREATE)
        async with aiohttp.ClientSession(base_url) as session:
            total, number = 1, 1
            while (number - 1) * PAGE < total:
                pages = await asyncio.gather(*(ask(session, each) for each in range(number, number + TOGETHER)))
                total, number = pages[0]["total"], number + TOGETHER
                load(connection, pages)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
